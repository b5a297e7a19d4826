/* The tree of mounts, for kernels that cannot restrict all of one at once. */
#ifndef MOUNTINFO_H
#define MOUNTINFO_H

#include "abi.h"

/* Calls `visit` with a descriptor of the root of each mount below the one that `fd` is the root of,
 * and with `attributes`, but not for those that nobody in there can reach. Returns 0, or the first
 * error, which is -ESTALE when a mount is not where the kernel says. */
long visit_submounts(int fd, long (*visit)(int fd, uint64_t attributes), uint64_t attributes);

#endif
