/* The name of the system, signals to everybody, and new processes. */
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

/* clone(2) and unshare(2) have their flags in a register, where the table sees them. */
enum verdict call_clone3(struct call *call)
{
	uint64_t flags;

	/* What is too short, or cannot be read, is the kernel's to refuse. */
	if ((uint64_t)call->args[1] >= CLONE_ARGS_SIZE &&
	    subject_read(call->subject, &flags, (uint64_t)call->args[0], sizeof flags) == 0 &&
	    (flags & (CLONE_NAMESPACES | CLONE_NEWTIME | CLONE_UNTRACED)))
		return answer(call, -EPERM);
	return RUN;
}
