#include "elf.h"

#include "kernel.h"

/* All of it, or an error. */
static long read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
	long n = CALL(pread64, fd, buffer, size, offset, 0);

	return n < 0 ? n : (size_t)n == size ? 0 : -EIO;
}

long elf_interpreter(int fd, const struct elf_header *elf, char out[PATH_MAX])
{
	struct elf_segment segment;

	out[0] = 0;
	for (unsigned i = 0; i < elf->segment_count; i++) {
		uint64_t at = elf->segments_at + i * sizeof segment;
		long error = read_at(fd, &segment, sizeof segment, at);

		if (error < 0)
			return error;
		if (segment.type != SEGMENT_INTERPRETER)
			continue;
		if (segment.file_size < 2 || segment.file_size > PATH_MAX)
			return -ENOEXEC;
		error = read_at(fd, out, segment.file_size, segment.offset);
		if (error < 0)
			return error;
		return out[segment.file_size - 1] == 0 && out[0] ? 0 : -ENOEXEC;
	}
	return 0;
}
