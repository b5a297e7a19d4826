/* The links of a bound /proc that lead to processes, their files and directories (proc(5)). */
#ifndef PROCFS_H
#define PROCFS_H

#include "subject.h"

enum { PROC_SELF_SIZE = 48 }; /* of a buffer for "PID/task/TID" */

enum proc_kind {
	PROC_NONE,        /* not one of these */
	PROC_SELF,        /* /proc/self */
	PROC_THREAD_SELF, /* /proc/thread-self */
	PROC_ROOT, PROC_CWD, PROC_EXE, /* /proc/PID/root ..., also in task/TID */
	PROC_FD,          /* /proc/PID/fd/N, map_files/RANGE: any file */
	PROC_OTHER        /* /proc/PID/ns/NAME */
};

struct proc_link {
	enum proc_kind kind;
	const struct subject *owner; /* NULL: no process of this container */
};

/* What host path `path` is, for the process `asking`. */
struct proc_link proc_link(const struct subject *asking, const char *path);

/* The text of /proc/self or /proc/thread-self for `asking`; returns its length. */
size_t proc_self_text(const struct subject *asking, enum proc_kind kind,
                      char out[PROC_SELF_SIZE]);

/* Translates what the kernel gives as the text of a PROC_CWD or PROC_FD link: in `text` a host
 * path becomes a container path (chroot or not). 0; -ENOENT for a file or directory that was
 * removed: "NAME (deleted)" is then the translated text, if NAME lies inside; -EXDEV for what lies
 * outside of the container, -ENOTDIR for what has no path ("pipe:[1]"): `text` is as it was. */
long proc_translate(const struct subject *asking, const char *link, char text[PATH_MAX]);

#endif
