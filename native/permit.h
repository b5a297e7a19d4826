/* What root may do although the mode of a file forbids it even to the owner (CAP_DAC_OVERRIDE,
 * capabilities(7)): the owner's bits are added for the moment of the call.
 */
#ifndef PERMIT_H
#define PERMIT_H

#include "resolve.h"

enum { PERMITS = 16 };

struct permit {
	int fd;        /* O_PATH descriptor of the file */
	uint32_t mode; /* its mode before */
};

struct permits {
	unsigned count;
	struct permit list[PERMITS];
};

/* Whether the subject may do so at all. */
int permit_allowed(const struct subject *subject);

/* Adds the bits `wanted` (owner's, S_IRWXU) to the mode of the file behind `fd`. Returns whether
 * it had to be, and could; then permit_undo() or permit_end() follows. */
int permit_file(const struct subject *subject, int fd, uint32_t wanted, struct permit *permit);

/* Puts the mode back. permit_end() also closes the descriptor. */
void permit_undo(const struct permit *permit);
void permit_end(const struct permit *permit);

/* After -EACCES for `place`: opens the way to it, or when that is open, what is there. Returns
 * whether something was changed, so that another try makes sense. `buffer` is for paths. */
int permit_way(const struct subject *subject, const struct place *place, char buffer[PATH_MAX],
               struct permits *permits);

/* permit_end() for all, the last first. */
void permit_end_all(struct permits *permits);

#endif
