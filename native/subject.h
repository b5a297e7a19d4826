/* The process for which a call is answered, and what the answering side must provide.
 *
 * There are two answering sides ("back ends"): the tracer of modes P1 and P2, another process; and
 * the handler of the F modes, the process itself. All code above this line is the same for both.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "abi.h"

struct ids;
struct view;
struct owners;

/* What is the same for every process of the container. */
struct container {
	struct view *view;
	struct owners *owners;
	const struct ports *ports; /* published ports, NULL for none */
	const char *release;       /* what uname(2) answers, NULL for the host's */
	const char *hostname;      /* NULL for the host's */
	const char *emulator;      /* host path of a qemu-user program, NULL for none */
	uint32_t host_uid, host_gid; /* who we really are */
	uint32_t base_uid, base_gid; /* what files of the real user are shown as */
	unsigned char fake_ids;    /* ids are emulated at all (-0 or -i) */
	unsigned char links;       /* hard links that the file system refuses become copies */
};

struct subject {
	struct container *container;
	int pid, tid;          /* the thread group and the thread */
	char proc[32];         /* "/proc/PID", or "/proc/self" where we are it */
	struct ids *ids;       /* of the thread */
	const char *chroot;    /* container path of its root after chroot(2), "" for "/" */
	const char *exe;       /* container path of the program that it executes */
	unsigned mask;         /* its umask */
};

/* Memory of the subject. Each returns 0 or -EFAULT; subject_text() returns the length of the
 * string, or -EFAULT, or -ENAMETOOLONG when it does not end within `size`. */
long subject_read(const struct subject *subject, void *to, uint64_t from, size_t size);
long subject_write(const struct subject *subject, uint64_t to, const void *from, size_t size);
long subject_text(const struct subject *subject, char *to, uint64_t from, size_t size);

/* A descriptor of ours for the same open file as the subject's `fd`, or a negative errno (-ENOSYS
 * before Linux 5.6). Give it back with subject_release(). */
long subject_borrow(const struct subject *subject, int fd);
void subject_release(const struct subject *subject, int fd);

/* Makes our umask the subject's, before a file is created for it. */
void subject_use_mask(const struct subject *subject);

/* The subject of another process of this container by its pid, NULL if it is none of ours. */
const struct subject *subject_find(const struct subject *asking, int pid);

/* The process of this container that traces the subject by ptrace(2), 0 for none. */
int subject_tracer(const struct subject *subject);

/* Changes the subject's root directory (chroot(2)) to a container path; 0 or -ENOMEM. */
long subject_set_chroot(struct subject *subject, const char *path);

/* Sends `signal` to every process of the container but the asking one: what kill(-1) means
 * inside. 0 or a negative errno. */
long subject_kill_all(const struct subject *asking, int signal);

#endif
