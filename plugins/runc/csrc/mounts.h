/* The container's view of files. */
#ifndef MOUNTS_H
#define MOUNTS_H

#include "options.h"

/* Makes all mounts and makes the root "/". The caller is alone in a new mount namespace.
 * Exits on failure. */
void build_root(const struct options *o);

#endif
