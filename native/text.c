#include "text.h"

#include <stdarg.h>

#include "kernel.h"

/* The compiler calls these, too. */
void *memcpy(void *target, const void *source, size_t size)
{
	char *out = target;
	const char *in = source;

	while (size--)
		*out++ = *in++;
	return target;
}

void *memset(void *target, int byte, size_t size)
{
	char *out = target;

	while (size--)
		*out++ = (char)byte;
	return target;
}

size_t length(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

int equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

const char *after_start(const char *text, const char *start)
{
	while (*start)
		if (*text++ != *start++)
			return NULL;
	return text;
}

static long join_list(char *buffer, size_t size, va_list parts)
{
	size_t used = 0;
	const char *part;

	while ((part = va_arg(parts, const char *))) {
		size_t n = length(part);

		if (n >= size - used)
			return -ENAMETOOLONG;
		memcpy(buffer + used, part, n);
		used += n;
	}
	buffer[used] = 0;
	return 0;
}

long join(char *buffer, size_t size, ...)
{
	va_list parts;
	long result;

	va_start(parts, size);
	result = join_list(buffer, size, parts);
	va_end(parts);
	return result;
}

char *decimal(char buffer[DECIMAL_SIZE], uint64_t value)
{
	char digits[DECIMAL_SIZE];
	int n = 0, i = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n)
		buffer[i++] = digits[--n];
	buffer[i] = 0;
	return buffer;
}

int64_t number(const char *text, char end, unsigned base)
{
	int64_t value = 0;

	if (*text == end)
		return -1;
	for (; *text != end; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (digit >= base)
			return -1;
		value = value * base + digit;
		if (value > UINT32_MAX)
			return -1;
	}
	return value;
}

const char *fd_path(char buffer[FD_PATH_SIZE], int fd)
{
	char digits[DECIMAL_SIZE];

	join(buffer, FD_PATH_SIZE, "/proc/self/fd/", decimal(digits, (uint64_t)fd), NULL);
	return buffer;
}

static const char *meaning(long error)
{
	switch (-error) {
	case EPERM: return "Operation not permitted";
	case ENOENT: return "No such file or directory";
	case ESRCH: return "No such process";
	case EIO: return "Input/output error";
	case E2BIG: return "Argument list too long";
	case ENOEXEC: return "Exec format error";
	case EBADF: return "Bad file descriptor";
	case EAGAIN: return "Resource temporarily unavailable";
	case ENOMEM: return "Cannot allocate memory";
	case EACCES: return "Permission denied";
	case EBUSY: return "Device or resource busy";
	case EEXIST: return "File exists";
	case EXDEV: return "Invalid cross-device link";
	case ENODEV: return "No such device";
	case ENOTDIR: return "Not a directory";
	case EISDIR: return "Is a directory";
	case EINVAL: return "Invalid argument";
	case ENFILE: return "Too many open files in system";
	case EMFILE: return "Too many open files";
	case ETXTBSY: return "Text file busy";
	case ENOSPC: return "No space left on device";
	case EROFS: return "Read-only file system";
	case ENAMETOOLONG: return "File name too long";
	case ENOSYS: return "Function not implemented";
	case ELOOP: return "Too many levels of symbolic links";
	case EUSERS: return "Too many users";
	case EDQUOT: return "Disk quota exceeded";
	case ESTALE: return "Stale file handle";
	default: return NULL;
	}
}

void fail(int status, long error, ...)
{
	static char line[3 * PATH_MAX];
	char digits[DECIMAL_SIZE];
	const char *why = error ? meaning(error) : "";
	char text[2 * PATH_MAX];
	va_list parts;

	va_start(parts, error);
	if (join_list(text, sizeof text, parts) < 0)
		join(text, sizeof text, "failed, on a name too long to show", NULL);
	va_end(parts);
	if (!why)
		join(line, sizeof line, PROGRAM ": ", text, ": error ",
		     decimal(digits, (uint64_t)-error), "\n", NULL);
	else
		join(line, sizeof line, PROGRAM ": ", text, *why ? ": " : "", why, "\n", NULL);
	sys_write(2, line, length(line)); /* nobody is left to tell if this fails */
	sys_exit(status);
}
