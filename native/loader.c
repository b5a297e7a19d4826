#include "loader.h"

#include "elf.h"
#include "kernel.h"

enum { /* getauxval(3) */
	AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_BASE = 7,
	AT_FLAGS = 8, AT_ENTRY = 9, AT_UID = 11, AT_EUID = 12, AT_GID = 13, AT_EGID = 14,
	AT_SECURE = 23, AT_EXECFN = 31
};
enum { FAILED = 127 };

struct auxiliary {
	uint64_t key, value;
};

struct image { /* a file that has been mapped */
	uint64_t entry;
	uint64_t bias;     /* from the file's addresses to those in memory */
	uint64_t segments; /* address of the program headers */
	uint64_t segment_count;
	uint64_t code, code_end, data, data_end; /* as in /proc/PID/stat */
	int executable_stack;
};

struct prctl_mm_map { /* prctl(2) PR_SET_MM_MAP */
	uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	const void *auxv;
	uint32_t auxv_size, exe_fd;
};

LOADER static size_t measure(const char *text)
{
	const volatile char *end = text; /* a call of strlen would leave the section */

	while (*end)
		end++;
	return (size_t)(end - text);
}

LOADER static void say(const char *text)
{
	CALL(write, 2, text, measure(text), 0, 0);
}

_Noreturn LOADER static void refuse(const char *path, const char *why)
{
	say(PROGRAM ": cannot load ");
	say(path);
	say(": ");
	say(why);
	say("\n");
	for (;;)
		CALL(exit_group, FAILED, 0, 0, 0, 0);
}

LOADER static long map(uint64_t at, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
	return syscall6(NR_mmap, (long)at, (long)size, prot, MAP_PRIVATE | flags, fd, (long)offset);
}

LOADER static void clear(uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		*(volatile char *)from = 0;
}

static inline __attribute__((always_inline)) uint64_t down(uint64_t address, uint64_t page)
{
	return address & -page;
}

static inline __attribute__((always_inline)) uint64_t up(uint64_t address, uint64_t page)
{
	return (address + page - 1) & -page;
}

/* Address space for `size` bytes where nothing is: at `wanted`, or (0) anywhere that is a multiple
 * of `align`. */
LOADER static uint64_t reserve(const char *path, uint64_t wanted, uint64_t size, uint64_t align,
                               uint64_t page)
{
	/* Kernels that do not know NOREPLACE (before 4.17) take the address as a wish. */
	int flags = MAP_ANONYMOUS | MAP_NORESERVE | (wanted ? MAP_FIXED_NOREPLACE : 0);
	uint64_t spare = wanted ? 0 : align - page, start, end;
	long at = map(wanted, size + spare, PROT_NONE, flags, -1, 0);

	if (at < 0 && at > -PATH_MAX)
		refuse(path, wanted ? "its addresses are taken" : "no address space");
	if (wanted && (uint64_t)at != wanted)
		refuse(path, "its addresses are taken");
	start = up((uint64_t)at, align);
	end = start + size;
	if (start > (uint64_t)at)
		CALL(munmap, at, start - (uint64_t)at, 0, 0, 0);
	if ((uint64_t)at + size + spare > end)
		CALL(munmap, end, (uint64_t)at + size + spare - end, 0, 0, 0);
	return start;
}

/* Maps a segment into reserved space, of which what is below `used` is in use already (addresses
 * as in the file). What the file does not give is zero: to the end of the page too, as C libraries
 * start their heap there. */
LOADER static void map_segment(const char *path, int fd, const struct elf_segment *s,
                               uint64_t bias, uint64_t used, uint64_t page)
{
	int prot = (s->flags & SEGMENT_R ? PROT_READ : 0) | (s->flags & SEGMENT_W ? PROT_WRITE : 0) |
	           (s->flags & SEGMENT_X ? PROT_EXEC : 0);
	uint64_t start = down(s->address, page), shift = s->address - start;
	uint64_t file_end = s->address + s->file_size, end = up(s->address + s->memory_size, page);
	uint64_t fresh = start > used ? start : used;

	if (s->file_size) {
		if (s->offset % page != shift)
			refuse(path, "a segment is not aligned to this machine's pages");
		if (map(bias + start, shift + s->file_size, prot, MAP_FIXED, fd,
		        s->offset - shift) < 0)
			refuse(path, "a segment cannot be mapped; is its file system mounted noexec?");
		fresh = up(file_end, page);
	}
	if (s->memory_size == s->file_size)
		return;
	if (prot & PROT_WRITE)
		clear(bias + file_end, bias + fresh);
	if (end > fresh && map(bias + fresh, end - fresh, prot, MAP_FIXED | MAP_ANONYMOUS, -1, 0) < 0)
		refuse(path, "no memory");
}

/* Notes what the kernel would note of a segment. */
LOADER static void account(struct image *image, const struct elf_header *elf,
                           const struct elf_segment *s)
{
	uint64_t start = image->bias + s->address, end = start + s->file_size;

	if (elf->segments_at >= s->offset && elf->segments_at - s->offset < s->file_size)
		image->segments = elf->segments_at - s->offset + start;
	if (s->flags & SEGMENT_X) {
		if (!image->code || start < image->code)
			image->code = start;
		if (end > image->code_end)
			image->code_end = end;
	}
	if (start > image->data)
		image->data = start;
	if (end > image->data_end)
		image->data_end = end;
}

LOADER static void map_image(const char *path, struct image *image, uint64_t page)
{
	struct elf_header elf;
	struct elf_segment segments[ELF_SEGMENTS];
	uint64_t low = UINT64_MAX, high = 0, align = page, used = 0;
	long size, fd = CALL(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0, 0);

	if (fd < 0)
		refuse(path, "it cannot be opened");
	if (CALL(pread64, fd, &elf, sizeof elf, 0, 0) != sizeof elf || elf_kind(&elf) != ELF_OURS)
		refuse(path, "it is not a program for this machine");
	size = (long)(elf.segment_count * sizeof *segments);
	if (CALL(pread64, fd, segments, size, elf.segments_at, 0) != size)
		refuse(path, "its program headers cannot be read");
	image->executable_stack = 0;
	image->segments = image->code = image->code_end = image->data = image->data_end = 0;
	for (unsigned i = 0; i < elf.segment_count; i++) {
		const struct elf_segment *s = &segments[i];

		if (s->type == SEGMENT_STACK)
			image->executable_stack = s->flags & SEGMENT_X;
		if (s->type != SEGMENT_LOAD || s->memory_size == 0)
			continue;
		if (s->memory_size < s->file_size || s->address > INT64_MAX ||
		    s->memory_size > INT64_MAX)
			refuse(path, "a segment is malformed");
		if (down(s->address, page) < low)
			low = down(s->address, page);
		if (up(s->address + s->memory_size, page) > high)
			high = up(s->address + s->memory_size, page);
		if (s->align > align && (s->align & (s->align - 1)) == 0)
			align = s->align;
	}
	if (low >= high)
		refuse(path, "it has no segment");
	image->bias = reserve(path, elf.type == ELF_SHARED ? 0 : low, high - low,
	                      elf.type == ELF_SHARED ? align : page, page) -
	              (elf.type == ELF_SHARED ? down(low, align) : low);
	for (unsigned i = 0; i < elf.segment_count; i++) {
		const struct elf_segment *s = &segments[i];

		if (s->type != SEGMENT_LOAD || s->memory_size == 0)
			continue;
		map_segment(path, (int)fd, s, image->bias, used, page);
		account(image, &elf, s);
		if (up(s->address + s->memory_size, page) > used)
			used = up(s->address + s->memory_size, page);
	}
	CALL(close, fd, 0, 0, 0, 0);
	image->entry = image->bias + elf.entry;
	image->segment_count = elf.segment_count;
}

/* Tells the kernel, where it allows that, what debuggers and ps(1) read in /proc/PID. */
LOADER static void describe(const struct image *image, uint64_t *stack,
                            const struct auxiliary *vector, size_t vector_size)
{
	char **argv = (char **)(stack + 1), **envp = argv + stack[0] + 1, *last;
	struct prctl_mm_map map;

	if (stack[0] == 0)
		return;
	map.start_code = image->code;
	map.end_code = image->code_end;
	map.start_data = image->data;
	map.end_data = image->data_end;
	map.start_brk = map.brk = (uint64_t)CALL(brk, 0, 0, 0, 0, 0);
	map.start_stack = (uint64_t)stack;
	last = argv[stack[0] - 1];
	map.arg_start = (uint64_t)argv[0];
	map.arg_end = map.env_start = map.env_end = (uint64_t)last + measure(last) + 1;
	for (; *envp; envp++)
		map.env_end = (uint64_t)*envp + measure(*envp) + 1;
	map.auxv = vector;
	map.auxv_size = (uint32_t)vector_size;
	map.exe_fd = UINT32_MAX; /* as it is: only privileged processes may change it */
	CALL(prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}

LOADER static uint64_t find(const struct auxiliary *vector, uint64_t key)
{
	while (vector->key != key && vector->key != AT_NULL)
		vector++;
	return vector->value;
}

LOADER static void set(struct auxiliary *vector, uint64_t key, uint64_t value)
{
	for (; vector->key != AT_NULL; vector++)
		if (vector->key == key)
			vector->value = value;
}

LOADER static void set_ids(struct auxiliary *vector, const struct load_request *request)
{
	set(vector, AT_UID, request->uid);
	set(vector, AT_EUID, request->euid);
	set(vector, AT_GID, request->gid);
	set(vector, AT_EGID, request->egid);
	set(vector, AT_SECURE, request->secure);
}

/* Starts a program as the kernel does: nothing in the registers but the stack pointer. */
_Noreturn static inline __attribute__((always_inline)) void enter(uint64_t entry, uint64_t *stack)
{
#if defined(__x86_64__)
	__asm__ volatile("mov %0, %%rsp\npush %1\n"
	                 "xor %%eax, %%eax\nxor %%ebx, %%ebx\nxor %%ecx, %%ecx\n"
	                 "xor %%edx, %%edx\nxor %%esi, %%esi\nxor %%edi, %%edi\n"
	                 "xor %%ebp, %%ebp\nxor %%r8d, %%r8d\nxor %%r9d, %%r9d\n"
	                 "xor %%r10d, %%r10d\nxor %%r11d, %%r11d\nxor %%r12d, %%r12d\n"
	                 "xor %%r13d, %%r13d\nxor %%r14d, %%r14d\nxor %%r15d, %%r15d\n"
	                 "cld\nret"
	                 :: "r"(stack), "r"(entry) : "memory");
#elif defined(__aarch64__)
	register uint64_t x16 __asm__("x16") = entry;

	__asm__ volatile("mov sp, %0\n"
	                 "mov x0, #0\nmov x1, #0\nmov x2, #0\nmov x3, #0\nmov x4, #0\n"
	                 "mov x5, #0\nmov x6, #0\nmov x7, #0\nmov x8, #0\nmov x9, #0\n"
	                 "mov x10, #0\nmov x11, #0\nmov x12, #0\nmov x13, #0\nmov x14, #0\n"
	                 "mov x15, #0\nmov x17, #0\nmov x19, #0\nmov x20, #0\n"
	                 "mov x21, #0\nmov x22, #0\nmov x23, #0\nmov x24, #0\nmov x25, #0\n"
	                 "mov x26, #0\nmov x27, #0\nmov x28, #0\nmov x29, #0\nmov x30, #0\n"
	                 "br x16"
	                 :: "r"(stack), "r"(x16) : "memory");
#endif
	__builtin_unreachable();
}

_Noreturn void load(const struct load_request *request, uint64_t *stack)
{
	struct auxiliary *vector, *end;
	struct image program, linker;
	uint64_t page, *envp = stack + 1 + stack[0] + 1, entry;
	long pid;

	while (*envp)
		envp++;
	vector = end = (struct auxiliary *)(envp + 1);
	while (end->key != AT_NULL)
		end++;
	end++;
	page = find(vector, AT_PAGESZ);
	map_image(request->program, &program, page);
	entry = program.entry;
	linker.bias = 0;
	if (request->interpreter[0]) {
		map_image(request->interpreter, &linker, page);
		entry = linker.entry;
	}
	set(vector, AT_PHDR, program.segments);
	set(vector, AT_PHENT, sizeof(struct elf_segment));
	set(vector, AT_PHNUM, program.segment_count);
	set(vector, AT_BASE, linker.bias);
	set(vector, AT_FLAGS, 0);
	set(vector, AT_ENTRY, program.entry);
	if (request->execfn)
		set(vector, AT_EXECFN, request->execfn);
	if (request->fake_ids)
		set_ids(vector, request);
	if (program.executable_stack)
		CALL(mprotect, down((uint64_t)stack, page), page,
		     PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN, 0, 0);
	describe(&program, stack, vector, (size_t)((char *)end - (char *)vector));
	CALL(prctl, PR_SET_NAME, request->name, 0, 0, 0);
	if (request->announce) {
		pid = CALL(getpid, 0, 0, 0, 0, 0);
		CALL(tgkill, pid, pid, SIGSTOP, 0, 0);
	}
	enter(entry, stack);
}
