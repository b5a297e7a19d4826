/* Run a program on a kernel that lacks some system calls, as older ones and strict hosts do.
 *
 * usage: without CALL[=ERRNO]... -- PROGRAM [ARGUMENT...]
 *
 * CALL is a name of the list below; ERRNO a number, else what a kernel without it gives. The filter
 * is inherited by everything that the program starts, as a host's would be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LISTENER = -1, CALL_INFO = -2, MOST = 64 };
enum { PTRACE_CALL_INFO = 0x420e }; /* PTRACE_GET_SYSCALL_INFO */

static const struct {
	const char *name;
	int number, error;
} calls[] = {
	{"ptrace", SYS_ptrace, EPERM},
	{"process_vm_readv", SYS_process_vm_readv, EPERM},
	{"process_vm_writev", SYS_process_vm_writev, EPERM},
	{"seccomp", SYS_seccomp, EINVAL},
	{"prctl", SYS_prctl, EPERM},
	{"notification", LISTENER, EINVAL}, /* seccomp(2) that gives a listener: before Linux 5.0 */
	{"call_info", CALL_INFO, EIO},      /* PTRACE_GET_SYSCALL_INFO: before Linux 5.3 */
	{"statx", SYS_statx, ENOSYS},
	{"renameat2", SYS_renameat2, ENOSYS},
	{"memfd_create", SYS_memfd_create, ENOSYS},
	{"clone3", 435, ENOSYS},
	{"close_range", 436, ENOSYS},
	{"openat2", 437, ENOSYS},
	{"pidfd_open", 434, ENOSYS},
	{"pidfd_getfd", 438, ENOSYS},
	{"faccessat2", 439, ENOSYS},
	{"fchmodat2", 452, ENOSYS},
};

static struct sock_filter code[MOST];
static unsigned short size;

static void add(unsigned short operation, unsigned char yes, unsigned char no, unsigned value)
{
	if (size == MOST) {
		fputs("without: too many calls\n", stderr);
		exit(125);
	}
	code[size++] = (struct sock_filter){operation, yes, no, value};
}

static void refuse(const char *word)
{
	size_t length = strcspn(word, "=");

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		unsigned error = (unsigned)(word[length] ? atoi(word + length + 1) : calls[i].error);

		if (strncmp(word, calls[i].name, length) || calls[i].name[length])
			continue;
		if (calls[i].number == CALL_INFO) {
			add(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, SYS_ptrace);
			add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args[0]));
			add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, PTRACE_CALL_INFO);
			add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error);
			add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
			return;
		}
		if (calls[i].number != LISTENER) {
			add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)calls[i].number);
			add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error);
			return;
		}
		add(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, SYS_seccomp);
		add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args[1]));
		add(BPF_JMP | BPF_JSET | BPF_K, 0, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER);
		add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error);
		add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
		return;
	}
	fprintf(stderr, "without: %s: unknown\n", word);
	exit(125);
}

int main(int argc, char **argv)
{
	struct sock_fprog program = {0, code};

	(void)argc;
	add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	for (argv++; *argv && strcmp(*argv, "--"); argv++)
		refuse(*argv);
	if (!*argv || !argv[1]) {
		fputs("usage: without CALL[=ERRNO]... -- PROGRAM [ARGUMENT...]\n", stderr);
		return 125;
	}
	add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	program.len = size;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("without: prctl");
		return 125;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
