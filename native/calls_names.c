/* Calls that make, remove and change names. All are made here, in the program's place. */
#include "calls.h"

#include "kernel.h"
#include "owners.h"
#include "view.h"

enum { RENAME_EXCHANGE = 2 };

/* Whether the place is, or has in it, what may not go away: like a mount point, for the binds
 * stay where they are. */
static int is_busy(const struct call *call, const struct place *place)
{
	return place->mount || (place->container[0] &&
	                        view_has_below(call->subject->container->view, place->container));
}

/* What is at a place before the name goes: whether its owner is to be forgotten then. Nobody asks
 * the file system when there are no owners. */
static int is_last_name(const struct call *call, const struct place *place, struct stat *st)
{
	if (!owners_count(call->subject->container->owners) ||
	    CALL(newfstatat, place->directory, place->path, st, AT_SYMLINK_NOFOLLOW, 0) < 0)
		return 0;
	return S_ISDIR(st->mode) || st->nlink == 1;
}

static enum verdict make_directory(struct call *call, int dirfd, int argument)
{
	struct place *place = &call->scratch->place[0];
	long result = find_place(call, 0, dirfd, argument, LOCATE_NAME);

	if (result < 0)
		return answer(call, result);
	subject_use_mask(call->subject);
	result = CALL(mkdirat, place->directory, place->path, call->args[argument + 1], 0, 0);
	if (result >= 0)
		own_new_file(call->subject, place);
	place_close(place);
	return answer(call, result);
}

static enum verdict remove_name(struct call *call, int dirfd, int argument, int flags)
{
	struct owners *owners = call->subject->container->owners;
	struct place *place = &call->scratch->place[0];
	long result = find_place(call, 0, dirfd, argument, LOCATE_NAME);
	struct stat st;
	int last;

	if (result < 0)
		return answer(call, result);
	last = is_last_name(call, place, &st);
	if (flags & AT_REMOVEDIR ? is_busy(call, place) : place->mount)
		result = -EBUSY;
	else
		result = CALL(unlinkat, place->directory, place->path, flags, 0, 0);
	if (result >= 0 && last)
		owners_drop(owners, st.dev, st.ino);
	place_close(place);
	return answer(call, result);
}

static enum verdict make_symlink(struct call *call, int dirfd, int argument)
{
	struct place *place = &call->scratch->place[0];
	char *text = call->scratch->text[1];
	long result = subject_text(call->subject, text, (uint64_t)call->args[0], PATH_MAX);

	if (result >= 0)
		result = find_place(call, 0, dirfd, argument, LOCATE_NAME);
	if (result < 0)
		return answer(call, result);
	/* The text means what it means inside. */
	result = CALL(symlinkat, text, place->directory, place->path, 0, 0);
	if (result >= 0)
		own_new_file(call->subject, place);
	place_close(place);
	return answer(call, result);
}

/* Finds both places. 0 (then close_both()) or a negative errno. */
static long find_both(struct call *call, int old_dirfd, int old, int how, int new_dirfd, int new)
{
	struct place *place = call->scratch->place;
	long result = find_place(call, 0, old_dirfd, old, how);

	if (result < 0)
		return result;
	result = find_place(call, 1, new_dirfd, new, LOCATE_NAME);
	if (result < 0)
		place_close(&place[0]);
	return result;
}

static void close_both(struct call *call)
{
	place_close(&call->scratch->place[0]);
	place_close(&call->scratch->place[1]);
}

static enum verdict rename_file(struct call *call, int old_dirfd, int old, int new_dirfd, int new,
                                unsigned flags)
{
	struct owners *owners = call->subject->container->owners;
	struct place *place = call->scratch->place;
	long result = find_both(call, old_dirfd, old, LOCATE_NAME, new_dirfd, new);
	struct stat st, source;
	int last;

	if (result < 0)
		return answer(call, result);
	last = !(flags & RENAME_EXCHANGE) && is_last_name(call, &place[1], &st);
	/* Two names of one file: nothing happens then. */
	if (last && is_last_name(call, &place[0], &source))
		last = source.dev != st.dev || source.ino != st.ino;
	if (is_busy(call, &place[0]) || is_busy(call, &place[1]))
		result = -EBUSY;
	else if (flags) /* renameat2(2) is not everywhere */
		result = CALL(renameat2, place[0].directory, place[0].path,
		                place[1].directory, place[1].path, flags);
	else
		result = CALL(renameat, place[0].directory, place[0].path,
		                place[1].directory, place[1].path, 0);
	if (result >= 0 && last)
		owners_drop(owners, st.dev, st.ino);
	close_both(call);
	return answer(call, result);
}

/* All of a regular file's content, mode, times, and its owner inside. */
static long copy_into(struct call *call, int from, int to, const struct stat *st)
{
	struct owners *owners = call->subject->container->owners;
	const struct owner *owner = owners_find(owners, st->dev, st->ino);
	struct stat made;
	long result;

	do
		result = CALL(sendfile, to, from, NULL, 1 << 30, 0);
	while (result > 0);
	if (result < 0)
		return result;
	result = CALL(fchmod, to, st->mode & 07777, 0, 0, 0);
	if (result >= 0)
		result = CALL(utimensat, to, NULL, st->rest + STAT_TIMES, 0, 0);
	if (result >= 0 && owner && sys_fstat(to, &made) == 0) {
		struct owner copy = *owner;

		copy.dev = made.dev;
		copy.ino = made.ino;
		result = owners_set(owners, &copy);
	}
	return result < 0 ? result : 0;
}

/* A copy, where the file system knows no hard links (--link2symlink). It is no symbolic link, for
 * those who link(2) a finished file to its name and then remove the old name, as git does, would
 * have nothing left. What is lost is that a change through one name shows at the other. */
static long copy_file(struct call *call, int flags)
{
	struct place *place = call->scratch->place;
	int nofollow = flags & AT_SYMLINK_FOLLOW ? 0 : O_NOFOLLOW;
	/* Not blocked by a FIFO. */
	long from = sys_openat(place[0].directory, place[0].path,
	                       O_RDONLY | O_NONBLOCK | nofollow, 0);
	long to = -1, result;
	struct stat st;

	if (from < 0)
		return -EPERM; /* as before, for symbolic links and all else that is no file */
	result = sys_fstat((int)from, &st);
	if (result == 0 && !S_ISREG(st.mode))
		result = -EPERM;
	if (result == 0) {
		to = sys_openat(place[1].directory, place[1].path, O_WRONLY | O_CREAT | O_EXCL,
		                0600);
		result = to;
	}
	if (result >= 0) {
		result = copy_into(call, (int)from, (int)to, &st);
		sys_close((int)to);
		if (result < 0)
			CALL(unlinkat, place[1].directory, place[1].path, 0, 0, 0);
	}
	sys_close((int)from);
	return result;
}

static int is_refused(long result)
{
	return result == -EPERM || result == -EACCES || result == -EOPNOTSUPP ||
	       result == -ENOSYS;
}

static enum verdict link_file(struct call *call, int old_dirfd, int old, int new_dirfd, int new,
                              int flags)
{
	struct place *place = call->scratch->place;
	char name[FD_NAME_SIZE];
	const char *from;
	long result;
	char first;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return answer(call, -EINVAL);
	if (flags & AT_EMPTY_PATH) {
		result = subject_read(call->subject, &first, (uint64_t)call->args[old], 1);
		if (result < 0)
			return answer(call, result);
		if (first)
			flags &= ~AT_EMPTY_PATH;
	}
	if (flags & AT_EMPTY_PATH) {
		result = find_place(call, 1, new_dirfd, new, LOCATE_NAME);
		call->scratch->place[0].directory = AT_FDCWD;
		call->scratch->place[0].fd = -1;
		from = descriptor_name(call->subject, old_dirfd, name);
		join(place[0].path, PATH_MAX, from, NULL);
		flags = AT_SYMLINK_FOLLOW;
	} else {
		result = find_both(call, old_dirfd, old,
		                   flags & AT_SYMLINK_FOLLOW ? LOCATE_FOLLOW : 0, new_dirfd, new);
		/* All links have been followed but those that only the kernel can follow. */
		if (result >= 0 && !place[0].magic)
			flags = 0;
	}
	if (result < 0)
		return answer(call, result);
	result = CALL(linkat, place[0].directory, place[0].path, place[1].directory,
	                place[1].path, flags);
	if (is_refused(result) && call->subject->container->links)
		result = copy_file(call, flags);
	close_both(call);
	return answer(call, result);
}

enum verdict call_mkdirat(struct call *call)
{
	return make_directory(call, (int)call->args[0], 1);
}

enum verdict call_unlinkat(struct call *call)
{
	return remove_name(call, (int)call->args[0], 1, (int)call->args[2]);
}

enum verdict call_symlinkat(struct call *call)
{
	return make_symlink(call, (int)call->args[1], 2);
}

enum verdict call_renameat(struct call *call)
{
	return rename_file(call, (int)call->args[0], 1, (int)call->args[2], 3, 0);
}

enum verdict call_renameat2(struct call *call)
{
	return rename_file(call, (int)call->args[0], 1, (int)call->args[2], 3,
	                   (unsigned)call->args[4]);
}

enum verdict call_linkat(struct call *call)
{
	return link_file(call, (int)call->args[0], 1, (int)call->args[2], 3, (int)call->args[4]);
}

#ifdef __x86_64__
enum verdict call_mkdir(struct call *call)
{
	return make_directory(call, AT_FDCWD, 0);
}

enum verdict call_rmdir(struct call *call)
{
	return remove_name(call, AT_FDCWD, 0, AT_REMOVEDIR);
}

enum verdict call_unlink(struct call *call)
{
	return remove_name(call, AT_FDCWD, 0, 0);
}

enum verdict call_symlink(struct call *call)
{
	return make_symlink(call, AT_FDCWD, 1);
}

enum verdict call_rename(struct call *call)
{
	return rename_file(call, AT_FDCWD, 0, AT_FDCWD, 1, 0);
}

enum verdict call_link(struct call *call)
{
	return link_file(call, AT_FDCWD, 0, AT_FDCWD, 1, 0);
}
#endif
