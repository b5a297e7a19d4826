#include "check.h"

#include "subject.h"

START;

unsigned check_count, check_failures;

_Noreturn void start(long *stack);

_Noreturn void start(long *stack)
{
	sys_exit(main((int)*stack, (char **)(stack + 1)));
}

/* The subject is this process itself. A test may have its own of these. */
#define OURS __attribute__((weak))

OURS long subject_read(const struct subject *subject, void *to, uint64_t from, size_t size)
{
	(void)subject;
	memcpy(to, (const void *)(uintptr_t)from, size);
	return 0;
}

OURS long subject_write(const struct subject *subject, uint64_t to, const void *from, size_t size)
{
	(void)subject;
	memcpy((void *)(uintptr_t)to, from, size);
	return 0;
}

OURS long subject_text(const struct subject *subject, char *to, uint64_t from, size_t size)
{
	const char *text = (const char *)(uintptr_t)from;

	(void)subject;
	return join(to, size, text, NULL) < 0 ? -ENAMETOOLONG : (long)length(text);
}

OURS long subject_borrow(const struct subject *subject, int fd)
{
	(void)subject;
	return fd;
}

OURS void subject_release(const struct subject *subject, int fd)
{
	(void)subject, (void)fd;
}

OURS void subject_use_mask(const struct subject *subject)
{
	CALL(umask, subject->mask, 0, 0, 0, 0);
}

OURS const struct subject *subject_find(const struct subject *asking, int pid)
{
	return pid == asking->pid ? asking : NULL;
}

OURS long subject_set_chroot(struct subject *subject, const char *path)
{
	subject->chroot = path;
	return 0;
}

OURS int subject_tracer(const struct subject *subject)
{
	(void)subject;
	return 0;
}

OURS long subject_kill_all(const struct subject *asking, int signal)
{
	(void)asking, (void)signal;
	return -EPERM;
}
