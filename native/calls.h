/* The handlers of the table in calls.c, one for each way in which a call is treated, and what they
 * share.
 */
#ifndef CALLS_H
#define CALLS_H

#include "call.h"
#include "text.h"

#define FD_NAME_SIZE (32 + sizeof "/fd/" + DECIMAL_SIZE) /* subject->proc and more */

/* Calls with this number or a higher one are not known here, so that nobody can say whether they
 * take a path: they fail with ENOSYS. */
enum { CALL_NUMBERS = 471 };

/* Whether this container needs the entry: others are as if they were not there. */
int entry_counts(const struct container *container, const struct entry *entry);

/* The entry that counts for a call with these arguments; NULL: the call runs untouched. */
const struct entry *entry_find(const struct container *container, long number, const long args[6]);

/* Reads the path that argument `argument` points to into scratch->text[i] and finds its place,
 * scratch->place[i]. 0 (then call place_close()) or a negative errno. */
long find_place(struct call *call, unsigned i, int dirfd, int argument, int how);

/* A path of what is at `place` for calls that know no directory descriptors. `buffer` is used when
 * the place has none of its own. NULL: nothing is there that could be named. */
const char *place_name(struct place *place, char buffer[FD_PATH_SIZE]);

/* "/proc/PID/fd/N": names the open file behind the subject's descriptor, for calls that follow
 * links. AT_FDCWD gives its working directory. */
const char *descriptor_name(const struct subject *subject, int fd, char buffer[FD_NAME_SIZE]);

/* Replaces path argument `argument` by `place`, for a call that the program makes itself. */
enum verdict run_at(struct call *call, int argument, const struct place *place);

/* Makes of what stat(2) said about a file what the container shall see. */
void show_file(const struct subject *subject, struct stat *st);

/* Remembers who made the file at `place`, which is new, if the file system cannot tell. */
void own_new_file(const struct subject *subject, struct place *place);

/* Where a call looks: the place of a path, or a descriptor. For the kernel's *at calls: nothing
 * is followed but what was resolved. */
struct target {
	int directory, flags; /* AT_EMPTY_PATH when `path` is "", perhaps AT_SYMLINK_NOFOLLOW */
	const char *path;
	struct place *place;  /* NULL for a descriptor */
	char name[FD_NAME_SIZE];
};

/* Finds what (`dirfd`, path argument, `flags`) mean; of the flags, AT_EMPTY_PATH and
 * AT_SYMLINK_NOFOLLOW count. Uses scratch 0. 0 (then call leave()) or a negative errno. */
long aim(struct call *call, int dirfd, int argument, int flags, struct target *target);

/* Aims at the file of a descriptor, for calls that do not take O_PATH ones. 0 or -EBADF. */
long aim_at(const struct subject *subject, int fd, struct target *target);

/* A path of the target for calls that know no directory descriptors and follow links; NULL if
 * nothing is there. */
const char *target_name(struct target *target);

/* Gives back what aim() holds; returns `result`, the call's, as the program is to see it. */
long leave(struct target *target, long result);

/* calls_ids.c */
handler call_getuid, call_geteuid, call_getgid, call_getegid, call_getresuid, call_getresgid,
	call_getgroups, call_setuid, call_setgid, call_setreuid, call_setregid, call_setresuid,
	call_setresgid, call_setfsuid, call_setfsgid, call_setgroups, call_capget, call_capset,
	call_prctl, call_get_no_new_privs, call_set_no_new_privs, call_set_dumpable,
	call_get_dumpable, call_umask;
handler call_chown, call_lchown, call_fchown, call_fchownat, call_chmod, call_fchmod, call_fchmodat,
	call_fchmodat2, call_mknod, call_mknodat;

/* calls_stat.c */
handler call_stat, call_lstat, call_fstat, call_newfstatat, call_statx, call_access,
	call_faccessat, call_faccessat2, call_statfs, call_readlink, call_readlinkat, call_getcwd,
	call_utime, call_utimes, call_futimesat, call_utimensat, call_file_attributes,
	call_name_to_handle_at;

/* calls_xattr.c */
handler call_setxattr, call_lsetxattr, call_fsetxattr, call_getxattr, call_lgetxattr,
	call_listxattr, call_llistxattr, call_removexattr, call_lremovexattr, call_fremovexattr,
	call_setxattrat, call_getxattrat, call_listxattrat, call_removexattrat;

/* calls_open.c */
handler call_open, call_creat, call_openat, call_openat2, call_chdir, call_chroot, call_truncate,
	call_inotify_add_watch, call_fanotify_mark, call_execve, call_execveat;

/* calls_names.c */
handler call_mkdir, call_mkdirat, call_rmdir, call_unlink, call_unlinkat, call_symlink,
	call_symlinkat, call_rename, call_renameat, call_renameat2, call_link, call_linkat;

/* calls_socket.c */
handler call_bind, call_connect, call_sendto, call_sendmsg, call_sendmmsg, call_accept,
	call_getsockname, call_getpeername, call_recvfrom, call_getsockopt;

/* calls_misc.c */
handler call_uname, call_kill_all, call_clone, call_clone3, call_socket;

#endif
