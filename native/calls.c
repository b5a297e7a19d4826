#include "calls.h"

#include "kernel.h"
#include "permit.h"

/* One line for each call. Those of a number are together, the more special one first. */
#define ALL(name, route, need, handler)                                                            \
	{NR_##name, route, ALWAYS, 0, need, 0, 0, call_##handler}
#define ANSWERED(name, handler) ALL(name, BY_ANSWER, EVERY, handler)
#define TRACED(name, handler) ALL(name, BY_TRACE, EVERY, handler)
#define FAKED(name, handler) ALL(name, BY_ANSWER, FAKE_IDS, handler)
#define IF(name, route, condition, argument, value, need, handler)                                 \
	{NR_##name, route, condition, argument, need, 0, value, call_##handler}
#define FORBIDDEN(name, error) {NR_##name, REFUSED, ALWAYS, 0, EVERY, error, 0, NULL}
#define FORBIDDEN_IF(name, condition, argument, value, error)                                      \
	{NR_##name, REFUSED, condition, argument, EVERY, error, value, NULL}

const struct entry entries[] = {
	/* What files are (calls_stat.c). */
	ANSWERED(newfstatat, newfstatat),
	FAKED(fstat, fstat),
	ANSWERED(statx, statx),
	ANSWERED(faccessat, faccessat),
	ANSWERED(faccessat2, faccessat2),
	ANSWERED(statfs, statfs),
	ANSWERED(readlinkat, readlinkat),
	ANSWERED(getcwd, getcwd),
	IF(utimensat, BY_ANSWER, IF_POINTER, 1, 0, EVERY, utimensat),
	TRACED(file_getattr, file_attributes),
	TRACED(file_setattr, file_attributes),
	TRACED(name_to_handle_at, name_to_handle_at),
	FORBIDDEN(open_by_handle_at, EPERM),
#ifdef __x86_64__
	ANSWERED(stat, stat),
	ANSWERED(lstat, lstat),
	ANSWERED(access, access),
	ANSWERED(readlink, readlink),
	ANSWERED(utime, utime),
	ANSWERED(utimes, utimes),
	IF(futimesat, BY_ANSWER, IF_POINTER, 1, 0, EVERY, futimesat),
#endif

	/* Extended attributes (calls_xattr.c). */
	ANSWERED(getxattr, getxattr),
	ANSWERED(lgetxattr, lgetxattr),
	ANSWERED(getxattrat, getxattrat),
	ANSWERED(setxattr, setxattr),
	ANSWERED(lsetxattr, lsetxattr),
	FAKED(fsetxattr, fsetxattr),
	ANSWERED(setxattrat, setxattrat),
	ANSWERED(listxattr, listxattr),
	ANSWERED(llistxattr, llistxattr),
	ANSWERED(listxattrat, listxattrat),
	ANSWERED(removexattr, removexattr),
	ANSWERED(lremovexattr, lremovexattr),
	FAKED(fremovexattr, fremovexattr),
	ANSWERED(removexattrat, removexattrat),

	/* Ids and capabilities (calls_ids.c). */
	FAKED(getuid, getuid),
	FAKED(geteuid, geteuid),
	FAKED(getgid, getgid),
	FAKED(getegid, getegid),
	FAKED(getresuid, getresuid),
	FAKED(getresgid, getresgid),
	FAKED(getgroups, getgroups),
	FAKED(setuid, setuid),
	FAKED(setgid, setgid),
	FAKED(setreuid, setreuid),
	FAKED(setregid, setregid),
	FAKED(setresuid, setresuid),
	FAKED(setresgid, setresgid),
	FAKED(setfsuid, setfsuid),
	FAKED(setfsgid, setfsgid),
	FAKED(setgroups, setgroups),
	FAKED(capget, capget),
	FAKED(capset, capset),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_SET_DUMPABLE, EVERY, set_dumpable),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_GET_DUMPABLE, EVERY, get_dumpable),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_CAPBSET_READ, FAKE_IDS, prctl),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_CAPBSET_DROP, FAKE_IDS, prctl),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_CAP_AMBIENT, FAKE_IDS, prctl),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_GET_KEEPCAPS, FAKE_IDS, prctl),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_SET_KEEPCAPS, FAKE_IDS, prctl),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_GET_SECUREBITS, FAKE_IDS, prctl),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_SET_SECUREBITS, FAKE_IDS, prctl),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_GET_NO_NEW_PRIVS, FAKE_IDS, get_no_new_privs),
	IF(prctl, BY_ANSWER, IF_EQUAL, 0, PR_SET_NO_NEW_PRIVS, FAKE_IDS, set_no_new_privs),
	FORBIDDEN_IF(prctl, IF_EQUAL, 0, PR_SET_MM, EPERM),
	ANSWERED(umask, umask),

	/* Owners and modes (calls_ids.c). */
	ANSWERED(fchownat, fchownat),
	FAKED(fchown, fchown),
	ANSWERED(fchmodat, fchmodat),
	ANSWERED(fchmodat2, fchmodat2),
	FAKED(fchmod, fchmod),
	ANSWERED(mknodat, mknodat),
#ifdef __x86_64__
	ANSWERED(chown, chown),
	ANSWERED(lchown, lchown),
	ANSWERED(chmod, chmod),
	ANSWERED(mknod, mknod),
#endif

	/* What opens files and executes programs (calls_open.c). */
	ANSWERED(openat, openat),
	ANSWERED(openat2, openat2),
	TRACED(execve, execve),
	TRACED(execveat, execveat),
	TRACED(chdir, chdir),
	ANSWERED(chroot, chroot),
	TRACED(truncate, truncate),
	TRACED(inotify_add_watch, inotify_add_watch),
	IF(fanotify_mark, BY_TRACE, IF_POINTER, 4, 0, EVERY, fanotify_mark),
#ifdef __x86_64__
	ANSWERED(open, open),
	ANSWERED(creat, creat),
#endif

	/* Names (calls_names.c). */
	ANSWERED(mkdirat, mkdirat),
	ANSWERED(unlinkat, unlinkat),
	ANSWERED(symlinkat, symlinkat),
	ANSWERED(renameat, renameat),
	ANSWERED(renameat2, renameat2),
	ANSWERED(linkat, linkat),
#ifdef __x86_64__
	ANSWERED(mkdir, mkdir),
	ANSWERED(rmdir, rmdir),
	ANSWERED(unlink, unlink),
	ANSWERED(symlink, symlink),
	ANSWERED(rename, rename),
	ANSWERED(link, link),
#endif

	/* Sockets (calls_socket.c). */
	ANSWERED(bind, bind),
	ANSWERED(connect, connect),
	IF(sendto, BY_ANSWER, IF_POINTER, 4, 0, EVERY, sendto),
	ANSWERED(sendmsg, sendmsg),
	ANSWERED(sendmmsg, sendmmsg),
	IF(accept, BY_ANSWER, IF_POINTER, 1, 0, EVERY, accept),
	IF(accept4, BY_ANSWER, IF_POINTER, 1, 0, EVERY, accept),
	IF(recvfrom, BY_ANSWER, IF_POINTER, 4, 0, EVERY, recvfrom),
	ANSWERED(getsockname, getsockname),
	ANSWERED(getpeername, getpeername),
	IF(getsockopt, BY_ANSWER, IF_EQUAL, 2, SO_PEERCRED, FAKE_IDS, getsockopt),
	IF(socket, BY_ANSWER, IF_EQUAL, 2, NETLINK_AUDIT, EVERY, socket),

	/* The system and its processes (calls_misc.c). */
	ALL(uname, BY_ANSWER, UNAME, uname),
	IF(kill, BY_ANSWER, IF_EQUAL, 0, (uint32_t)-1, EVERY, kill_all),
	FORBIDDEN_IF(clone, IF_SET, 0, CLONE_NAMESPACES, EPERM),
	IF(clone, BY_TRACE, IF_SET, 0, CLONE_UNTRACED, EVERY, clone),
	ANSWERED(clone3, clone3),
	FORBIDDEN_IF(unshare, IF_SET, 0, CLONE_NAMESPACES | CLONE_NEWTIME, EPERM),
	FORBIDDEN(setns, EPERM),

	/* The host's system is not the container's, and to the kernel we may be root. */
	FORBIDDEN(mount, EPERM),
	FORBIDDEN(umount2, EPERM),
	FORBIDDEN(pivot_root, EPERM),
	FORBIDDEN(open_tree, EPERM),
	FORBIDDEN(open_tree_attr, EPERM),
	FORBIDDEN(move_mount, EPERM),
	FORBIDDEN(fsopen, EPERM),
	FORBIDDEN(fsconfig, EPERM),
	FORBIDDEN(fsmount, EPERM),
	FORBIDDEN(fspick, EPERM),
	FORBIDDEN(mount_setattr, EPERM),
	FORBIDDEN(statmount, EPERM),
	FORBIDDEN(listmount, EPERM),
	FORBIDDEN(quotactl, EPERM),
	FORBIDDEN(quotactl_fd, EPERM),
	FORBIDDEN(swapon, EPERM),
	FORBIDDEN(swapoff, EPERM),
	FORBIDDEN(acct, EPERM),
	FORBIDDEN(sethostname, EPERM),
	FORBIDDEN(setdomainname, EPERM),
	FORBIDDEN(settimeofday, EPERM),
	FORBIDDEN(clock_settime, EPERM),
	FORBIDDEN(syslog, EPERM),
	FORBIDDEN(vhangup, EPERM),
	FORBIDDEN(reboot, EPERM),
	FORBIDDEN(init_module, EPERM),
	FORBIDDEN(finit_module, EPERM),
	FORBIDDEN(delete_module, EPERM),
	FORBIDDEN(kexec_load, EPERM),
	FORBIDDEN(kexec_file_load, EPERM),
	FORBIDDEN(bpf, EPERM),
	FORBIDDEN(nfsservctl, ENOSYS),
#ifdef __x86_64__
	FORBIDDEN(uselib, ENOSYS),
	FORBIDDEN(iopl, EPERM),
	FORBIDDEN(ioperm, EPERM),
#endif

	/* Its requests name paths that nobody else sees. Programs do without. */
	FORBIDDEN(io_uring_setup, ENOSYS),
	FORBIDDEN(io_uring_enter, ENOSYS),
	FORBIDDEN(io_uring_register, ENOSYS),
	/* It would keep the program from executing ours. */
	FORBIDDEN(landlock_create_ruleset, EOPNOTSUPP),
};
const unsigned entry_count = sizeof entries / sizeof *entries;

int entry_counts(const struct container *container, const struct entry *entry)
{
	switch (entry->need) {
	case FAKE_IDS: return container->fake_ids;
	case UNAME: return container->release || container->hostname;
	default: return 1;
	}
}

static int fits(const struct entry *entry, const long args[6])
{
	uint64_t whole = (uint64_t)args[entry->argument];
	uint32_t low = (uint32_t)whole;

	switch (entry->condition) {
	case IF_SET: return (low & entry->value) != 0;
	case IF_POINTER: return whole != 0;
	case IF_EQUAL: return low == entry->value;
	default: return 1;
	}
}

/* The first entry of each number, and entry_count where there is none. It is made at the first
 * call; threads that make it at once write the same. */
static uint16_t first[CALL_NUMBERS];
static int indexed;

static void make_index(void)
{
	for (unsigned i = 0; i < CALL_NUMBERS; i++)
		first[i] = (uint16_t)entry_count;
	for (unsigned i = entry_count; i-- > 0;)
		first[entries[i].number] = (uint16_t)i;
	__atomic_store_n(&indexed, 1, __ATOMIC_RELEASE);
}

const struct entry *entry_find(const struct container *container, long number, const long args[6])
{
	const struct entry *end = entries + entry_count;

	if (!__atomic_load_n(&indexed, __ATOMIC_ACQUIRE))
		make_index();
	if ((unsigned long)number >= CALL_NUMBERS)
		return NULL;
	for (const struct entry *entry = entries + first[number];
	     entry < end && entry->number == number; entry++)
		if (entry_counts(container, entry) && fits(entry, args))
			return entry;
	return NULL;
}

static long put_back(struct call *call, long result)
{
	permit_end_all(&call->permits);
	return call->then ? call->then(call, result) : result;
}

/* -EACCES: is it root who asks, modes are no reason. */
static enum verdict try_as_root(struct call *call, const struct entry *entry)
{
	struct scratch *scratch = call->scratch;
	enum verdict verdict = ANSWER;

	while (verdict == ANSWER && call->value == -EACCES) {
		int changed = 0;

		for (int i = 0; i < 2; i++)
			changed |= permit_way(call->subject, &scratch->place[i],
			                      scratch->buffer[0], &call->permits);
		if (!changed)
			break;
		call->count = 0;
		call->after = NULL;
		verdict = entry->handle(call);
	}
	if (verdict == RUN && !call->may_give && call->permits.count) {
		call->then = call->after;
		call->after = put_back;
		return RUN;
	}
	permit_end_all(&call->permits);
	/* Its file would be out of reach again when it is mapped. */
	return verdict == EXECUTE ? answer(call, -EACCES) : verdict;
}

enum verdict handle(struct call *call)
{
	const struct entry *entry = entry_find(call->subject->container, call->number, call->args);
	enum verdict verdict;

	call->count = 0;
	call->after = NULL;
	call->close_on_exec = 0;
	if ((unsigned long)call->number >= CALL_NUMBERS)
		return answer(call, -ENOSYS);
	if (!entry)
		return RUN;
	if (entry->route == REFUSED)
		return answer(call, -entry->error);
	call->permits.count = 0;
	call->scratch->place[0].path[0] = call->scratch->place[1].path[0] = 0;
	verdict = entry->handle(call);
	return verdict == ANSWER && call->value == -EACCES ? try_as_root(call, entry) : verdict;
}

long find_place(struct call *call, unsigned i, int dirfd, int argument, int how)
{
	char *text = call->scratch->text[i];
	long n = subject_text(call->subject, text, (uint64_t)call->args[argument],
	                      sizeof call->scratch->text[i]);

	if (n < 0)
		return n;
	return locate(call->subject, dirfd, text, how, &call->scratch->place[i]);
}

const char *place_name(struct place *place, char buffer[FD_PATH_SIZE])
{
	if (place->directory == AT_FDCWD)
		return place->path;
	if (place->fd < 0)
		place->fd = (int)sys_openat(place->directory, place->path, O_PATH | O_NOFOLLOW, 0);
	return place->fd < 0 ? NULL : fd_path(buffer, place->fd);
}

const char *descriptor_name(const struct subject *subject, int fd, char buffer[FD_NAME_SIZE])
{
	char digits[DECIMAL_SIZE];

	if (fd == AT_FDCWD)
		join(buffer, FD_NAME_SIZE, subject->proc, "/cwd", NULL);
	else
		/* A negative number names nothing: no such descriptor is open. */
		join(buffer, FD_NAME_SIZE, subject->proc, "/fd/", decimal(digits, (uint32_t)fd),
		     NULL);
	return buffer;
}

enum verdict run_at(struct call *call, int argument, const struct place *place)
{
	/* The program cannot use our directory descriptor. */
	if (place->directory != AT_FDCWD)
		return answer(call, -ENAMETOOLONG);
	replace(call, argument, place->path, length(place->path) + 1);
	return RUN;
}

/* A relative path of one name needs no look at what it is, only at its directory. */
static int single(const char *path)
{
	for (; *path; path++)
		if (*path == '/')
			return 0;
	return 1;
}

long aim(struct call *call, int dirfd, int argument, int flags, struct target *target)
{
	struct place *place = &call->scratch->place[0];
	char *text = call->scratch->text[0];
	uint64_t address = (uint64_t)call->args[argument];
	int how = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOCATE_FOLLOW;
	long error;

	text[0] = 0;
	if (address || !(flags & AT_EMPTY_PATH)) {
		error = subject_text(call->subject, text, address, sizeof call->scratch->text[0]);
		if (error < 0)
			return error;
	}
	if (!text[0] && flags & AT_EMPTY_PATH) {
		*target = (struct target){.directory = AT_FDCWD};
		target->path = descriptor_name(call->subject, dirfd, target->name);
		return 0;
	}
	if (how || !single(text))
		how |= LOCATE_OPEN;
	error = locate(call->subject, dirfd, text, how, place);
	if (error < 0)
		return error;
	target->place = place;
	if (how & LOCATE_OPEN) {
		if (place->fd < 0) {
			place_close(place);
			return place->error;
		}
		target->directory = place->fd;
		target->path = "";
		target->flags = AT_EMPTY_PATH;
	} else {
		target->directory = place->directory;
		target->path = place->path;
		target->flags = place->magic ? 0 : AT_SYMLINK_NOFOLLOW;
	}
	return 0;
}

long aim_at(const struct subject *subject, int fd, struct target *target)
{
	struct stat link;
	long error;

	*target = (struct target){.directory = AT_FDCWD};
	if (fd < 0)
		return -EBADF;
	target->path = descriptor_name(subject, fd, target->name);
	/* The link has the rights of the open file: O_PATH descriptors have none. */
	error = CALL(newfstatat, AT_FDCWD, target->path, &link, AT_SYMLINK_NOFOLLOW, 0);
	if (error < 0)
		return error == -ENOENT ? -EBADF : error;
	return link.mode & 0600 ? 0 : -EBADF;
}

const char *target_name(struct target *target)
{
	struct place *place = target->place;

	if (!place)
		return target->path;
	if (place->fd < 0)
		place->fd = (int)sys_openat(target->directory, target->path, O_PATH |
		                            (target->flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0), 0);
	return place->fd < 0 ? NULL : fd_path(target->name, place->fd);
}

long leave(struct target *target, long result)
{
	if (target->place)
		place_close(target->place);
	else if (result == -ENOENT)
		return -EBADF; /* it is the descriptor that is not there */
	return result;
}
