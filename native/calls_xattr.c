/* Extended attributes (xattr(7)), made in place. */
#include "calls.h"

#include "ids.h"
#include "kernel.h"
#include "permit.h"

enum { XATTR_NAME_MAX = 255, XATTR_SIZE_MAX = 65536 };

struct xattr_args { /* setxattrat(2) */
	uint64_t value;
	uint32_t size, flags;
};

enum operation { SET, GET, LIST, REMOVE };

/* What the program gave, still in its memory. */
struct request {
	enum operation operation;
	uint64_t name, value; /* `value` is the list for LIST */
	uint64_t size;
	int flags;
};

/* Memory for a value: the scratch, or more if it has to be. */
static char *take(struct scratch *scratch, size_t size)
{
	long address;

	if (size <= sizeof scratch->buffer)
		return scratch->buffer[0];
	address = syscall6(NR_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return address < 0 && address > -PATH_MAX ? NULL : (char *)address;
}

static void put(struct scratch *scratch, char *value, size_t size)
{
	if (value != scratch->buffer[0])
		CALL(munmap, value, size, 0, 0, 0);
}

static int begins(const char *text, const char *start)
{
	while (*start && *text == *start)
		text++, start++;
	return !*start;
}

/* Root may write these, an ordinary user may not: it is told to have done so, as otherwise no
 * package with file capabilities could be installed. They are not kept. */
static int pretended(const struct subject *subject, const char *name)
{
	return subject->container->fake_ids && subject->ids->euid == 0 &&
	       (begins(name, "security.") || begins(name, "trusted."));
}

/* The system call: of LIST, `name` is NULL. `direct`: a link at the end is meant itself. */
static long perform(const struct request *request, int direct, const char *path, const char *name,
                    char *value, size_t size)
{
	static const short numbers[][2] = {
		[SET] = {NR_setxattr, NR_lsetxattr}, [GET] = {NR_getxattr, NR_lgetxattr},
		[LIST] = {NR_listxattr, NR_llistxattr},
		[REMOVE] = {NR_removexattr, NR_lremovexattr},
	};
	short number = numbers[request->operation][direct];

	if (!name)
		return syscall6(number, (long)path, (long)value, (long)size, 0, 0, 0);
	return syscall6(number, (long)path, (long)name, (long)value, (long)size, request->flags, 0);
}

/* The same for a descriptor whose file has a mode that would not hinder root. For paths, handle()
 * sees to it. */
static long perform_permitted(const struct subject *subject, const struct request *request,
                              const char *path, const char *name, char *value, size_t size)
{
	struct permit permit;
	long fd = sys_open(path, O_PATH), n = -EACCES;

	if (fd < 0)
		return n;
	if (!permit_file(subject, (int)fd, 0600, &permit)) {
		sys_close((int)fd);
		return n;
	}
	n = perform(request, 0, path, name, value, size);
	permit_end(&permit);
	return n;
}

static long make(struct call *call, struct target *target, const struct request *request)
{
	char *name = call->scratch->text[1], *value;
	enum operation operation = request->operation;
	size_t size = operation == REMOVE ? 0 : (size_t)request->size;
	int direct = target->flags & AT_SYMLINK_NOFOLLOW && target->directory == AT_FDCWD;
	const char *path = direct ? target->path : target_name(target);
	long n;

	if (!path)
		return -ENOENT;
	if (operation == LIST) {
		name = NULL;
	} else {
		n = subject_text(call->subject, name, request->name, XATTR_NAME_MAX + 1);
		if (n == 0 || n == -ENAMETOOLONG)
			return -ERANGE;
		if (n < 0)
			return n;
	}
	if (size > XATTR_SIZE_MAX) {
		if (operation == SET)
			return -E2BIG;
		size = XATTR_SIZE_MAX;
	}
	value = take(call->scratch, size);
	if (!value)
		return -ENOMEM;
	n = operation == SET ? subject_read(call->subject, value, request->value, size) : 0;
	if (n == 0)
		n = perform(request, direct, path, name, value, size);
	if (n == -EACCES && !target->place)
		n = perform_permitted(call->subject, request, path, name, value, size);
	if (n == -EPERM && (operation == SET || operation == REMOVE) &&
	    pretended(call->subject, name))
		n = 0;
	if (n > 0 && size) {
		long error = subject_write(call->subject, request->value, value, (size_t)n);

		if (error < 0)
			n = error;
	}
	put(call->scratch, value, size);
	return n;
}

static enum verdict on_path(struct call *call, int dirfd, int argument, int flags,
                            const struct request *request)
{
	struct target target;
	long error;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return answer(call, -EINVAL);
	error = aim(call, dirfd, argument, flags, &target);
	if (error < 0)
		return answer(call, error);
	return answer(call, leave(&target, make(call, &target, request)));
}

/* The request of the calls that have the name (or list) in argument 1. */
static struct request plain(const struct call *call, enum operation operation)
{
	uint64_t a = (uint64_t)call->args[1], b = (uint64_t)call->args[2];

	if (operation == LIST)
		return (struct request){LIST, 0, a, b, 0};
	return (struct request){operation, a, b, (uint64_t)call->args[3], (int)call->args[4]};
}

static enum verdict on_file(struct call *call, enum operation operation, int flags)
{
	struct request request = plain(call, operation);

	return on_path(call, AT_FDCWD, 0, flags, &request);
}

static enum verdict on_descriptor(struct call *call, enum operation operation)
{
	struct request request = plain(call, operation);
	struct target target;
	long error = aim_at(call->subject, (int)call->args[0], &target);

	if (error < 0)
		return answer(call, error);
	return answer(call, leave(&target, make(call, &target, &request)));
}

enum verdict call_setxattr(struct call *call)
{
	return on_file(call, SET, 0);
}

enum verdict call_lsetxattr(struct call *call)
{
	return on_file(call, SET, AT_SYMLINK_NOFOLLOW);
}

enum verdict call_fsetxattr(struct call *call)
{
	return on_descriptor(call, SET);
}

enum verdict call_getxattr(struct call *call)
{
	return on_file(call, GET, 0);
}

enum verdict call_lgetxattr(struct call *call)
{
	return on_file(call, GET, AT_SYMLINK_NOFOLLOW);
}

enum verdict call_listxattr(struct call *call)
{
	return on_file(call, LIST, 0);
}

enum verdict call_llistxattr(struct call *call)
{
	return on_file(call, LIST, AT_SYMLINK_NOFOLLOW);
}

enum verdict call_removexattr(struct call *call)
{
	return on_file(call, REMOVE, 0);
}

enum verdict call_lremovexattr(struct call *call)
{
	return on_file(call, REMOVE, AT_SYMLINK_NOFOLLOW);
}

enum verdict call_fremovexattr(struct call *call)
{
	return on_descriptor(call, REMOVE);
}

/* setxattrat(2) and getxattrat(2) have the value in a struct of its own. */
static enum verdict with_args(struct call *call, enum operation operation)
{
	struct request request = {operation, (uint64_t)call->args[3], 0, 0, 0};
	struct xattr_args args;

	if ((uint64_t)call->args[5] < sizeof args)
		return answer(call, -EINVAL);
	if ((uint64_t)call->args[5] > sizeof args)
		return answer(call, -E2BIG); /* of a later kernel */
	if (subject_read(call->subject, &args, (uint64_t)call->args[4], sizeof args) < 0)
		return answer(call, -EFAULT);
	if (operation == GET && args.flags)
		return answer(call, -EINVAL);
	request.value = args.value;
	request.size = args.size;
	request.flags = (int)args.flags;
	return on_path(call, (int)call->args[0], 1, (int)call->args[2], &request);
}

enum verdict call_setxattrat(struct call *call)
{
	return with_args(call, SET);
}

enum verdict call_getxattrat(struct call *call)
{
	return with_args(call, GET);
}

enum verdict call_listxattrat(struct call *call)
{
	struct request request = {LIST, 0, (uint64_t)call->args[3], (uint64_t)call->args[4], 0};

	return on_path(call, (int)call->args[0], 1, (int)call->args[2], &request);
}

enum verdict call_removexattrat(struct call *call)
{
	struct request request = {REMOVE, (uint64_t)call->args[3], 0, 0, 0};

	return on_path(call, (int)call->args[0], 1, (int)call->args[2], &request);
}
