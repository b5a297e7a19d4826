/* The user and group ids that a process believes to have (credentials(7), capabilities(7)).
 *
 * Pure functions of values: what the kernel would answer to a process with these ids whose
 * capabilities in an initial user namespace follow from them.
 */
#ifndef IDS_H
#define IDS_H

#include "abi.h"

/* The most groups. It is less than the kernel's NGROUPS_MAX (65536): initgroups(3) takes as many as
 * it can get. */
enum { IDS_GROUPS = 64 };

enum { /* capabilities(7), those that are looked at */
	CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_FOWNER = 3, CAP_FSETID = 4, CAP_SETGID = 6,
	CAP_SETUID = 7, CAP_SETPCAP = 8, CAP_SYS_CHROOT = 18, CAP_MKNOD = 27, CAP_LAST = 40
};

struct ids {
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint32_t count, groups[IDS_GROUPS]; /* in ascending order */
	struct cap_data capabilities[2];    /* of 0 to 31, of 32 to 63 */
	uint64_t ambient, bounding;
	uint32_t securebits; /* with PR_SET_KEEPCAPS */
	unsigned char no_new_privileges;
	unsigned char dumpable; /* what PR_SET_DUMPABLE was told */
};

/* All ids one user's, no other groups; capabilities as a container's root has them (docker's
 * default ones) if that is 0. */
void ids_start(struct ids *ids, uint32_t uid, uint32_t gid);

/* Each as the system call of that name; arguments as the kernel takes them ((uint32_t)-1 leaves an
 * id). 0 or -EPERM, -EINVAL; ids_setfsuid() and ids_setfsgid() return the former one.
 * ids_setgroups() fails with -EINVAL for more than IDS_GROUPS. */
long ids_setuid(struct ids *ids, uint32_t uid);
long ids_setgid(struct ids *ids, uint32_t gid);
long ids_setreuid(struct ids *ids, uint32_t real, uint32_t effective);
long ids_setregid(struct ids *ids, uint32_t real, uint32_t effective);
long ids_setresuid(struct ids *ids, uint32_t real, uint32_t effective, uint32_t saved);
long ids_setresgid(struct ids *ids, uint32_t real, uint32_t effective, uint32_t saved);
long ids_setfsuid(struct ids *ids, uint32_t uid);
long ids_setfsgid(struct ids *ids, uint32_t gid);
long ids_setgroups(struct ids *ids, uint32_t count, const uint32_t *groups);

/* capset(2) of the process itself, data in the form of version 3. 0 or -EPERM. */
long ids_capset(struct ids *ids, const struct cap_data data[2]);

/* prctl(2) for PR_CAPBSET_*, PR_CAP_AMBIENT, PR_*_KEEPCAPS, PR_*_SECUREBITS; -EINVAL for others. */
long ids_prctl(struct ids *ids, int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* Whether the process has capability `number` (CAP_CHOWN is 0 ...) in its effective set. */
int ids_capable(const struct ids *ids, int number);

/* Whether `gid` is its file system group or one of its supplementary groups. */
int ids_in_group(const struct ids *ids, uint32_t gid);

/* May a process with these ids change the owner of a file of `uid`:`gid` to `new_uid`:`new_gid`
 * ((uint32_t)-1 leaves it)? 0 or -EPERM, as chown(2). */
long ids_may_chown(const struct ids *ids, uint32_t uid, uint32_t gid, uint32_t new_uid,
                   uint32_t new_gid);

/* What execve(2) of a file with this mode and owner does to the ids. Returns whether AT_SECURE is
 * to be set. */
int ids_execute(struct ids *ids, uint32_t mode, uint32_t uid, uint32_t gid);

#endif
