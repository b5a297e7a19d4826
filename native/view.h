/* The container's file system as text: its root on the host and what is bound over it.
 *
 * Two kinds of path are never mixed up: a *host path* is what the kernel understands; a *container
 * path* is what the program inside says. Both are absolute, and canonical here: no ".", "..",
 * double or final slash; no symbolic link in what is given to view_bind().
 */
#ifndef VIEW_H
#define VIEW_H

#include "abi.h"

enum { VIEW_BINDS = 1024 }; /* as many as fit on a command line that anyone writes */

struct bind {
	const char *target; /* container path, "" for the root itself */
	const char *source; /* host path, "" for "/" */
	unsigned short target_length, source_length;
	unsigned char directory; /* whether the source is one */
	/* The source is a link of /proc/PID/fd, which only the kernel can follow. Whoever binds
	 * sets it. */
	unsigned char magic;
};

struct view {
	unsigned count;
	/* Sorted by target, longest first, so that the first that fits counts. The last is the root:
	 * target "". The order for the way back is in by_source. */
	struct bind binds[VIEW_BINDS];
	unsigned short by_source[VIEW_BINDS];
	/* Descriptor (O_PATH) of the root directory, -1 when it has to be found by its path. */
	int root;
	/* Whether the kernel has openat2(2): cleared when it turns out that it has not. */
	unsigned char openat2;
};

/* Adds a bind; the root (target "") first, which also sets the other members: root to -1. `source`
 * is a host path without links, "/" or "" for the host's root. The strings are kept, not copied.
 * A later bind on the same target replaces. Returns the bind, valid until the next view_bind();
 * NULL if there are too many or a path is longer than PATH_MAX. */
struct bind *view_bind(struct view *view, const char *source, const char *target, int directory);

/* The bind that container path `path` lies in (always one: the root at least). */
const struct bind *view_at(const struct view *view, const char *path);

/* Whether `path` is the very target of a bind, or the root: a mount point. */
int view_is_target(const struct view *view, const char *path);

/* The host path of canonical container path `path` ("" and "/" are both the root), without looking
 * at the file system. 0 or -ENAMETOOLONG. */
long view_to_host(const struct view *view, const char *path, char out[PATH_MAX]);

/* The container path of host path `path`: the longest source counts whose target no other bind
 * hides there. 0, -ENOENT when the path is outside of the container (then `out` is a copy of it),
 * -ENAMETOOLONG. `out` may be `path`. */
long view_to_container(const struct view *view, const char *path, char out[PATH_MAX]);

/* Whether some bind's target lies below container path `path`: then `path` is a directory, even
 * if the root lacks it. */
int view_has_below(const struct view *view, const char *path);

#endif
