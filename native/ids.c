#include "ids.h"

#define NONE ((uint32_t)-1)
#define BIT(n) (UINT64_C(1) << (n))
#define ALL_CAPABILITIES (BIT(CAP_LAST + 1) - 1)

/* What docker leaves root by default: chown dac_override fowner fsetid kill setgid setuid setpcap
 * net_bind_service net_raw sys_chroot mknod audit_write setfcap. */
#define CONTAINER_CAPABILITIES UINT64_C(0xa80425fb)

/* Those that go with the file system uid: chown dac_override dac_read_search fowner fsetid
 * linux_immutable mknod mac_override (capabilities(7), "Effect of user ID changes"). */
#define FILE_CAPABILITIES UINT64_C(0x10800021f)

enum { /* capabilities(7), "The securebits flags"; each one's lock is the bit above it */
	NOROOT = 1, NO_SETUID_FIXUP = 4, KEEP_CAPS = 16, NO_CAP_AMBIENT_RAISE = 64,
	SECURE_BITS = 0x55, SECURE_LOCKS = 0xaa
};


struct sets {
	uint64_t effective, permitted, inheritable;
};

static struct sets sets_of(const struct cap_data data[2])
{
	return (struct sets){
		data[0].effective | (uint64_t)data[1].effective << 32,
		data[0].permitted | (uint64_t)data[1].permitted << 32,
		data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
}

static void set_sets(struct ids *ids, struct sets sets)
{
	for (int i = 0; i < 2; i++)
		ids->capabilities[i] = (struct cap_data){
			(uint32_t)(sets.effective >> 32 * i), (uint32_t)(sets.permitted >> 32 * i),
			(uint32_t)(sets.inheritable >> 32 * i),
		};
}

void ids_start(struct ids *ids, uint32_t uid, uint32_t gid)
{
	uint64_t root = uid == 0 ? CONTAINER_CAPABILITIES : 0;

	*ids = (struct ids){
		.uid = uid, .euid = uid, .suid = uid, .fsuid = uid,
		.gid = gid, .egid = gid, .sgid = gid, .fsgid = gid,
		.bounding = CONTAINER_CAPABILITIES, .dumpable = 1,
	};
	set_sets(ids, (struct sets){root, root, 0});
}

int ids_capable(const struct ids *ids, int number)
{
	return (int)(sets_of(ids->capabilities).effective >> number & 1);
}

int ids_in_group(const struct ids *ids, uint32_t gid)
{
	for (uint32_t i = 0; i < ids->count; i++)
		if (ids->groups[i] == gid)
			return 1;
	return gid == ids->fsgid;
}

/* A change of the effective id takes away the right to look into the process; it stays so until
 * execve(2) (PR_SET_DUMPABLE in prctl(2)). */
static void note_change(struct ids *ids, const struct ids *old)
{
	if (ids->euid != old->euid || ids->egid != old->egid || ids->fsuid != old->fsuid ||
	    ids->fsgid != old->fsgid)
		ids->dumpable = 0;
}

/* What a change of user ids does to the capabilities. */
static void fix_capabilities(struct ids *ids, const struct ids *old)
{
	struct sets sets = sets_of(ids->capabilities);

	note_change(ids, old);
	if (ids->securebits & NO_SETUID_FIXUP)
		return;
	if ((old->uid == 0 || old->euid == 0 || old->suid == 0) && ids->uid != 0 &&
	    ids->euid != 0 && ids->suid != 0) {
		if (!(ids->securebits & KEEP_CAPS))
			sets.permitted = sets.effective = 0;
		ids->ambient = 0;
	}
	if (old->euid == 0 && ids->euid != 0)
		sets.effective = 0;
	if (old->euid != 0 && ids->euid == 0)
		sets.effective = sets.permitted;
	set_sets(ids, sets);
}

long ids_setuid(struct ids *ids, uint32_t uid)
{
	struct ids old = *ids;

	if (uid == NONE)
		return -EINVAL;
	if (ids_capable(ids, CAP_SETUID))
		ids->uid = ids->suid = uid;
	else if (uid != ids->uid && uid != ids->suid)
		return -EPERM;
	ids->euid = ids->fsuid = uid;
	fix_capabilities(ids, &old);
	return 0;
}

long ids_setgid(struct ids *ids, uint32_t gid)
{
	struct ids old = *ids;

	if (gid == NONE)
		return -EINVAL;
	if (ids_capable(ids, CAP_SETGID))
		ids->gid = ids->sgid = gid;
	else if (gid != ids->gid && gid != ids->sgid)
		return -EPERM;
	ids->egid = ids->fsgid = gid;
	note_change(ids, &old);
	return 0;
}

long ids_setreuid(struct ids *ids, uint32_t real, uint32_t effective)
{
	struct ids old = *ids;
	int may = ids_capable(ids, CAP_SETUID);

	if (real != NONE && real != old.uid && real != old.euid && !may)
		return -EPERM;
	if (effective != NONE && effective != old.uid && effective != old.euid &&
	    effective != old.suid && !may)
		return -EPERM;
	if (real != NONE)
		ids->uid = real;
	if (effective != NONE)
		ids->euid = effective;
	if (real != NONE || (effective != NONE && effective != old.uid))
		ids->suid = ids->euid;
	ids->fsuid = ids->euid;
	fix_capabilities(ids, &old);
	return 0;
}

long ids_setregid(struct ids *ids, uint32_t real, uint32_t effective)
{
	struct ids old = *ids;
	int may = ids_capable(ids, CAP_SETGID);

	if (real != NONE && real != old.gid && real != old.egid && !may)
		return -EPERM;
	if (effective != NONE && effective != old.gid && effective != old.egid &&
	    effective != old.sgid && !may)
		return -EPERM;
	if (real != NONE)
		ids->gid = real;
	if (effective != NONE)
		ids->egid = effective;
	if (real != NONE || (effective != NONE && effective != old.gid))
		ids->sgid = ids->egid;
	ids->fsgid = ids->egid;
	note_change(ids, &old);
	return 0;
}

static int is_new(uint32_t id, uint32_t real, uint32_t effective, uint32_t saved)
{
	return id != NONE && id != real && id != effective && id != saved;
}

long ids_setresuid(struct ids *ids, uint32_t real, uint32_t effective, uint32_t saved)
{
	struct ids old = *ids;

	/* What changes nothing leaves the file system id too. */
	if ((real == NONE || real == old.uid) && (saved == NONE || saved == old.suid) &&
	    (effective == NONE || (effective == old.euid && effective == old.fsuid)))
		return 0;
	if ((is_new(real, old.uid, old.euid, old.suid) ||
	     is_new(effective, old.uid, old.euid, old.suid) ||
	     is_new(saved, old.uid, old.euid, old.suid)) && !ids_capable(ids, CAP_SETUID))
		return -EPERM;
	if (real != NONE)
		ids->uid = real;
	if (effective != NONE)
		ids->euid = effective;
	if (saved != NONE)
		ids->suid = saved;
	ids->fsuid = ids->euid;
	fix_capabilities(ids, &old);
	return 0;
}

long ids_setresgid(struct ids *ids, uint32_t real, uint32_t effective, uint32_t saved)
{
	struct ids old = *ids;

	if ((real == NONE || real == old.gid) && (saved == NONE || saved == old.sgid) &&
	    (effective == NONE || (effective == old.egid && effective == old.fsgid)))
		return 0;
	if ((is_new(real, old.gid, old.egid, old.sgid) ||
	     is_new(effective, old.gid, old.egid, old.sgid) ||
	     is_new(saved, old.gid, old.egid, old.sgid)) && !ids_capable(ids, CAP_SETGID))
		return -EPERM;
	if (real != NONE)
		ids->gid = real;
	if (effective != NONE)
		ids->egid = effective;
	if (saved != NONE)
		ids->sgid = saved;
	ids->fsgid = ids->egid;
	note_change(ids, &old);
	return 0;
}

long ids_setfsuid(struct ids *ids, uint32_t uid)
{
	struct ids old = *ids;
	struct sets sets = sets_of(ids->capabilities);

	if (uid == NONE || (uid != ids->uid && uid != ids->euid && uid != ids->suid &&
	                    uid != ids->fsuid && !ids_capable(ids, CAP_SETUID)))
		return old.fsuid;
	ids->fsuid = uid;
	note_change(ids, &old);
	if (ids->securebits & NO_SETUID_FIXUP)
		return old.fsuid;
	if (old.fsuid == 0 && uid != 0)
		sets.effective &= ~FILE_CAPABILITIES;
	if (old.fsuid != 0 && uid == 0)
		sets.effective |= sets.permitted & FILE_CAPABILITIES;
	set_sets(ids, sets);
	return old.fsuid;
}

long ids_setfsgid(struct ids *ids, uint32_t gid)
{
	struct ids old = *ids;

	if (gid == NONE || (gid != ids->gid && gid != ids->egid && gid != ids->sgid &&
	                    gid != ids->fsgid && !ids_capable(ids, CAP_SETGID)))
		return old.fsgid;
	ids->fsgid = gid;
	note_change(ids, &old);
	return old.fsgid;
}

long ids_setgroups(struct ids *ids, uint32_t count, const uint32_t *groups)
{
	if (!ids_capable(ids, CAP_SETGID))
		return -EPERM;
	if (count > IDS_GROUPS)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++)
		if (groups[i] == NONE)
			return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i;

		for (; at > 0 && ids->groups[at - 1] > groups[i]; at--)
			ids->groups[at] = ids->groups[at - 1];
		ids->groups[at] = groups[i];
	}
	ids->count = count;
	return 0;
}

long ids_capset(struct ids *ids, const struct cap_data data[2])
{
	struct sets old = sets_of(ids->capabilities), new = sets_of(data);

	new.effective &= ALL_CAPABILITIES;
	new.permitted &= ALL_CAPABILITIES;
	new.inheritable &= ALL_CAPABILITIES;
	if (!ids_capable(ids, CAP_SETPCAP) &&
	    (new.inheritable & ~(old.inheritable | old.permitted)))
		return -EPERM;
	if ((new.inheritable & ~(old.inheritable | ids->bounding)) ||
	    (new.permitted & ~old.permitted) || (new.effective & ~new.permitted))
		return -EPERM;
	ids->ambient &= new.permitted & new.inheritable;
	if (new.permitted & ~old.permitted)
		ids->dumpable = 0;
	set_sets(ids, new);
	return 0;
}

static long set_securebits(struct ids *ids, uint64_t bits)
{
	uint32_t locks = ids->securebits & SECURE_LOCKS;

	if ((locks >> 1 & (ids->securebits ^ bits)) || (locks & ~bits) ||
	    (bits & ~(uint64_t)(SECURE_BITS | SECURE_LOCKS)) || !ids_capable(ids, CAP_SETPCAP))
		return -EPERM;
	ids->securebits = (uint32_t)bits;
	return 0;
}

static long set_keep(struct ids *ids, uint64_t on)
{
	if (on > 1)
		return -EINVAL;
	if (ids->securebits & KEEP_CAPS << 1)
		return -EPERM;
	ids->securebits &= ~(uint32_t)KEEP_CAPS;
	if (on)
		ids->securebits |= KEEP_CAPS;
	return 0;
}

static long ambient(struct ids *ids, uint64_t what, uint64_t number)
{
	struct sets sets = sets_of(ids->capabilities);

	if (what == PR_CAP_AMBIENT_CLEAR_ALL) {
		if (number)
			return -EINVAL;
		ids->ambient = 0;
		return 0;
	}
	if (number > CAP_LAST)
		return -EINVAL;
	switch (what) {
	case PR_CAP_AMBIENT_IS_SET:
		return (long)(ids->ambient >> number & 1);
	case PR_CAP_AMBIENT_RAISE:
		if (!(sets.permitted & sets.inheritable & BIT(number)) ||
		    (ids->securebits & NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		ids->ambient |= BIT(number);
		return 0;
	case PR_CAP_AMBIENT_LOWER:
		ids->ambient &= ~BIT(number);
		return 0;
	default:
		return -EINVAL;
	}
}

long ids_prctl(struct ids *ids, int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	switch (option) {
	case PR_CAPBSET_READ:
		return a > CAP_LAST ? -EINVAL : (long)(ids->bounding >> a & 1);
	case PR_CAPBSET_DROP:
		if (!ids_capable(ids, CAP_SETPCAP))
			return -EPERM;
		if (a > CAP_LAST)
			return -EINVAL;
		ids->bounding &= ~BIT(a);
		return 0;
	case PR_CAP_AMBIENT:
		return c | d ? -EINVAL : ambient(ids, a, b);
	case PR_GET_KEEPCAPS:
		return !!(ids->securebits & KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return set_keep(ids, a);
	case PR_GET_SECUREBITS:
		return ids->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(ids, a);
	default:
		return -EINVAL;
	}
}

long ids_may_chown(const struct ids *ids, uint32_t uid, uint32_t gid, uint32_t new_uid,
                   uint32_t new_gid)
{
	int owner = ids->fsuid == uid;

	if (ids_capable(ids, CAP_CHOWN))
		return 0;
	if (new_uid != NONE && !(owner && new_uid == uid))
		return -EPERM;
	if (new_gid != NONE && !(owner && (new_gid == gid || ids_in_group(ids, new_gid))))
		return -EPERM;
	return 0;
}

int ids_execute(struct ids *ids, uint32_t mode, uint32_t uid, uint32_t gid)
{
	struct ids old = *ids;
	struct sets sets = sets_of(ids->capabilities);
	uint64_t permitted = 0;
	int changed, root = 0;

	if (!ids->no_new_privileges) {
		if (mode & 04000)
			ids->euid = uid;
		if ((mode & 02010) == 02010)
			ids->egid = gid;
	}
	if (!(ids->securebits & NOROOT)) {
		if (ids->euid == 0 || ids->uid == 0)
			permitted = ids->bounding | sets.inheritable;
		root = ids->euid == 0;
	}
	changed = ids->euid != old.euid || !ids_in_group(&old, ids->egid);
	if ((changed || (permitted & ~sets.permitted)) && ids->no_new_privileges) {
		ids->euid = ids->uid;
		ids->egid = ids->gid;
		permitted &= sets.permitted;
	}
	ids->suid = ids->fsuid = ids->euid;
	ids->sgid = ids->fsgid = ids->egid;
	if (changed)
		ids->ambient = 0;
	sets.permitted = permitted | ids->ambient;
	sets.effective = root ? sets.permitted : ids->ambient;
	set_sets(ids, sets);
	ids->securebits &= ~(uint32_t)KEEP_CAPS;
	ids->dumpable = old.euid == old.uid && old.egid == old.gid &&
	                !(sets.permitted & ~sets_of(old.capabilities).permitted);
	note_change(ids, &old);
	return changed || ids->euid != old.uid || ids->egid != old.gid ||
	       (ids->uid != 0 && (root || (sets.permitted & ~ids->ambient)));
}
