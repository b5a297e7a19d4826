/* The default seccomp filter: a list of what is refused, in the spirit of docker's profile.
 *
 * A list of refusals and not of permissions, since the program has the user's own rights anyway
 * and MPI, CUDA, debuggers and NUMA tools need the less common calls; what it takes away is the
 * kernel's surface that only system administration uses, and that most exploits begin with.
 */
#include "kernel.h"
#include "privileges.h"
#include "text.h"

struct instruction { /* struct sock_filter */
	uint16_t code;
	uint8_t if_true, if_false;
	uint32_t k;
};
struct program { /* struct sock_fprog */
	unsigned short length;
	const struct instruction *instructions;
};

enum { /* the instructions of BPF that a filter needs */
	LOAD = 0x20, JUMP_EQUAL = 0x15, JUMP_GREATER = 0x25, JUMP_SET = 0x45,
	RETURN = 0x06
};
enum { /* offsets in struct seccomp_data; both architectures are little-endian */
	NUMBER = 0, ARCHITECTURE = 4, ARGUMENT_0 = 16, ARGUMENT_1 = 24
};
#define ALLOW 0x7fff0000u
#define ERRNO(error) (0x00050000u | (error))

static const int refused[] = {
	/* mounts: not needed by a program, and a common way out of a sandbox */
	NR_mount, NR_umount2, NR_pivot_root, NR_open_tree, NR_open_tree_attr, NR_move_mount,
	NR_fsopen, NR_fsconfig, NR_fsmount, NR_fspick, NR_mount_setattr, NR_setns,
	/* the kernel's keyrings are not namespaced */
	NR_add_key, NR_request_key, NR_keyctl,
	/* programs and probes for the kernel, and its modules */
	NR_bpf, NR_perf_event_open, NR_userfaultfd, NR_init_module, NR_finit_module,
	NR_delete_module, NR_kexec_load, NR_kexec_file_load, NR_lookup_dcookie, NR_fanotify_init,
	/* files by handle reach outside of any root */
	NR_open_by_handle_at,
	/* administration of the machine */
	NR_reboot, NR_swapon, NR_swapoff, NR_acct, NR_quotactl, NR_quotactl_fd, NR_nfsservctl,
	NR_settimeofday, NR_clock_settime, NR_clock_adjtime, NR_syslog, NR_vhangup,
	ARCH_REFUSED,
};
#ifdef AUDIT_ARCH_32
static const int refused_32[] = {REFUSED_32};
#endif
/* Programs fall back to older calls when these are missing. clone3's flags are in memory, where
 * a filter cannot see them; io_uring's operations pass no filter. */
static const int missing[] = {
	NR_clone3, NR_io_uring_setup, NR_io_uring_enter, NR_io_uring_register,
};
static const int families[] = { /* of sockets; unspec unix inet inet6 netlink packet ib */
	0, 1, 2, 10, 16, 17, 27,
};

#define COUNT(array) (sizeof(array) / sizeof *(array))
_Static_assert(COUNT(refused) < 128, "jumps over the list reach 255 instructions");
static struct instruction code[256];
static int size;

static void add(unsigned operation, uint32_t k, unsigned if_true, unsigned if_false)
{
	code[size++] = (struct instruction){(uint16_t)operation, (uint8_t)if_true,
	                                    (uint8_t)if_false, k};
}

/* `result` for each number of `list`. */
static void answer(const int *list, size_t count, uint32_t result)
{
	for (size_t i = 0; i < count; i++)
		add(JUMP_EQUAL, (uint32_t)list[i], (unsigned)(count - i - 1), i + 1 == count);
	add(RETURN, result, 0, 0);
}

/* For the system call `number`: `result` when a bit of `bits` is set in argument 0. */
static void answer_flags(int number, uint32_t bits, uint32_t result)
{
	add(JUMP_EQUAL, (uint32_t)number, 0, 4);
	add(LOAD, ARGUMENT_0, 0, 0);
	add(JUMP_SET, bits, 0, 1);
	add(RETURN, result, 0, 0);
	add(RETURN, ALLOW, 0, 0);
}

/* All but the socket families, for one kind of programs: the numbers of what it refuses, and of
 * three calls that depend on their arguments. */
static void answer_abi(const int *list, size_t count, int unshare, int clone, int ioctl)
{
	add(LOAD, NUMBER, 0, 0);
	add(JUMP_GREATER, NR_listns, 0, 1); /* newer calls, and x32's */
	add(RETURN, ERRNO(ENOSYS), 0, 0);
	answer(list, count, ERRNO(EPERM));
	answer(missing, COUNT(missing), ERRNO(ENOSYS));
	answer_flags(unshare, CLONE_NEWUSER, ERRNO(EPERM));
	answer_flags(clone, CLONE_NEWUSER, ERRNO(EPERM));
	/* input faked into the terminal; the kernel looks at 32 bits of the request, as we do */
	add(JUMP_EQUAL, (uint32_t)ioctl, 0, 5);
	add(LOAD, ARGUMENT_1, 0, 0);
	add(JUMP_EQUAL, TIOCSTI, 1, 0);
	add(JUMP_EQUAL, TIOCLINUX, 0, 1);
	add(RETURN, ERRNO(EPERM), 0, 0);
	add(RETURN, ALLOW, 0, 0);
}

static void build(void)
{
	const unsigned known = COUNT(families);
	struct instruction *native = &code[1];

	add(LOAD, ARCHITECTURE, 0, 0);
	add(JUMP_EQUAL, AUDIT_ARCH, 0, 0); /* to the end of the 32-bit part, which is known below */
#ifdef AUDIT_ARCH_32
	add(JUMP_EQUAL, AUDIT_ARCH_32, 1, 0);
	add(RETURN, ERRNO(ENOSYS), 0, 0);
	answer_abi(refused_32, COUNT(refused_32), NR_unshare_32, NR_clone_32, NR_ioctl_32);
	add(RETURN, ALLOW, 0, 0); /* the family is in memory, behind socketcall(2) */
#else
	add(RETURN, ERRNO(ENOSYS), 0, 0);
#endif
	native->if_true = (uint8_t)(&code[size] - native - 1);
	answer_abi(refused, COUNT(refused), NR_unshare, NR_clone, NR_ioctl);
	/* seldom used network protocols */
	add(JUMP_EQUAL, NR_socket, 1, 0);
	add(RETURN, ALLOW, 0, 0);
	add(LOAD, ARGUMENT_0, 0, 0);
	for (unsigned i = 0; i < known; i++)
		add(JUMP_EQUAL, (uint32_t)families[i], known - i, 0);
	add(RETURN, ERRNO(EAFNOSUPPORT), 0, 0);
	add(RETURN, ALLOW, 0, 0);
}

void filter_system_calls(void)
{
	struct program program;
	long error;

	build();
	program = (struct program){(unsigned short)size, code};
	error = sys_prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (unsigned long)&program);
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot filter system calls", NULL);
}
