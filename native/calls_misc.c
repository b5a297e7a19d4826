/* The name of the system, signals to everybody, new processes, and who listens to them. */
#include "calls.h"

#include "kernel.h"

enum { UTS_LENGTH = 65, CLONE_ARGS_SIZE = 64 /* struct clone_args of Linux 5.3 */ };

struct utsname {
	char sysname[UTS_LENGTH], nodename[UTS_LENGTH], release[UTS_LENGTH], version[UTS_LENGTH],
		machine[UTS_LENGTH], domainname[UTS_LENGTH];
};

static void set_field(char field[UTS_LENGTH], const char *text)
{
	size_t n = 0;

	for (; text[n] && n < UTS_LENGTH - 1; n++)
		field[n] = text[n];
	while (n < UTS_LENGTH)
		field[n++] = 0;
}

enum verdict call_uname(struct call *call)
{
	const struct container *container = call->subject->container;
	struct utsname names;
	long result = CALL(uname, &names, 0, 0, 0, 0);

	if (result < 0)
		return answer(call, result);
	if (container->release)
		set_field(names.release, container->release);
	if (container->hostname)
		set_field(names.nodename, container->hostname);
	return answer(call, subject_write(call->subject, (uint64_t)call->args[0], &names,
	                                  sizeof names));
}

/* kill(2) with pid -1: never the processes of the user that are outside. */
enum verdict call_kill_all(struct call *call)
{
	unsigned signal = (unsigned)call->args[1];

	if (signal > 64)
		return answer(call, -EINVAL);
	return answer(call, subject_kill_all(call->subject, (int)signal));
}

/* CLONE_UNTRACED: sanitizers start a debugger of their own so. It is followed as all others are. */
enum verdict call_clone(struct call *call)
{
	call->args[0] &= ~(long)CLONE_UNTRACED;
	return RUN;
}

/* clone(2) and unshare(2) have their flags in a register, where the table sees them. */
enum verdict call_clone3(struct call *call)
{
	char *copy = call->scratch->buffer[0];
	uint64_t size = (uint64_t)call->args[1], flags;

	/* What is too short, or cannot be read, is the kernel's to refuse. */
	if (size < CLONE_ARGS_SIZE ||
	    subject_read(call->subject, &flags, (uint64_t)call->args[0], sizeof flags) < 0)
		return RUN;
	if (flags & (CLONE_NAMESPACES | CLONE_NEWTIME))
		return answer(call, -EPERM);
	if (!(flags & CLONE_UNTRACED))
		return RUN;
	if (size > sizeof call->scratch->buffer[0])
		return answer(call, -E2BIG);
	if (subject_read(call->subject, copy, (uint64_t)call->args[0], size) < 0)
		return answer(call, -EFAULT);
	flags &= ~(uint64_t)CLONE_UNTRACED;
	memcpy(copy, &flags, sizeof flags);
	replace(call, 0, copy, size);
	return RUN;
}

/* The kernel's audit is the host's, and lets only the host's root speak. As if it were not there:
 * sshd takes "not permitted" for an error if it is root. */
enum verdict call_socket(struct call *call)
{
	return (int)call->args[0] == AF_NETLINK ? answer(call, -EPROTONOSUPPORT) : RUN;
}
