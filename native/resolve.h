/* From a path that a program uses to the place on the host (path_resolution(7)). */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "subject.h"

enum { /* how to resolve */
	LOCATE_FOLLOW = 1,  /* a symbolic link at the end counts as what it points to */
	LOCATE_OPEN = 2,    /* give a descriptor (O_PATH) of what is there too */
	LOCATE_NAME = 4,    /* the directory entry itself is meant, as for mkdir(2), rmdir, unlink,
	                     * rename, mknod, symlink, bind and both names of link(2) but an old one
	                     * that ends with a slash: a slash at the end follows no link then */
	LOCATE_BENEATH = 8, /* the RESOLVE_... flags of openat2(2): see there. RESOLVE_IN_ROOT is a */
	LOCATE_NO_LINKS = 16, /* subject with another chroot. */
	LOCATE_NO_MAGIC = 32
};

struct place {
	/* Host path, or a path below `directory`. No symbolic link is in it but perhaps, without
	 * LOCATE_FOLLOW, the last name. It ends with "/", "/." or (LOCATE_NAME only) "/.." where
	 * the program's path did, so that the kernel says what it says then. */
	char path[PATH_MAX];
	/* For the kernel's *at calls: AT_FDCWD; or a descriptor where there is no such host path: in
	 * a directory that was removed, is too deep for PATH_MAX, or was inherited from outside of
	 * the container. place_close() closes it. */
	int directory;
	int fd;     /* LOCATE_OPEN: O_PATH descriptor, -1 if there is none, and the error says why. */
	long error; /* LOCATE_OPEN: -ENOENT, -ENOTDIR, -EACCES ...: what the kernel would say to
	             * stat(2). After -EACCES the rest of the path has not been looked at: locate it
	             * again after making a directory accessible. */
	unsigned char mount; /* it is the target of a bind, or "/": not to be removed or renamed */
	/* A link of /proc/PID/fd or the like that the kernel has to follow when the place is used,
	 * whatever the program said: no O_NOFOLLOW, no AT_SYMLINK_NOFOLLOW. */
	unsigned char magic;
	char container[PATH_MAX]; /* container path, chroot or not; "" when not known */

	/* For locate() and read_link(): a small stack has no room for it. */
	char rest[2 * PATH_MAX], text[PATH_MAX];
};

/* Finds the place that `path` names for `subject`, starting at its descriptor `dirfd` (or
 * AT_FDCWD) when relative; absolute paths start at the subject's root (chroot counts).
 *
 * What does not exist is no error as long as it is the last name: the kernel says the rest when
 * the place is used. Returns 0 or a negative errno: -ENOENT, -ENOTDIR, -ELOOP, -EACCES,
 * -ENAMETOOLONG, -EBADF, -EXDEV ... After 0 call place_close(). An empty path is -ENOENT here;
 * callers treat AT_EMPTY_PATH before.
 */
long locate(const struct subject *subject, int dirfd, const char *path, int how,
            struct place *place);

void place_close(struct place *place);

/* The container path of the subject's working directory (`dirfd` AT_FDCWD) or descriptor:
 * absolute, relative to its chroot. 0, -ENOENT when it was removed or lies outside, -ENOTDIR,
 * -EBADF, -ENAMETOOLONG. */
long locate_directory(const struct subject *subject, int dirfd, char out[PATH_MAX]);

/* The text of the symbolic link at `place` as the program should read it: links of /proc that
 * point to host paths are translated. Returns the length (no NUL is added) or a negative errno. */
long read_link(const struct subject *subject, struct place *place, char *out, size_t size);

/* The canonical container path of what `path` names, links followed, for the target of a bind:
 * what does not exist is kept as it is written. `path` is absolute. 0 or a negative errno. */
long view_canonical(struct view *view, const char *path, char out[PATH_MAX]);

#endif
