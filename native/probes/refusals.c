/* What a program without CAP_SYS_ADMIN may not do. */
#include "probe.h"

#include <sched.h>
#include <sys/mount.h>

#ifndef CLONE_NEWUSER
#define CLONE_NEWUSER 0x10000000
#endif
#ifndef CLONE_NEWNS
#define CLONE_NEWNS 0x20000
#endif
enum {
	OPEN_TREE = 428, MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT, FSPICK, MOUNT_SETATTR = 442
};

PROBE(mount_refused)
{
	works(mkdir("d", 0755));
	refused(mount("none", in_scratch("d"), "tmpfs", 0, ""), EPERM);
	refused(mount("/", "d", NULL, MS_BIND, NULL), EPERM);
	refused(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), EPERM);
	refused(umount2("/proc", MNT_DETACH), EPERM);
	refused(syscall(SYS_pivot_root, "d", "d"), EPERM);
}

PROBE(new_mount_calls_refused)
{
	works(mkdir("d", 0755));
	refused(syscall(OPEN_TREE, AT_FDCWD, "d", 1 /* OPEN_TREE_CLONE */), EPERM);
	refused(syscall(FSOPEN, "tmpfs", 0), EPERM);
	refused(syscall(MOVE_MOUNT, AT_FDCWD, "d", AT_FDCWD, "/", 0), EPERM);
	refused(syscall(FSPICK, AT_FDCWD, "/", 0), EPERM);
}

PROBE(namespaces_refused)
{
	refused(unshare(CLONE_NEWUSER), EPERM);
	refused(unshare(CLONE_NEWNS), EPERM);
	refused(unshare(CLONE_NEWUSER | CLONE_NEWNS), EPERM);
	works(unshare(CLONE_FILES | CLONE_FS));
	refused(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL), EPERM);
	refused(syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL), EPERM);
}

PROBE(namespaces_refused_in_clone3)
{
	uint64_t arguments[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};

	if (syscall(SYS_clone3, NULL, 0) && errno == ENOSYS)
		skip("not in this kernel");
	refused(syscall(SYS_clone3, arguments, sizeof(arguments)), EPERM);
}

PROBE(namespace_entered_in_vain)
{
	int fd = (int)works(open("/proc/self/ns/uts", O_RDONLY));

	refused(setns(fd, CLONE_NEWUTS), EPERM);
}

PROBE(host_name_refused)
{
	refused(sethostname("probe", 5), EPERM);
	refused(syscall(SYS_setdomainname, "probe", 5), EPERM);
}

PROBE(log_and_terminal_refused)
{
	refused(syscall(SYS_syslog, 10 /* SYSLOG_ACTION_SIZE_BUFFER */, NULL, 0), EPERM);
	refused(syscall(SYS_vhangup), EPERM);
}

PROBE(handles_refused)
{
	struct {
		unsigned bytes;
		int type;
		unsigned char data[8];
	} handle = {8, 1, {0}};

	refused(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY), EPERM);
}

PROBE(swap_refused)
{
	put("file", "x");
	refused(syscall(SYS_swapon, "file", 0), EPERM);
	refused(syscall(SYS_swapoff, "file"), EPERM);
}
