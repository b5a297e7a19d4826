/* Ids and capabilities of processes, owners and modes of files. With fake ids the kernel is asked
 * for nothing that an ordinary user may not do: what it would have done is remembered. */
#include "calls.h"

#include "ids.h"
#include "kernel.h"
#include "owners.h"

#define NONE ((uint32_t)-1)

enum verdict call_getuid(struct call *call)
{
	return answer(call, call->subject->ids->uid);
}

enum verdict call_geteuid(struct call *call)
{
	return answer(call, call->subject->ids->euid);
}

enum verdict call_getgid(struct call *call)
{
	return answer(call, call->subject->ids->gid);
}

enum verdict call_getegid(struct call *call)
{
	return answer(call, call->subject->ids->egid);
}

static enum verdict write_three(struct call *call, uint32_t real, uint32_t effective,
                                uint32_t saved)
{
	uint32_t values[3] = {real, effective, saved};
	long error = 0;

	for (int i = 0; i < 3 && !error; i++)
		error = subject_write(call->subject, (uint64_t)call->args[i], &values[i],
		                      sizeof values[i]);
	return answer(call, error);
}

enum verdict call_getresuid(struct call *call)
{
	const struct ids *ids = call->subject->ids;

	return write_three(call, ids->uid, ids->euid, ids->suid);
}

enum verdict call_getresgid(struct call *call)
{
	const struct ids *ids = call->subject->ids;

	return write_three(call, ids->gid, ids->egid, ids->sgid);
}

enum verdict call_getgroups(struct call *call)
{
	const struct ids *ids = call->subject->ids;
	int size = (int)call->args[0];
	long error;

	if (size < 0 || (size && (uint32_t)size < ids->count))
		return answer(call, -EINVAL);
	if (!size || !ids->count)
		return answer(call, ids->count);
	error = subject_write(call->subject, (uint64_t)call->args[1], ids->groups,
	                      ids->count * sizeof *ids->groups);
	return answer(call, error < 0 ? error : (long)ids->count);
}

enum verdict call_setuid(struct call *call)
{
	return answer(call, ids_setuid(call->subject->ids, (uint32_t)call->args[0]));
}

enum verdict call_setgid(struct call *call)
{
	return answer(call, ids_setgid(call->subject->ids, (uint32_t)call->args[0]));
}

enum verdict call_setreuid(struct call *call)
{
	return answer(call, ids_setreuid(call->subject->ids, (uint32_t)call->args[0],
	                                 (uint32_t)call->args[1]));
}

enum verdict call_setregid(struct call *call)
{
	return answer(call, ids_setregid(call->subject->ids, (uint32_t)call->args[0],
	                                 (uint32_t)call->args[1]));
}

enum verdict call_setresuid(struct call *call)
{
	return answer(call, ids_setresuid(call->subject->ids, (uint32_t)call->args[0],
	                                  (uint32_t)call->args[1], (uint32_t)call->args[2]));
}

enum verdict call_setresgid(struct call *call)
{
	return answer(call, ids_setresgid(call->subject->ids, (uint32_t)call->args[0],
	                                  (uint32_t)call->args[1], (uint32_t)call->args[2]));
}

enum verdict call_setfsuid(struct call *call)
{
	return answer(call, ids_setfsuid(call->subject->ids, (uint32_t)call->args[0]));
}

enum verdict call_setfsgid(struct call *call)
{
	return answer(call, ids_setfsgid(call->subject->ids, (uint32_t)call->args[0]));
}

enum verdict call_setgroups(struct call *call)
{
	struct ids *ids = call->subject->ids;
	uint32_t count = (uint32_t)call->args[0], groups[IDS_GROUPS];

	/* What fails does so before the list is looked at. */
	if (ids_capable(ids, CAP_SETGID) && count <= IDS_GROUPS &&
	    subject_read(call->subject, groups, (uint64_t)call->args[1], count * sizeof *groups) < 0)
		return answer(call, -EFAULT);
	return answer(call, ids_setgroups(ids, count, groups));
}

/* The header of capget(2) and capset(2): how many structs of data its version has; 0 or a negative
 * errno. An unknown version is answered with the present one. */
static long read_header(const struct call *call, struct cap_header *header, int *count)
{
	uint64_t address = (uint64_t)call->args[0];
	uint32_t version = LINUX_CAPABILITY_VERSION_3;
	long error = subject_read(call->subject, header, address, sizeof *header);

	if (error < 0)
		return error;
	switch (header->version) {
	case LINUX_CAPABILITY_VERSION_1:
		*count = 1;
		return 0;
	case LINUX_CAPABILITY_VERSION_2:
	case LINUX_CAPABILITY_VERSION_3:
		*count = 2;
		return 0;
	default:
		error = subject_write(call->subject, address, &version, sizeof version);
		return error < 0 ? error : -EINVAL;
	}
}

enum verdict call_capget(struct call *call)
{
	const struct subject *subject = call->subject, *other = subject;
	struct cap_header header;
	int count;
	long error = read_header(call, &header, &count);

	if (error == -EINVAL && !call->args[1])
		return answer(call, 0); /* it was only asked for the version */
	if (error < 0)
		return answer(call, error);
	if (header.pid < 0)
		return answer(call, -EINVAL);
	if (header.pid && header.pid != subject->pid && header.pid != subject->tid)
		other = subject_find(subject, header.pid);
	if (!other)
		return RUN; /* a process of the host's */
	if (!call->args[1])
		return answer(call, 0);
	return answer(call, subject_write(subject, (uint64_t)call->args[1], other->ids->capabilities,
	                                  (size_t)count * sizeof(struct cap_data)));
}

enum verdict call_capset(struct call *call)
{
	const struct subject *subject = call->subject;
	struct cap_header header;
	struct cap_data data[2] = {{0, 0, 0}, {0, 0, 0}};
	int count;
	long error = read_header(call, &header, &count);

	if (error < 0)
		return answer(call, error);
	if (header.pid && header.pid != subject->tid)
		return answer(call, -EPERM);
	error = subject_read(subject, data, (uint64_t)call->args[1], (size_t)count * sizeof *data);
	return answer(call, error < 0 ? error : ids_capset(subject->ids, data));
}

enum verdict call_prctl(struct call *call)
{
	return answer(call, ids_prctl(call->subject->ids, (int)call->args[0],
	                              (uint64_t)call->args[1], (uint64_t)call->args[2],
	                              (uint64_t)call->args[3], (uint64_t)call->args[4]));
}

/* The filter of mode P1 has set it; a program shall see only what it did itself. */
enum verdict call_get_no_new_privs(struct call *call)
{
	if (call->args[1] | call->args[2] | call->args[3] | call->args[4])
		return answer(call, -EINVAL);
	return answer(call, call->subject->ids->no_new_privileges);
}

/* Neither this nor umask(2) can fail, so the result need not be waited for. */
enum verdict call_set_no_new_privs(struct call *call)
{
	if (call->args[1] == 1 && !(call->args[2] | call->args[3] | call->args[4]))
		call->subject->ids->no_new_privileges = 1;
	return RUN;
}

/* A process that is not dumpable belongs to root in /proc: it could no longer be served. */
enum verdict call_set_dumpable(struct call *call)
{
	if ((uint64_t)call->args[1] > 1)
		return answer(call, -EINVAL);
	call->subject->ids->dumpable = (unsigned char)call->args[1];
	return answer(call, 0);
}

enum verdict call_get_dumpable(struct call *call)
{
	return answer(call, call->subject->ids->dumpable);
}

enum verdict call_umask(struct call *call)
{
	call->subject->mask = (unsigned)call->args[0] & 0777;
	return RUN;
}

/* Whether files that the subject makes, or owns, need no entry: stat(2) shows them so anyway. */
static int is_default(const struct subject *subject, const struct stat *st, uint32_t uid,
                      uint32_t gid)
{
	const struct container *container = subject->container;

	return uid == (st->uid == container->host_uid ? container->base_uid : st->uid) &&
	       gid == (st->gid == container->host_gid ? container->base_gid : st->gid);
}

/* Remembers that the file of `st` (as the file system has it) is `uid`'s and `gid`'s. */
static long own(const struct subject *subject, const struct stat *st, uint32_t uid, uint32_t gid,
                uint32_t mode, uint64_t rdev)
{
	struct owners *owners = subject->container->owners;
	struct owner owner = {st->dev, st->ino, uid, gid, mode, rdev};

	if (mode || !is_default(subject, st, uid, gid))
		return owners_set(owners, &owner);
	if (owners_count(owners))
		owners_drop(owners, st->dev, st->ino);
	return 0;
}

/* The group of files made in the directory of `place`: its own if it has S_ISGID (inode(7)). */
static uint32_t new_group(const struct subject *subject, struct place *place)
{
	char *cut = place->path + length(place->path);
	struct stat st;
	long error;

	while (cut > place->path && cut[-1] == '/')
		cut--;
	while (cut > place->path && cut[-1] != '/')
		cut--;
	if (cut > place->path) {
		char kept = *cut;

		*cut = 0;
		error = CALL(newfstatat, place->directory, place->path, &st, 0, 0);
		*cut = kept;
	} else {
		error = CALL(newfstatat, place->directory, "", &st, AT_EMPTY_PATH, 0);
	}
	if (error < 0 || !(st.mode & S_ISGID))
		return subject->ids->fsgid;
	show_file(subject, &st);
	return st.gid;
}

static void own_new(const struct subject *subject, struct place *place, uint32_t mode,
                    uint64_t rdev)
{
	struct stat st;

	if (CALL(newfstatat, place->directory, place->path, &st, AT_SYMLINK_NOFOLLOW, 0) < 0)
		return;
	own(subject, &st, subject->ids->fsuid, new_group(subject, place), mode, rdev);
}

void own_new_file(const struct subject *subject, struct place *place)
{
	const struct container *container = subject->container;

	if (!container->fake_ids ||
	    (!owners_count(container->owners) && subject->ids->fsuid == container->base_uid &&
	     subject->ids->fsgid == container->base_gid))
		return;
	own_new(subject, place, 0, 0);
}

static long fake_chown(const struct subject *subject, const struct target *target, uint32_t uid,
                       uint32_t gid)
{
	const struct owner *node;
	struct stat st, shown;
	long error = CALL(newfstatat, target->directory, target->path, &st, target->flags, 0);

	if (error < 0)
		return error;
	shown = st;
	show_file(subject, &shown);
	error = ids_may_chown(subject->ids, shown.uid, shown.gid, uid, gid);
	if (error < 0)
		return error;
	/* To nobody: all that else belongs to it, as the loss of set-user-ID bits, and the refusal
	 * by a file system that is read-only. */
	error = CALL(fchownat, target->directory, target->path, NONE, NONE, target->flags);
	if (error < 0 && error != -EPERM)
		return error;
	node = owners_find(subject->container->owners, st.dev, st.ino);
	return own(subject, &st, uid == NONE ? shown.uid : uid, gid == NONE ? shown.gid : gid,
	           node ? node->mode : 0, node ? node->rdev : 0);
}

static enum verdict chown_target(struct call *call, struct target *target, long uid, long gid)
{
	long error;

	if (call->subject->container->fake_ids)
		error = fake_chown(call->subject, target, (uint32_t)uid, (uint32_t)gid);
	else
		error = CALL(fchownat, target->directory, target->path, uid, gid, target->flags);
	return answer(call, leave(target, error));
}

static enum verdict chown_file(struct call *call, int dirfd, int argument, int flags)
{
	struct target target;
	long error;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return answer(call, -EINVAL);
	error = aim(call, dirfd, argument, flags, &target);
	if (error < 0)
		return answer(call, error);
	return chown_target(call, &target, call->args[argument + 1], call->args[argument + 2]);
}

enum verdict call_fchownat(struct call *call)
{
	return chown_file(call, (int)call->args[0], 1, (int)call->args[4]);
}

enum verdict call_fchown(struct call *call)
{
	struct target target;
	long error = aim_at(call->subject, (int)call->args[0], &target);

	if (error < 0)
		return answer(call, error);
	return chown_target(call, &target, call->args[1], call->args[2]);
}

/* chmod(2) as the fake ids may do it; also the real owner has to be us. */
static enum verdict chmod_target(struct call *call, struct target *target, unsigned mode)
{
	const struct subject *subject = call->subject;
	const struct ids *ids = subject->ids;
	const char *name;
	struct stat st;
	long error;

	if (subject->container->fake_ids &&
	    (!ids_capable(ids, CAP_FOWNER) ||
	     (mode & S_ISGID && !ids_capable(ids, CAP_FSETID)))) {
		error = CALL(newfstatat, target->directory, target->path, &st, target->flags, 0);
		if (error < 0)
			return answer(call, leave(target, error));
		show_file(subject, &st);
		if (st.uid != ids->fsuid && !ids_capable(ids, CAP_FOWNER))
			return answer(call, leave(target, -EPERM));
		if (!ids_in_group(ids, st.gid) && !ids_capable(ids, CAP_FSETID))
			mode &= ~(unsigned)S_ISGID;
	}
	name = target_name(target);
	error = name ? CALL(fchmodat, AT_FDCWD, name, mode, 0, 0) : -ENOENT;
	return answer(call, leave(target, error));
}

static enum verdict chmod_file(struct call *call, int dirfd, int argument, int flags)
{
	struct target target;
	long error;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return answer(call, -EINVAL);
	error = aim(call, dirfd, argument, flags, &target);
	if (error < 0)
		return answer(call, error);
	return chmod_target(call, &target, (unsigned)call->args[argument + 1] & 07777);
}

enum verdict call_fchmodat(struct call *call)
{
	return chmod_file(call, (int)call->args[0], 1, 0);
}

enum verdict call_fchmodat2(struct call *call)
{
	return chmod_file(call, (int)call->args[0], 1, (int)call->args[3]);
}

enum verdict call_fchmod(struct call *call)
{
	const struct ids *ids = call->subject->ids;
	struct target target;
	long error;

	if (ids_capable(ids, CAP_FOWNER) && ids_capable(ids, CAP_FSETID))
		return RUN;
	error = aim_at(call->subject, (int)call->args[0], &target);
	if (error < 0)
		return answer(call, error);
	return chmod_target(call, &target, (unsigned)call->args[1] & 07777);
}

/* Device nodes of a fake root are empty files that are remembered to be nodes. */
static enum verdict make_node(struct call *call, int dirfd, int argument)
{
	const struct subject *subject = call->subject;
	struct place *place = &call->scratch->place[0];
	unsigned mode = (unsigned)call->args[argument + 1], type = mode & S_IFMT;
	uint32_t rdev = (uint32_t)call->args[argument + 2];
	int fake = subject->container->fake_ids && (type == S_IFCHR || type == S_IFBLK);
	long error;

	if (fake && !ids_capable(subject->ids, CAP_MKNOD))
		return answer(call, -EPERM);
	error = find_place(call, 0, dirfd, argument, LOCATE_NAME);
	if (error < 0)
		return answer(call, error);
	subject_use_mask(subject);
	if (fake)
		mode = (mode & 07777) | S_IFREG;
	error = CALL(mknodat, place->directory, place->path, mode, fake ? 0 : rdev, 0);
	if (error >= 0 && fake)
		own_new(subject, place, type, rdev);
	else if (error >= 0)
		own_new_file(subject, place);
	place_close(place);
	return answer(call, error);
}

enum verdict call_mknodat(struct call *call)
{
	return make_node(call, (int)call->args[0], 1);
}

#ifdef __x86_64__

enum verdict call_chown(struct call *call)
{
	return chown_file(call, AT_FDCWD, 0, 0);
}

enum verdict call_lchown(struct call *call)
{
	return chown_file(call, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW);
}

enum verdict call_chmod(struct call *call)
{
	return chmod_file(call, AT_FDCWD, 0, 0);
}

enum verdict call_mknod(struct call *call)
{
	return make_node(call, AT_FDCWD, 0);
}

#endif
