/* What execve(2) has to start: found and checked before the old program is given up. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "call.h"

enum { PROGRAM_EXTRA = 14 }; /* arguments that scripts and the emulator put in front */

struct program {
	char host[PATH_MAX];        /* of the ELF file to be mapped; may be /proc/OUR-PID/fd/N */
	char interpreter[PATH_MAX]; /* host path of its dynamic linker, "" for none */
	char exe[PATH_MAX];         /* container path: /proc/self/exe */
	char name[16];              /* /proc/self/comm */
	const char *filename;       /* what execve was asked for: AT_EXECFN */
	/* Scripts: argv is extra[0..count-1] and then the program's own argv from `skip` on. The
	 * strings are in `text`. Without a script count is 0 and argv stays as it is. */
	unsigned count, skip;
	const char *extra[PROGRAM_EXTRA];
	char text[3 * PATH_MAX];
	uint32_t mode, uid, gid; /* of the file, as the container sees it: for ids_execute() */
	/* Descriptors of ours that host and interpreter go through where no path names the file
	 * (memfd_create(2), deleted files); else -1. To be kept until it is loaded. */
	int held[2];
	/* After an error: what errno does not tell a person, else NULL. */
	const char *why;
};

/* Fills `program` for the file that (`dirfd`, `path`, `flags`) name as in execveat(2). 0 or what
 * execve would return: -ENOENT, -EACCES, -ENOEXEC, -ELIBBAD, -ELOOP, -ENAMETOOLONG ... After 0
 * call program_release(), when it has been loaded or will not be. */
long program_find(struct call *call, int dirfd, const char *path, int flags,
                  struct program *program);

/* Closes what is held. May be called again. */
void program_release(struct program *program);

#endif
