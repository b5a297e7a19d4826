/* The memory of the programs (subject.h). It is theirs: what is read may change, and may lie. */
#include "subject.h"
#include "text.h"
#include "tracer.h"

enum { PAGE = 4096, USUAL_TEXT = 256 };

static long transfer(long number, const struct subject *subject, void *ours, uint64_t theirs,
                     size_t size)
{
	struct iovec local = {ours, size}, remote = {(const void *)theirs, size};

	return syscall6(number, subject->tid, (long)&local, 1, (long)&remote, 1, 0);
}

/* One word at a time through ptrace(2), for kernels without the calls above. */
static long transfer_words(int write, const struct subject *subject, char *ours, uint64_t theirs,
                           size_t size)
{
	while (size) {
		size_t skip = theirs % sizeof(long);
		size_t n = sizeof(long) - skip < size ? sizeof(long) - skip : size;
		union {
			long word;
			char bytes[sizeof(long)];
		} u;

		if (sys_ptrace(PTRACE_PEEKDATA, subject->tid, theirs - skip, (uint64_t)&u.word) < 0)
			return -EFAULT;
		if (write) {
			memcpy(u.bytes + skip, ours, n);
			if (sys_ptrace(PTRACE_POKEDATA, subject->tid, theirs - skip,
			               (uint64_t)u.word) < 0)
				return -EFAULT;
		} else {
			memcpy(ours, u.bytes + skip, n);
		}
		ours += n;
		theirs += n;
		size -= n;
	}
	return 0;
}

int memory_is_near(int pid)
{
	struct subject subject = {.tid = pid};
	char byte;

	return transfer(NR_process_vm_readv, &subject, &byte, (uint64_t)&tracer, 1) == 1;
}

static int not_here(long error)
{
	return error == -ENOSYS || error == -EPERM;
}

long subject_read(const struct subject *subject, void *to, uint64_t from, size_t size)
{
	long n = size ? transfer(NR_process_vm_readv, subject, to, from, size) : 0;

	if (not_here(n))
		return transfer_words(0, subject, to, from, size);
	return n == (long)size ? 0 : -EFAULT;
}

long subject_write(const struct subject *subject, uint64_t to, const void *from, size_t size)
{
	long n = size ? transfer(NR_process_vm_writev, subject, (void *)from, to, size) : 0;

	if (not_here(n))
		return transfer_words(1, subject, (char *)from, to, size);
	return n == (long)size ? 0 : -EFAULT;
}

long subject_text(const struct subject *subject, char *to, uint64_t from, size_t size)
{
	size_t used = 0;

	while (used < size) {
		size_t n = PAGE - (from + used) % PAGE; /* the next page may not be there */

		if (!used && n > USUAL_TEXT)
			n = USUAL_TEXT;
		if (n > size - used)
			n = size - used;
		if (subject_read(subject, to + used, from + used, n) < 0)
			return -EFAULT;
		for (size_t end = used + n; used < end; used++)
			if (!to[used])
				return (long)used;
	}
	return -ENAMETOOLONG;
}
