/* What files are: stat(2) and its like. These are the calls that programs make most, so they take
 * as few system calls of our own as they can. */
#include "calls.h"

#include "ids.h"
#include "kernel.h"
#include "owners.h"

struct statx_time {
	int64_t seconds;
	uint32_t nanoseconds;
	int32_t pad;
};

struct statx { /* statx(2) */
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	char rest[112];
};
enum { X_OK = 1, W_OK = 2, R_OK = 4 }; /* access(2) */
enum { UTIME_OMIT = 0x3ffffffe }; /* utimensat(2) */
#define STATX_OWNER 0x11bu /* type, mode, uid, gid, ino */
_Static_assert(sizeof(struct statx) == 256, "as the kernel has it");

static uint64_t device(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | (uint64_t)(major & 0xfff) << 8 | (uint64_t)(minor & ~0xffu) << 12 |
	       (uint64_t)(major & ~0xfffu) << 32;
}

static uint32_t major(uint64_t dev)
{
	return (uint32_t)((dev >> 8 & 0xfff) | (dev >> 32 & ~0xfffu));
}

static uint32_t minor(uint64_t dev)
{
	return (uint32_t)((dev & 0xff) | (dev >> 12 & ~0xffu));
}

void show_file(const struct subject *subject, struct stat *st)
{
	const struct container *container = subject->container;
	const struct owner *owner;

	if (!container->fake_ids)
		return;
	owner = owners_find(container->owners, st->dev, st->ino);
	if (!owner) {
		if (st->uid == container->host_uid)
			st->uid = container->base_uid;
		if (st->gid == container->host_gid)
			st->gid = container->base_gid;
		return;
	}
	st->uid = owner->uid;
	st->gid = owner->gid;
	if (owner->mode && S_ISREG(st->mode)) {
		st->mode = (st->mode & ~(uint32_t)S_IFMT) | owner->mode;
		st->rdev = owner->rdev;
	}
}

static enum verdict stat_file(struct call *call, int dirfd, int argument, uint64_t out, int flags)
{
	struct target target;
	struct stat st;
	long error;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return answer(call, -EINVAL);
	error = aim(call, dirfd, argument, flags, &target);
	if (error < 0)
		return answer(call, error);
	error = CALL(newfstatat, target.directory, target.path, &st, target.flags, 0);
	error = leave(&target, error);
	if (error < 0)
		return answer(call, error);
	show_file(call->subject, &st);
	return answer(call, subject_write(call->subject, out, &st, sizeof st));
}

enum verdict call_newfstatat(struct call *call)
{
	return stat_file(call, (int)call->args[0], 1, (uint64_t)call->args[2], (int)call->args[3]);
}

enum verdict call_fstat(struct call *call)
{
	struct stat st;
	char name[FD_NAME_SIZE];
	long error = CALL(newfstatat, AT_FDCWD,
	                  descriptor_name(call->subject, (int)call->args[0], name), &st, 0, 0);

	/* Also when /proc is not to be looked at: only the program itself can tell then. */
	if (error < 0 || (int)call->args[0] < 0)
		return RUN;
	show_file(call->subject, &st);
	return answer(call, subject_write(call->subject, (uint64_t)call->args[1], &st, sizeof st));
}

enum verdict call_statx(struct call *call)
{
	struct target target;
	struct statx stx;
	struct stat st = {0};
	int flags = (int)call->args[2];
	unsigned mask = (unsigned)call->args[3];
	long error;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return answer(call, -EINVAL);
	error = aim(call, (int)call->args[0], 1, flags, &target);
	if (error < 0)
		return answer(call, error);
	error = CALL(statx, target.directory, target.path,
	             target.flags | (flags & AT_STATX_SYNC_TYPE), mask | STATX_OWNER, &stx);
	error = leave(&target, error);
	if (error < 0)
		return answer(call, error);
	st.dev = device(stx.dev_major, stx.dev_minor);
	st.ino = stx.ino;
	st.mode = stx.mode;
	st.uid = stx.uid;
	st.gid = stx.gid;
	st.rdev = device(stx.rdev_major, stx.rdev_minor);
	show_file(call->subject, &st);
	stx.mode = (uint16_t)st.mode;
	stx.uid = st.uid;
	stx.gid = st.gid;
	stx.rdev_major = major(st.rdev);
	stx.rdev_minor = minor(st.rdev);
	return answer(call, subject_write(call->subject, (uint64_t)call->args[4], &stx, sizeof stx));
}

/* What root may although the mode says no: everything but executing what nobody may execute. Only
 * for files that are really the user's own, as no other can be opened in the end. */
static long root_access(const struct call *call, struct target *target, int mode, int flags)
{
	const struct subject *subject = call->subject;
	struct stat st;
	struct statfs fs;
	const char *name;
	int root = flags & AT_EACCESS ? ids_capable(subject->ids, CAP_DAC_OVERRIDE)
	                              : subject->ids->uid == 0;

	if (!subject->container->fake_ids || !root ||
	    CALL(newfstatat, target->directory, target->path, &st, target->flags, 0) < 0 ||
	    st.uid != subject->container->host_uid ||
	    (mode & X_OK && !S_ISDIR(st.mode) && !(st.mode & 0111)))
		return -EACCES;
	name = mode & W_OK ? target_name(target) : NULL;
	if (name && CALL(statfs, name, &fs, 0, 0, 0) >= 0 && fs.flags & MS_RDONLY)
		return -EROFS;
	return 0;
}

static enum verdict access_file(struct call *call, int dirfd, int argument, int mode, int flags)
{
	struct target target;
	const char *name;
	long error;

	if (mode & ~(R_OK | W_OK | X_OK) || flags & ~(AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH))
		return answer(call, -EINVAL);
	error = aim(call, dirfd, argument, flags, &target);
	if (error < 0)
		return answer(call, error);
	error = CALL(faccessat2, target.directory, target.path, mode, target.flags, 0);
	if (error == -ENOSYS) { /* before Linux 5.8 */
		name = target_name(&target);
		error = name ? CALL(faccessat, AT_FDCWD, name, mode, 0, 0) : -ENOENT;
	}
	if (error == -EACCES)
		error = root_access(call, &target, mode, flags);
	return answer(call, leave(&target, error));
}

enum verdict call_faccessat(struct call *call)
{
	return access_file(call, (int)call->args[0], 1, (int)call->args[2], 0);
}

enum verdict call_faccessat2(struct call *call)
{
	return access_file(call, (int)call->args[0], 1, (int)call->args[2], (int)call->args[3]);
}

enum verdict call_statfs(struct call *call)
{
	struct place *place = &call->scratch->place[0];
	struct statfs fs;
	char buffer[FD_PATH_SIZE];
	const char *name;
	long error = find_place(call, 0, AT_FDCWD, 0, LOCATE_FOLLOW);

	if (error < 0)
		return answer(call, error);
	name = place_name(place, buffer);
	error = name ? CALL(statfs, name, &fs, 0, 0, 0) : -ENOENT;
	place_close(place);
	if (error < 0)
		return answer(call, error);
	return answer(call, subject_write(call->subject, (uint64_t)call->args[1], &fs, sizeof fs));
}

static enum verdict read_symlink(struct call *call, int dirfd, int argument, uint64_t out, int size)
{
	struct place *place = &call->scratch->place[0];
	char *text = call->scratch->text[0], *link = call->scratch->buffer[0];
	char name[FD_NAME_SIZE];
	long n;

	if (size <= 0)
		return answer(call, -EINVAL);
	n = subject_text(call->subject, text, (uint64_t)call->args[argument],
	                 sizeof call->scratch->text[0]);
	if (n < 0)
		return answer(call, n);
	if (n == 0 && argument == 1) {
		/* A descriptor (O_PATH | O_NOFOLLOW) of the link itself; else it is none. */
		descriptor_name(call->subject, dirfd, name);
		n = sys_readlinkat(AT_FDCWD, name, place->path, sizeof place->path - 1);
		if (n < 0)
			return answer(call, n == -ENOENT ? -EBADF : n);
		place->path[n] = 0;
		place->directory = AT_FDCWD;
		place->fd = -1;
		place->magic = place->mount = 0;
		place->container[0] = 0;
	} else {
		n = locate(call->subject, dirfd, text, 0, place);
		if (n < 0)
			return answer(call, n);
	}
	n = read_link(call->subject, place, link, sizeof call->scratch->buffer[0]);
	place_close(place);
	if (!text[0] && n == -EINVAL)
		n = -ENOENT;
	if (n > size)
		n = size;
	if (n > 0) {
		long error = subject_write(call->subject, out, link, (size_t)n);

		if (error < 0)
			n = error;
	}
	return answer(call, n);
}

enum verdict call_readlinkat(struct call *call)
{
	return read_symlink(call, (int)call->args[0], 1, (uint64_t)call->args[2], (int)call->args[3]);
}

enum verdict call_getcwd(struct call *call)
{
	char *path = call->scratch->text[0];
	long error = locate_directory(call->subject, AT_FDCWD, path);
	size_t size;

	if (error < 0)
		return answer(call, error);
	size = length(path) + 1;
	if (size > (uint64_t)call->args[1])
		return answer(call, -ERANGE);
	error = subject_write(call->subject, (uint64_t)call->args[0], path, size);
	return answer(call, error < 0 ? error : (long)size);
}

/* utimensat(2) in place; `times` NULL is now. */
static enum verdict set_times(struct call *call, int dirfd, int argument,
                              const struct timespec *times, int flags)
{
	struct target target;
	const char *name;
	long error;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return answer(call, -EINVAL);
	error = aim(call, dirfd, argument, flags, &target);
	if (error < 0)
		return answer(call, error);
	name = target_name(&target); /* before Linux 5.8 an empty path did not do */
	error = name ? CALL(utimensat, AT_FDCWD, name, times, 0, 0) : -ENOENT;
	return answer(call, leave(&target, error));
}

enum verdict call_utimensat(struct call *call)
{
	struct timespec times[2];
	uint64_t address = (uint64_t)call->args[2];

	if (address && subject_read(call->subject, times, address, sizeof times) < 0)
		return answer(call, -EFAULT);
	if (address && times[0].nanoseconds == UTIME_OMIT && times[1].nanoseconds == UTIME_OMIT)
		return answer(call, 0); /* then the kernel does not look at the path either */
	return set_times(call, (int)call->args[0], 1, address ? times : NULL, (int)call->args[3]);
}

/* For a call that the program makes itself. */
static enum verdict run_on(struct call *call, int argument, int how, int flags)
{
	struct place *place = &call->scratch->place[0];
	char *text = call->scratch->text[0];
	uint64_t address = (uint64_t)call->args[argument];
	enum verdict verdict;
	long error;

	if (!address && flags & AT_EMPTY_PATH)
		return RUN;
	error = subject_text(call->subject, text, address, sizeof call->scratch->text[0]);
	if (error < 0)
		return answer(call, error);
	if (!text[0] && flags & AT_EMPTY_PATH)
		return RUN;
	error = locate(call->subject, (int)call->args[0], text, how, place);
	if (error < 0)
		return answer(call, error);
	verdict = run_at(call, argument, place);
	place_close(place);
	return verdict;
}

enum verdict call_file_attributes(struct call *call)
{
	int flags = (int)call->args[4];

	return run_on(call, 1, flags & AT_SYMLINK_NOFOLLOW ? 0 : LOCATE_FOLLOW, flags);
}

enum verdict call_name_to_handle_at(struct call *call)
{
	int flags = (int)call->args[4];

	return run_on(call, 1, flags & AT_SYMLINK_FOLLOW ? LOCATE_FOLLOW : 0, flags);
}

#ifdef __x86_64__

enum verdict call_stat(struct call *call)
{
	return stat_file(call, AT_FDCWD, 0, (uint64_t)call->args[1], 0);
}

enum verdict call_lstat(struct call *call)
{
	return stat_file(call, AT_FDCWD, 0, (uint64_t)call->args[1], AT_SYMLINK_NOFOLLOW);
}

enum verdict call_access(struct call *call)
{
	return access_file(call, AT_FDCWD, 0, (int)call->args[1], 0);
}

enum verdict call_readlink(struct call *call)
{
	return read_symlink(call, AT_FDCWD, 0, (uint64_t)call->args[1], (int)call->args[2]);
}

/* Times in microseconds, as utimes(2) has them. */
static enum verdict set_microseconds(struct call *call, int dirfd, int argument, uint64_t address)
{
	struct timespec times[2]; /* of struct timeval first, which has the same form */

	if (!address)
		return set_times(call, dirfd, argument, NULL, 0);
	if (subject_read(call->subject, times, address, sizeof times) < 0)
		return answer(call, -EFAULT);
	for (int i = 0; i < 2; i++) {
		if (times[i].nanoseconds < 0 || times[i].nanoseconds >= 1000000)
			return answer(call, -EINVAL);
		times[i].nanoseconds *= 1000;
	}
	return set_times(call, dirfd, argument, times, 0);
}

enum verdict call_utimes(struct call *call)
{
	return set_microseconds(call, AT_FDCWD, 0, (uint64_t)call->args[1]);
}

enum verdict call_futimesat(struct call *call)
{
	return set_microseconds(call, (int)call->args[0], 1, (uint64_t)call->args[2]);
}

enum verdict call_utime(struct call *call)
{
	int64_t seconds[2];
	uint64_t address = (uint64_t)call->args[1];
	struct timespec times[2] = {{0, 0}, {0, 0}};

	if (!address)
		return set_times(call, AT_FDCWD, 0, NULL, 0);
	if (subject_read(call->subject, seconds, address, sizeof seconds) < 0)
		return answer(call, -EFAULT);
	times[0].seconds = seconds[0];
	times[1].seconds = seconds[1];
	return set_times(call, AT_FDCWD, 0, times, 0);
}

#endif
