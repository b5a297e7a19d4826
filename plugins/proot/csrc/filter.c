#include "filter.h"

#include "calls.h"
#include "debuggers.h"
#include "exempt.h"

enum { /* the instructions of BPF that a filter needs */
	LOAD = 0x20, JUMP = 0x05, JUMP_EQUAL = 0x15, JUMP_GREATER = 0x25, JUMP_AT_LEAST = 0x35,
	JUMP_SET = 0x45, RETURN = 0x06
};
/* Offsets in struct seccomp_data; both architectures are little-endian. */
#define LOW(field) offsetof(struct seccomp_data, field)
#define HIGH(field) (LOW(field) + 4)
#define ARGUMENT_LOW(i) (LOW(args) + 8 * (unsigned)(i))
#define ARGUMENT_HIGH(i) (ARGUMENT_LOW(i) + 4)

enum { ALLOW = 0x7fff0000, TRACE = 0x7ff00000, NOTIFY = 0x7fc00000, ERRNO = 0x00050000 };

enum { INSTRUCTIONS = 4096, CHUNK = 16 };
static struct instruction code[INSTRUCTIONS];
static unsigned size;

static void add(unsigned operation, uint32_t k, unsigned if_true, unsigned if_false)
{
	if (size == INSTRUCTIONS)
		fail(STATUS_SETUP, 0, "the table of system calls is too large for a filter", NULL);
	code[size++] = (struct instruction){(uint16_t)operation, (uint8_t)if_true,
	                                    (uint8_t)if_false, k};
}

static uint32_t action(const struct entry *entry, int notify)
{
	if (entry->route == REFUSED)
		return ERRNO | entry->error;
	return entry->route == BY_ANSWER && notify ? NOTIFY : TRACE;
}

/* Ends the filter with `then` if the entry's condition holds. */
static void add_entry(const struct entry *entry, uint32_t then)
{
	switch (entry->condition) {
	case ALWAYS:
		break;
	case IF_SET:
		add(LOAD, ARGUMENT_LOW(entry->argument), 0, 0);
		add(JUMP_SET, entry->value, 0, 1);
		break;
	case IF_EQUAL:
		add(LOAD, ARGUMENT_LOW(entry->argument), 0, 0);
		add(JUMP_EQUAL, entry->value, 0, 1);
		break;
	case IF_POINTER:
		add(LOAD, ARGUMENT_LOW(entry->argument), 0, 0);
		add(JUMP_EQUAL, 0, 0, 2);
		add(LOAD, ARGUMENT_HIGH(entry->argument), 0, 0);
		add(JUMP_EQUAL, 0, 1, 0);
		break;
	}
	add(RETURN, then, 0, 0);
}

/* What is done about the call of the entries from `first` to `last`. */
static void add_number(const struct container *container, const struct entry *first,
                       const struct entry *last, int notify)
{
	uint64_t start = (uint64_t)__start_loader_text, stop = (uint64_t)__stop_loader_text;

	/* Our own calls, in any process. */
	add(LOAD, HIGH(instruction_pointer), 0, 0);
	add(JUMP_EQUAL, (uint32_t)(start >> 32), 0, 4);
	add(LOAD, LOW(instruction_pointer), 0, 0);
	add(JUMP_AT_LEAST, (uint32_t)start, 0, 2);
	add(JUMP_GREATER, (uint32_t)stop, 1, 0);
	add(RETURN, ALLOW, 0, 0);
	for (const struct entry *entry = first; entry < last; entry++)
		if (entry_counts(container, entry))
			add_entry(entry, action(entry, notify));
	add(RETURN, ALLOW, 0, 0);
}

/* The entries of one number that count, NULL for none. `last` is the one after them. */
static const struct entry *entries_of(const struct container *container, int number,
                                      const struct entry **last)
{
	const struct entry *first = entries, *end = entries + entry_count;
	int counts = 0;

	for (unsigned i = 0; i < debugger_entry_count; i++)
		if (debugger_entries[i].number == number) {
			*last = &debugger_entries[i + 1];
			return &debugger_entries[i];
		}
	while (first < end && first->number != number)
		first++;
	for (*last = first; *last < end && (*last)->number == number; ++*last)
		counts |= entry_counts(container, *last);
	return counts ? first : NULL;
}

/* First the number alone is looked at: then the kernel remembers of the calls that are in no
 * entry that they pass. The numbers are looked for in chunks, for kernels that do not. */
void filter_build(const struct container *container, int notify, struct filter *filter)
{
	struct {
		const struct entry *first, *last;
		unsigned jump;
	} calls[CALL_NUMBERS];
	unsigned count = 0;

	size = 0;
	for (int number = 0; number < CALL_NUMBERS; number++) {
		calls[count].first = entries_of(container, number, &calls[count].last);
		if (calls[count].first)
			count++;
	}
	add(LOAD, LOW(architecture), 0, 0);
	add(JUMP_EQUAL, AUDIT_ARCH, 1, 0);
	add(RETURN, ERRNO | ENOSYS, 0, 0); /* 32-bit calls, which are not known here */
	add(LOAD, LOW(number), 0, 0);
	add(JUMP_AT_LEAST, CALL_NUMBERS, 0, 1); /* newer ones, and those of x32 */
	add(RETURN, ERRNO | ENOSYS, 0, 0);
	for (unsigned i = 0; i < count; i += CHUNK) {
		unsigned n = count - i < CHUNK ? count - i : CHUNK;

		add(JUMP_GREATER, (uint32_t)calls[i + n - 1].first->number, 2 * n + 1, 0);
		for (unsigned j = i; j < i + n; j++) {
			add(JUMP_EQUAL, (uint32_t)calls[j].first->number, 0, 1);
			calls[j].jump = size;
			add(JUMP, 0, 0, 0);
		}
		add(RETURN, ALLOW, 0, 0);
	}
	add(RETURN, ALLOW, 0, 0);
	for (unsigned i = 0; i < count; i++) {
		code[calls[i].jump].k = size - calls[i].jump - 1;
		add_number(container, calls[i].first, calls[i].last, notify);
	}
	*filter = (struct filter){(unsigned short)size, code};
}
