/* Executable files: elf(5), 64 bits, little endian.
 *
 * What is read from a file is not trusted: it may be anything, and may change while it is read.
 */
#ifndef ELF_H
#define ELF_H

#include "abi.h"

struct elf_header {
	unsigned char magic[4], class, data, version, abi, rest[8];
	uint16_t type, machine;
	uint32_t object_version;
	uint64_t entry, segments_at, sections_at;
	uint32_t flags;
	uint16_t header_size, segment_size, segment_count;
	uint16_t section_size, section_count, section_names;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, address, physical, file_size, memory_size, align;
};

enum { ELF_CLASS_32 = 1, ELF_CLASS_64 = 2, ELF_LITTLE = 1 };
enum { ELF_EXECUTABLE = 2, ELF_SHARED = 3 };                     /* header's type */
enum { SEGMENT_LOAD = 1, SEGMENT_INTERPRETER = 3, SEGMENT_STACK = 0x6474e551 };
enum { SEGMENT_X = 1, SEGMENT_W = 2, SEGMENT_R = 4 };            /* segment's flags */
enum { ELF_SEGMENTS = 128 }; /* more are refused; linkers make about a dozen */

#if defined(__x86_64__)
enum { ELF_MACHINE = 62 };
#elif defined(__aarch64__)
enum { ELF_MACHINE = 183 };
#endif

enum elf_kind {
	ELF_NONE,    /* not an ELF file */
	ELF_BROKEN,  /* one, but nothing that can be executed */
	ELF_OURS,
	ELF_32_BITS, /* a program for the 32-bit mode of this architecture, or another's */
	ELF_FOREIGN  /* a program for another architecture */
};

/* What the first bytes of a file say that it is. */
static inline __attribute__((always_inline)) enum elf_kind elf_kind(const struct elf_header *elf)
{
	if (elf->magic[0] != 0x7f || elf->magic[1] != 'E' || elf->magic[2] != 'L' ||
	    elf->magic[3] != 'F')
		return ELF_NONE;
	/* The type is at the same place in both classes, but in the file's byte order. */
	if (elf->data == ELF_LITTLE && elf->type != ELF_EXECUTABLE && elf->type != ELF_SHARED)
		return ELF_BROKEN;
	if (elf->class == ELF_CLASS_32)
		return ELF_32_BITS;
	if (elf->class != ELF_CLASS_64)
		return ELF_BROKEN;
	if (elf->data != ELF_LITTLE || elf->machine != ELF_MACHINE)
		return ELF_FOREIGN;
	if (elf->segment_size != sizeof(struct elf_segment) || elf->segment_count == 0 ||
	    elf->segment_count > ELF_SEGMENTS)
		return ELF_BROKEN;
	return ELF_OURS;
}

/* Reads the path of the dynamic linker of an ELF_OURS file, "" if it has none. 0, or what
 * execve(2) says: -ENOEXEC, -EIO. */
long elf_interpreter(int fd, const struct elf_header *elf, char out[PATH_MAX]);

#endif
