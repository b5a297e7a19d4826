/* What all mounts are made with. Except where a result is returned, failure ends the program with a
 * message. */
#ifndef MOUNTING_H
#define MOUNTING_H

#include "abi.h"
#include "resolve.h"

/* What the image's own files, and every bind, lose. */
#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define SEALED (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* Fails with "cannot WHAT TARGET" when `result` is an error. */
void attempt(long result, const char *what, const char *target);

/* mount(2) onto an open descriptor: nobody can put a link in its way. */
long mount_on(int fd, const char *source, const char *type, unsigned long flags, const char *data);

/* Adds restrictions to the mount that `fd` is in, to those below it too if `recursive`. */
long restrict_mount(int fd, uint64_t attributes, int recursive);

/* Opens a mount point in the root, see resolve(). */
long open_target(int root, const char *target, enum missing missing);

/* Shows the host's `source` with all below it at `target`, with restrictions (MOUNT_ATTR_...).
 * Returns a descriptor of what is there then. */
int bind(int root, const char *source, const char *target, uint64_t attributes);

/* Mounts a new file system. */
void mount_new(int root, const char *type, const char *target, unsigned long flags,
               const char *data);

#endif
