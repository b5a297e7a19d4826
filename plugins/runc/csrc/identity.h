/* User namespaces: their ids, and why they cannot be had. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "options.h"

/* Gives the namespace of process `pid`, which waits for it, its ids. Exits on failure. */
void map_ids(const struct options *o, long pid);

/* Becomes the program's user, in the program's process. Exits on failure. */
void become_user(const struct options *o);

/* Names the likely reason why this host refuses a user namespace, or a mount in one. */
const char *refusal(long error);

#endif
