/* What the file system could not record as the program asked: owners, device nodes, and the mode
 * bits that go with them. It lives as long as the container's run.
 */
#ifndef OWNERS_H
#define OWNERS_H

#include "abi.h"

struct owner {
	uint64_t dev, ino; /* the file */
	uint32_t uid, gid; /* container ids */
	uint32_t mode;     /* of a made-up node: S_IFCHR or S_IFBLK; 0: as the file is */
	uint64_t rdev;     /* of a made-up node */
};

struct owners; /* a hash table in memory of its own */

/* An empty table, or NULL when there is no memory. */
struct owners *owners_new(void);

/* The entry of a file, NULL if there is none. Valid until the next call of owners_set(). */
const struct owner *owners_find(const struct owners *owners, uint64_t dev, uint64_t ino);

/* Adds or replaces. 0 or -ENOMEM. */
long owners_set(struct owners *owners, const struct owner *owner);

/* Forgets a file; called when its last name is removed, as the inode number will be used again. */
void owners_drop(struct owners *owners, uint64_t dev, uint64_t ino);

/* How many entries there are: 0 saves the look-ups on removal. */
size_t owners_count(const struct owners *owners);

#endif
