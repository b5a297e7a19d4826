/* Files of /proc that tell of the host what a container must not see. */
#ifndef CALLS_PROC_H
#define CALLS_PROC_H

#include "call.h"

/* If `place` is such a file, and `flags` (open(2)) only read it: a descriptor of a copy as the
 * container shall see it, or a negative errno. -ENODATA: it is an ordinary file. */
long rewritten(struct call *call, const struct place *place, unsigned flags);

#endif
