/* io_uring(7): calls that no engine sees. (Its header and sys/mount.h exclude one another.) */
#include "probe.h"

#include <linux/io_uring.h>
#include <sys/mman.h>

/* A ring may be refused; if it is not, what it opens must be the container's. */
PROBE(ring_does_not_lead_out)
{
	struct io_uring_params parameters = {0};
	struct io_uring_sqe *entries;
	struct io_uring_cqe *results;
	char *ring;
	char text[8] = "";
	int fd, result;

	put("file", "12345");
	fd = (int)syscall(SYS_io_uring_setup, 2, &parameters);
	if (fd < 0) {
		check(errno == ENOSYS || errno == EPERM);
		return;
	}
	ring = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
	            IORING_OFF_SQ_RING);
	check(ring != MAP_FAILED);
	entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
	               IORING_OFF_SQES);
	check(entries != MAP_FAILED);
	entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD,
	                                   .addr = (uint64_t)(uintptr_t)in_scratch("file")};
	*(unsigned *)(ring + parameters.sq_off.array) = 0;
	*(unsigned *)(ring + parameters.sq_off.tail) += 1;
	equal(works(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0)), 1);
	results = (struct io_uring_cqe *)(ring + parameters.cq_off.cqes);
	result = results[0].res;
	if (result < 0)
		fail("the file of the container is not found: %s", strerror(-result));
	equal(read(result, text, sizeof(text)), 5);
	same_text(text, "12345");
}
