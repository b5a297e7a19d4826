/* Memory of the program for our own data: parts of the image of this program, which is in each of
 * its processes, and when those are taken, what is beyond the end of the stack. */
#include "tracer.h"

static char slots[MEMORY_SLOTS][SLOT_SIZE] __attribute__((aligned(4096)));
static char large_slot[LARGE_SLOT_SIZE] __attribute__((aligned(4096)));

enum { RED_ZONE = 128 };

uint64_t scratch_reserve(struct task *task, const struct registers *r, size_t *used, size_t size)
{
	struct memory *memory = task->memory;
	unsigned large = size > SLOT_SIZE;
	unsigned end = size > LARGE_SLOT_SIZE ? 0 : MEMORY_SLOTS + large;

	for (unsigned i = large ? MEMORY_SLOTS : 0; i < end; i++) {
		uint32_t bit = (uint32_t)1 << i;

		if (memory->slots & bit)
			continue;
		memory->slots |= bit;
		task->slots |= bit;
		return large ? (uint64_t)large_slot : (uint64_t)slots[i];
	}
	*used += size;
	return (stack_pointer(r) - RED_ZONE - *used) & ~(uint64_t)15;
}

uint64_t scratch_put(struct task *task, const struct registers *r, size_t *used, const void *data,
                     size_t size)
{
	uint64_t address = scratch_reserve(task, r, used, size);

	return subject_write(&task->subject, address, data, size) < 0 ? 0 : address;
}

void scratch_free(struct task *task)
{
	task->memory->slots &= ~task->slots;
	task->slots = 0;
}
