/* Calls that open files, change into directories, and execute programs. */
#include "calls.h"

#include "calls_proc.h"
#include "ids.h"
#include "kernel.h"
#include "owners.h"
#include "permit.h"
#include "program.h"
#include "view.h"

enum {
	OPEN_HOW_SIZE_0 = 24, /* struct open_how as it came with Linux 5.6 */
	OPEN_HOW_SIZE_MAX = 4096,
	ATTEMPTS = 16, /* while others create and remove what is to be opened */
	AT_EXECVE_CHECK = 0x10000,
	IN_DONT_FOLLOW = 0x02000000,
	FAN_MARK_DONT_FOLLOW = 4,
	MAJOR_MEMORY = 1 /* of null, zero, random, ...: devices that are the same to everybody */
};

struct opening {
	int dirfd, argument; /* the path is args[argument] */
	unsigned flags, mode;
	uint64_t resolve;    /* openat2(2) */
};

/* What has to be undone or done once the program has made the call itself, in call->note:
 * descriptors are kept as their number and one, so that zero is none. */
enum { NOTE_PERMIT, NOTE_MODE, NOTE_CLOSE, NOTE_NEW };

/* Whether the owner of what the subject creates has to be noted. */
static int must_own(const struct subject *subject)
{
	const struct container *container = subject->container;

	return container->fake_ids && (subject->ids->fsuid != container->base_uid ||
	                               subject->ids->fsgid != container->base_gid ||
	                               owners_count(container->owners));
}

/* As own_new_file(), of a file that has no name but a link of /proc. */
static void own_open_file(const struct subject *subject, const char *path)
{
	const struct container *container = subject->container;
	const struct ids *ids = subject->ids;
	struct owner owner = {.uid = ids->fsuid, .gid = ids->fsgid};
	struct stat st;

	if (!must_own(subject) || sys_stat(path, &st) < 0)
		return;
	owner.dev = st.dev;
	owner.ino = st.ino;
	if (ids->fsuid != container->base_uid || ids->fsgid != container->base_gid)
		owners_set(container->owners, &owner);
	else
		owners_drop(container->owners, st.dev, st.ino);
}

/* As own_open_file(), of a file that has a name if it was not made with O_TMPFILE. */
static void own_made_file(struct call *call, const char *link)
{
	struct place *place = &call->scratch->place[0];
	struct stat st, named;
	long n = sys_readlinkat(AT_FDCWD, link, place->path, PATH_MAX - 1);

	if (n < 0)
		return;
	place->path[n] = 0;
	place->directory = AT_FDCWD;
	if (sys_stat(link, &st) == 0 && sys_stat(place->path, &named) == 0 &&
	    st.dev == named.dev && st.ino == named.ino)
		own_new_file(call->subject, place);
	else
		own_open_file(call->subject, link);
}

static long finish(struct call *call, long result)
{
	char name[FD_NAME_SIZE];

	if (call->note[NOTE_PERMIT]) {
		struct permit permit = {(int)call->note[NOTE_PERMIT] - 1,
		                        (uint32_t)call->note[NOTE_MODE]};

		permit_end(&permit);
	}
	if (call->note[NOTE_CLOSE])
		sys_close((int)call->note[NOTE_CLOSE] - 1);
	if (call->note[NOTE_NEW] && result >= 0)
		own_made_file(call, descriptor_name(call->subject, (int)result, name));
	return result;
}

static void start_notes(struct call *call)
{
	for (int i = 0; i < 4; i++)
		call->note[i] = 0;
}

/* Has the program use descriptor `fd` of ours, or `name` in it if that is not NULL, by a link of
 * /proc; finish() closes it. 0 or -ENAMETOOLONG. */
static long lend(struct call *call, int argument, int fd, const char *name)
{
	char digits[2][DECIMAL_SIZE], *path = call->scratch->buffer[0];

	if (join(path, PATH_MAX, "/proc/",
	         decimal(digits[0], (uint64_t)CALL(getpid, 0, 0, 0, 0, 0)), "/fd/",
	         decimal(digits[1], (uint64_t)fd), name ? "/" : NULL, name, NULL) < 0)
		return -ENAMETOOLONG;
	call->note[NOTE_CLOSE] = (uint64_t)fd + 1;
	call->after = finish;
	replace(call, argument, path, length(path) + 1);
	return 0;
}

/* The program is to make the call itself. The back end asks again when the program has been stopped
 * for that; nothing may be left open until then, and it needs only to know that something has to be
 * done. */
static enum verdict ask_again(struct call *call)
{
	call->after = finish;
	return RUN;
}

/* Lets the program make the call on what was found at `place`. It does not get the path: while the
 * kernel goes along it, another process could make a link of a name in it, which would lead to the
 * host's files. */
static enum verdict run_place(struct call *call, int argument, struct place *place)
{
	if (place->magic)
		return run_at(call, argument, place);
	lend(call, argument, place->fd, NULL);
	place->fd = -1;
	return RUN;
}

/* Gives the program descriptor `fd` of ours, or the error that it is. */
static enum verdict give(struct call *call, long fd, unsigned flags)
{
	if (fd < 0)
		return answer(call, fd);
	call->value = fd;
	call->close_on_exec = (flags & O_CLOEXEC) != 0;
	return GIVE;
}

/* Whether opening a file of this kind cannot block and does not depend on who does it. */
static int is_plain(const struct stat *st)
{
	return S_ISREG(st->mode) || S_ISDIR(st->mode) ||
	       ((st->mode & S_IFMT) == S_IFCHR && (st->rdev >> 8 & 0xfff) == MAJOR_MEMORY);
}

/* Opens the file behind O_PATH descriptor `fd` for the program. We must not wait until somebody, who
 * may need us for that, gives up a lease (fcntl(2)): -EAGAIN then. */
static long open_again(struct call *call, int fd, unsigned flags, unsigned mode)
{
	char path[FD_PATH_SIZE];
	long result;

	if ((flags & O_TMPFILE) == O_TMPFILE)
		subject_use_mask(call->subject);
	flags &= ~(unsigned)O_NOFOLLOW; /* the path is a link itself */
	result = sys_openat(AT_FDCWD, fd_path(path, fd), (int)(flags | O_NONBLOCK), mode);
	if (result >= 0 && !(flags & O_NONBLOCK))
		CALL(fcntl, result, F_SETFL, flags, 0, 0);
	if (result >= 0 && (flags & O_TMPFILE) == O_TMPFILE)
		own_open_file(call->subject, fd_path(path, (int)result));
	return result;
}

/* Creates the file at `place`: -EEXIST if there is one by now. */
static long create(struct call *call, struct place *place, unsigned flags, unsigned mode)
{
	long result;

	subject_use_mask(call->subject);
	result = sys_openat(place->directory, place->path, (int)(flags | O_EXCL | O_NOFOLLOW),
	                    mode);
	if (result >= 0)
		own_new_file(call->subject, place);
	return result;
}

/* The owner's bits that `flags` ask for. */
static uint32_t wanted_bits(unsigned flags)
{
	static const uint32_t bits[] = {0400, 0200, 0600, 0600};

	return bits[flags & O_ACCMODE] | (flags & O_TRUNC ? 0200 : 0);
}

/* Adds mode bits to the file behind `fd` for root's program, which is about to make the call
 * itself; finish() takes them away. */
static void permit_it(struct call *call, int fd, uint32_t wanted)
{
	struct permit permit;
	long copy;

	if (!permit_file(call->subject, fd, wanted, &permit))
		return;
	copy = CALL(fcntl, fd, F_DUPFD_CLOEXEC, 0, 0, 0);
	if (copy < 0) {
		permit_undo(&permit);
		return;
	}
	call->note[NOTE_PERMIT] = (uint64_t)copy + 1;
	call->note[NOTE_MODE] = permit.mode;
	call->after = finish;
}

/* Lets the program create the file at `place`, in the directory that was found. */
static enum verdict run_creation(struct call *call, int argument, const struct place *place)
{
	const char *path = place->path;
	char *directory = call->scratch->buffer[1];
	size_t n = length(path);
	long fd;

	/* A slash at the end is part of the name, for the kernel to refuse. */
	while (n > 1 && (path[n - 1] == '/' || (path[n - 1] == '.' && path[n - 2] == '/')))
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	memcpy(directory, path, n);
	directory[n] = 0;
	fd = sys_openat(place->directory, n ? directory : ".", O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return answer(call, fd);
	if (lend(call, argument, (int)fd, path + n) < 0) {
		sys_close((int)fd);
		return answer(call, -ENAMETOOLONG);
	}
	permit_it(call, (int)fd, 0300);
	return RUN;
}

/* Makes `flags` those of the call. */
static void use_flags(struct call *call, const struct opening *o, unsigned flags)
{
	if (call->number == NR_openat2) {
		/* What `resolve` demands has been seen to. */
		struct open_how *how = (struct open_how *)call->scratch->buffer[1];

		*how = (struct open_how){flags, o->mode, 0};
		replace(call, 2, how, sizeof *how);
		call->args[3] = sizeof *how;
		return;
	}
	if (flags == o->flags)
		return;
#ifdef __x86_64__
	if (call->number == NR_creat) {
		call->number = NR_open;
		call->args[2] = call->args[1];
	}
#endif
	call->args[o->argument + 1] = (long)flags;
}

/* The program opens it itself. `st` is NULL for what is not there yet. */
static enum verdict open_itself(struct call *call, const struct opening *o, struct place *place,
                                const struct stat *st)
{
	unsigned flags = o->flags;
	enum verdict verdict;

	if (call->may_give)
		return ask_again(call);
	if (st) {
		if (is_plain(st))
			permit_it(call, place->fd, wanted_bits(flags));
		flags &= ~(unsigned)O_NOFOLLOW; /* what is a link for the kernel is none here */
		verdict = run_place(call, o->argument, place);
	} else {
		flags |= O_NOFOLLOW;
		verdict = run_creation(call, o->argument, place);
	}
	if (verdict != RUN)
		return verdict;
	if ((!st || (flags & O_TMPFILE) == O_TMPFILE) && must_own(call->subject)) {
		call->note[NOTE_NEW] = 1;
		call->after = finish;
	}
	use_flags(call, o, flags);
	return RUN;
}

/* `place` has been found. -EEXIST as an answer may mean that it has to be found again. */
static enum verdict open_place(struct call *call, const struct opening *o, struct place *place)
{
	struct stat st;
	long result;

	if (place->fd < 0) {
		if (!(o->flags & O_CREAT) || place->error != -ENOENT)
			return answer(call, place->error);
		if (!call->may_give)
			return open_itself(call, o, place, NULL);
		return give(call, create(call, place, o->flags, o->mode), o->flags);
	}
	if ((o->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return answer(call, -EEXIST);
	result = sys_fstat(place->fd, &st);
	if (result < 0)
		return answer(call, result);
	if (place->magic || !call->may_give)
		return open_itself(call, o, place, &st);
	if (o->flags & O_PATH) {
		if ((o->flags & O_DIRECTORY) && !S_ISDIR(st.mode))
			return answer(call, -ENOTDIR);
		result = place->fd;
		place->fd = -1;
		return give(call, result, o->flags);
	}
	if (S_ISLNK(st.mode))
		return answer(call, o->flags & O_DIRECTORY ? -ENOTDIR : -ELOOP);
	if (!is_plain(&st))
		return open_itself(call, o, place, &st);
	result = open_again(call, place->fd, o->flags, o->mode);
	if (result == -EAGAIN && !(o->flags & O_NONBLOCK))
		return open_itself(call, o, place, &st);
	return give(call, result, o->flags);
}

/* A file of /proc whose content depends on the host's paths or ids. */
static enum verdict open_rewritten(struct call *call, const struct opening *o, long fd)
{
	if (fd < 0 || call->may_give)
		return give(call, fd, o->flags);
	/* The program opens our copy. */
	lend(call, o->argument, (int)fd, NULL);
	return RUN;
}

/* The kernel does not see that a bind is another file system. */
static long same_device(struct call *call, int dirfd, const struct place *place)
{
	const struct view *view = call->subject->container->view;
	struct place *start = &call->scratch->place[1];
	struct stat here, there;
	long result;

	if (place->fd < 0)
		return 0; /* a name in a directory that was looked at to get here */
	result = locate(call->subject, dirfd, ".", LOCATE_OPEN, start);
	if (result < 0)
		return result;
	result = start->fd < 0 ? start->error : sys_fstat(start->fd, &here);
	if (result == 0)
		result = sys_fstat(place->fd, &there);
	if (result == 0 && (here.dev != there.dev ||
	                    view_at(view, start->container) != view_at(view, place->container)))
		result = -EXDEV;
	place_close(start);
	return result;
}

/* find_place() with what openat2(2) demands of the way. */
static long find_scoped(struct call *call, const struct opening *o, int how)
{
	static const struct {
		unsigned char resolve, how;
	} scopes[] = {{RESOLVE_BENEATH, LOCATE_BENEATH}, {RESOLVE_NO_SYMLINKS, LOCATE_NO_LINKS},
	              {RESOLVE_NO_MAGICLINKS, LOCATE_NO_MAGIC}};
	struct subject *subject = call->subject;
	const char *chroot = subject->chroot;
	char *text = call->scratch->text[0];
	char *directory = call->scratch->buffer[0], *root = call->scratch->buffer[1];
	int dirfd = o->dirfd;
	long result;

	for (unsigned i = 0; i < sizeof scopes / sizeof *scopes; i++)
		if (o->resolve & scopes[i].resolve)
			how |= scopes[i].how;
	if (!(o->resolve & RESOLVE_IN_ROOT)) {
		result = find_place(call, 0, dirfd, o->argument, how);
	} else {
		result = subject_text(subject, text + 1, (uint64_t)call->args[o->argument],
		                      PATH_MAX - 1);
		if (result < 0)
			return result;
		if (result == 0)
			return -ENOENT;
		result = locate_directory(subject, dirfd, directory);
		if (result < 0)
			return result;
		if (join(root, PATH_MAX, chroot, equal(directory, "/") ? "" : directory, NULL) < 0)
			return -ENAMETOOLONG;
		text[0] = '/';
		subject->chroot = root;
		result = locate(subject, AT_FDCWD, text, how | LOCATE_NO_MAGIC,
		                &call->scratch->place[0]);
		subject->chroot = chroot;
	}
	if (result == 0 && (o->resolve & RESOLVE_NO_XDEV)) {
		result = same_device(call, dirfd, &call->scratch->place[0]);
		if (result < 0)
			place_close(&call->scratch->place[0]);
	}
	return result;
}

static enum verdict open_at(struct call *call, const struct opening *o)
{
	const unsigned exclusive = O_CREAT | O_EXCL;
	struct place *place = &call->scratch->place[0];
	enum verdict verdict;
	int how = LOCATE_OPEN;

	if (!(o->flags & O_NOFOLLOW) && (o->flags & exclusive) != exclusive)
		how |= LOCATE_FOLLOW;
	for (int i = 0; i < ATTEMPTS; i++) {
		long result;

		start_notes(call);
		call->count = 0;
		result = o->resolve ? find_scoped(call, o, how) :
		                      find_place(call, 0, o->dirfd, o->argument, how);
		if (result < 0)
			return answer(call, result);
		result = rewritten(call, place, o->flags);
		if (result != -ENODATA)
			verdict = open_rewritten(call, o, result);
		else
			verdict = open_place(call, o, place);
		place_close(place);
		if (verdict != ANSWER || call->value != -EEXIST || (o->flags & O_EXCL))
			return verdict;
	}
	return answer(call, -EAGAIN);
}

/* open(2): with O_PATH all flags but these are ignored. */
static unsigned legacy_flags(unsigned flags)
{
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	return flags;
}

enum verdict call_openat(struct call *call)
{
	struct opening o = {(int)call->args[0], 1, legacy_flags((unsigned)call->args[2]),
	                    (unsigned)call->args[3] & 07777, 0};

	return open_at(call, &o);
}

enum verdict call_openat2(struct call *call)
{
	struct opening o = {.dirfd = (int)call->args[0], .argument = 1};
	uint64_t size = (uint64_t)call->args[3];
	char *bytes = call->scratch->buffer[1];
	struct open_how how;
	long result;

	if (size < OPEN_HOW_SIZE_0)
		return answer(call, -EINVAL);
	if (size > OPEN_HOW_SIZE_MAX)
		return answer(call, -E2BIG);
	result = subject_read(call->subject, bytes, (uint64_t)call->args[2], size);
	if (result < 0)
		return answer(call, result);
	for (uint64_t i = sizeof how; i < size; i++)
		if (bytes[i])
			return answer(call, -E2BIG);
	memcpy(&how, bytes, sizeof how);
	if (how.resolve & RESOLVE_CACHED)
		return answer(call, how.flags & (O_CREAT | O_TRUNC | O_TMPFILE) & ~O_DIRECTORY ?
		                    -EINVAL : -EAGAIN); /* "try again without it" */
	/* The kernel knows which flags may be together; it looks at them before the path. */
	result = CALL(openat2, -1, ".", &how, sizeof how, 0);
	if (result != -EBADF)
		return answer(call, result);
	o.flags = (unsigned)how.flags;
	o.mode = (unsigned)how.mode;
	o.resolve = how.resolve;
	return open_at(call, &o);
}

static enum verdict run_found(struct call *call, int dirfd, int argument, int how)
{
	struct place *place = &call->scratch->place[0];
	enum verdict verdict;
	long result = find_place(call, 0, dirfd, argument, how | LOCATE_OPEN);

	if (result < 0)
		return answer(call, result);
	start_notes(call);
	if (place->fd < 0) {
		verdict = answer(call, place->error);
	} else if (call->may_give) {
		verdict = ask_again(call);
	} else {
		permit_it(call, place->fd, call->number == NR_chdir ? 0100 : 0600);
		verdict = run_place(call, argument, place);
	}
	place_close(place);
	return verdict;
}

enum verdict call_chdir(struct call *call)
{
	return run_found(call, AT_FDCWD, 0, LOCATE_FOLLOW);
}

/* Not made here: RLIMIT_FSIZE is the program's, and SIGXFSZ too. */
enum verdict call_truncate(struct call *call)
{
	return run_found(call, AT_FDCWD, 0, LOCATE_FOLLOW);
}

/* As run_found(), for calls with a flag that says that a link at the end is not to be followed: it is
 * cleared, as the program is to follow ours. */
static enum verdict run_watch(struct call *call, int dirfd, int argument, long *flags, long flag)
{
	enum verdict verdict = run_found(call, dirfd, argument, *flags & flag ? 0 : LOCATE_FOLLOW);

	if (verdict == RUN)
		*flags &= ~flag;
	return verdict;
}

enum verdict call_inotify_add_watch(struct call *call)
{
	return run_watch(call, AT_FDCWD, 1, &call->args[2], IN_DONT_FOLLOW);
}

enum verdict call_fanotify_mark(struct call *call)
{
	return run_watch(call, (int)call->args[3], 4, &call->args[1], FAN_MARK_DONT_FOLLOW);
}

enum verdict call_chroot(struct call *call)
{
	struct place *place = &call->scratch->place[0];
	struct stat st;
	long result = find_place(call, 0, AT_FDCWD, 0, LOCATE_FOLLOW | LOCATE_OPEN);

	if (result < 0)
		return answer(call, result);
	result = place->fd < 0 ? place->error : sys_fstat(place->fd, &st);
	if (result == 0) {
		if (!S_ISDIR(st.mode))
			result = -ENOTDIR;
		else if (!ids_capable(call->subject->ids, CAP_SYS_CHROOT))
			result = -EPERM;
		else if (!place->container[0])
			result = -EACCES;
		else
			result = subject_set_chroot(call->subject, equal(place->container, "/") ?
			                            "" : place->container);
	}
	place_close(place);
	return answer(call, result);
}

static enum verdict execute(struct call *call, int dirfd, int argument, int flags)
{
	char *text = call->scratch->text[0];
	long result = subject_text(call->subject, text, (uint64_t)call->args[argument], PATH_MAX);

	if (result < 0)
		return answer(call, result);
	result = program_find(call, dirfd, text, flags & ~AT_EXECVE_CHECK, call->program);
	if (result < 0)
		return answer(call, result);
	if (flags & AT_EXECVE_CHECK) {
		program_release(call->program);
		return answer(call, 0);
	}
	return EXECUTE;
}

enum verdict call_execve(struct call *call)
{
	return execute(call, AT_FDCWD, 0, 0);
}

enum verdict call_execveat(struct call *call)
{
	int flags = (int)call->args[4];

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_EXECVE_CHECK))
		return answer(call, -EINVAL);
	return execute(call, (int)call->args[0], 1, flags);
}

#ifdef __x86_64__
enum verdict call_open(struct call *call)
{
	struct opening o = {AT_FDCWD, 0, legacy_flags((unsigned)call->args[1]),
	                    (unsigned)call->args[2] & 07777, 0};

	return open_at(call, &o);
}

enum verdict call_creat(struct call *call)
{
	struct opening o = {AT_FDCWD, 0, O_CREAT | O_WRONLY | O_TRUNC,
	                    (unsigned)call->args[1] & 07777, 0};

	return open_at(call, &o);
}
#endif
