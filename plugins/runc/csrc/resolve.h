/* Finding a path inside a directory tree that is not trusted. */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "abi.h"

enum missing { MISSING_IS_ERROR, MISSING_DIRECTORY, MISSING_FILE };

/* Opens (O_PATH) what `path` names when the directory `root` is "/".
 *
 * Symbolic links are followed by hand, from `root` when absolute, and ".." stays inside, even
 * while another process changes the tree: each component is opened without following it, and
 * ".." goes back to the directory that we came from. Links of /proc that the kernel would follow
 * by magic count as their text. What is missing is made as `missing` says, and its parents too.
 *
 * Returns the descriptor; 0 when the path is the root itself, else a negative errno. It is what
 * openat2(RESOLVE_IN_ROOT) does, which kernels before 5.6 do not have: one way for all kernels is
 * one way to test.
 */
long resolve(int root, const char *path, enum missing missing);

#endif
