/* What a probe is made of. A probe is a function that returns when a system call behaves as it
 * does on a plain kernel; it runs in a process of its own, in an empty directory of its own.
 */
#ifndef PROBE_H
#define PROBE_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct probe {
	const char *name;
	void (*run)(void);
};

/* Defines a probe and enters it in the list, which is in the order of the source files. */
#define PROBE(probe_name)                                                                      \
	static void probe_##probe_name(void);                                                  \
	static const struct probe entry_##probe_name = {#probe_name, probe_##probe_name};      \
	static const struct probe *const listed_##probe_name                                   \
		__attribute__((section("probes"), used)) = &entry_##probe_name;                \
	static void probe_##probe_name(void)

/* What the caller says about the container. */
struct expected {
	uid_t uid;
	gid_t gid;
	const char *bound;      /* directory that is bound; has a file "marker" with "bound\n" */
	const char *bound_file; /* file that is bound; "bound\n" */
	const char *nested;     /* directory that is bound below `bound`; "marker" with "nested\n" */
	const char *absent;     /* a file that exists on the host and not in the container */
	const char *programs[8]; /* other builds of this program */
	int program_count;
};
extern struct expected expected;

extern char self[4096];    /* this program's file */
extern char scratch[4096]; /* the probe's directory */

/* End the probe, from any of its processes. */
_Noreturn void failed(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define fail(...) failed(__FILE__, __LINE__, __VA_ARGS__)
#define check(condition)                                                                       \
	((condition) ? (void)0 : fail("%s: errno is %s", #condition, strerror(errno)))
#define works(call) works_at(__FILE__, __LINE__, #call, (long)(call))
#define refused(call, error)                                                                   \
	(errno = 0, refused_at(__FILE__, __LINE__, #call, (long)(call), error, #error))
#define equal(got, want)                                                                       \
	equal_at(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
#define same_text(got, want) same_text_at(__FILE__, __LINE__, #got, got, want)

/* The result of a call that must not be -1. */
long works_at(const char *file, int line, const char *text, long result);
void refused_at(const char *file, int line, const char *text, long result, int error,
                const char *name);
void equal_at(const char *file, int line, const char *text, long long got, long long want);
void same_text_at(const char *file, int line, const char *text, const char *got,
                  const char *want);

void need_root(void);         /* skips unless the container's user is root */
void need(long result);       /* skips if `result` is -1 and errno is ENOSYS */
pid_t spawn(void);            /* fork(2) that must work */
int wait_status(pid_t pid);   /* what waitpid(2) says of it */
void join(pid_t pid);         /* waits; its failure is ours */
void become(uid_t uid, gid_t gid); /* for good, without supplementary groups */

void put(const char *path, const char *text);  /* makes a file, mode 0644 */
const char *get(const char *path);             /* its text; until the next call */
void copy(const char *from, const char *to, mode_t mode);
const char *in_scratch(const char *name);      /* its absolute path; until the fourth call */
const char *link_text(const char *path);       /* readlink(2); until the next call */

/* Runs a program with the working directory and the environment `envp` (NULL: ours). `output`
 * gets what it writes, of at most 8191 bytes. Returns its exit status, 128 + signal, or 1000 +
 * errno of execve(2). */
int run(const char *path, char *const argv[], char *const envp[], const char **output);

/* This program in the part of a helper: argv[1] is "--act", argv[2] what to do. */
int act(int argc, char **argv);

#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})

/* struct statx of linux/stat.h, which some libcs do not have and cannot include. */
struct extended {
	uint32_t mask, block_size;
	uint64_t attributes;
	uint32_t links, uid, gid;
	uint16_t mode, spare;
	uint64_t inode, size, blocks, attributes_mask;
	struct {
		int64_t seconds;
		uint32_t nanoseconds;
		int32_t reserved;
	} times[4];
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t more[14];
};
_Static_assert(sizeof(struct extended) == 256, "statx(2) writes 256 bytes");
enum { EXTENDED_SIZE = 0x200, EXTENDED_BASIC = 0x7ff, EXTENDED_ALL = 0xfff };

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif

#endif
