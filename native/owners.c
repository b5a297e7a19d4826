#include "owners.h"

#include "kernel.h"

enum { EMPTY, USED, FIRST_CAPACITY = 1024 };

struct slot {
	struct owner owner;
	uint32_t used;
};

/* Open addressing with linear probing; at most three quarters are used. */
struct owners {
	struct slot *slots;
	size_t capacity; /* a power of two */
	size_t count;
};

static void *allocate(size_t size)
{
	long address = syscall6(NR_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
	                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return address < 0 && address > -PATH_MAX ? NULL : (void *)address;
}

/* Inode numbers follow each other: a multiplication spreads them. */
static size_t home(const struct owners *owners, uint64_t dev, uint64_t ino)
{
	uint64_t hash = (ino ^ dev << 32 ^ dev >> 32) * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(hash >> 20) & (owners->capacity - 1);
}

/* The slot of a file, or the empty one where it belongs. */
static struct slot *find(const struct owners *owners, uint64_t dev, uint64_t ino)
{
	size_t i = home(owners, dev, ino);

	while (owners->slots[i].used == USED &&
	       (owners->slots[i].owner.dev != dev || owners->slots[i].owner.ino != ino))
		i = (i + 1) & (owners->capacity - 1);
	return &owners->slots[i];
}

struct owners *owners_new(void)
{
	struct owners *owners = allocate(sizeof *owners);

	if (!owners)
		return NULL;
	owners->capacity = FIRST_CAPACITY;
	owners->slots = allocate(owners->capacity * sizeof *owners->slots);
	return owners->slots ? owners : NULL;
}

const struct owner *owners_find(const struct owners *owners, uint64_t dev, uint64_t ino)
{
	const struct slot *slot;

	if (!owners->count)
		return NULL;
	slot = find(owners, dev, ino);
	return slot->used == USED ? &slot->owner : NULL;
}

static long grow(struct owners *owners)
{
	struct owners old = *owners;
	struct slot *slots = allocate(2 * old.capacity * sizeof *slots);

	if (!slots)
		return -ENOMEM;
	owners->slots = slots;
	owners->capacity = 2 * old.capacity;
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slots[i].used == USED)
			*find(owners, old.slots[i].owner.dev, old.slots[i].owner.ino) = old.slots[i];
	CALL(munmap, old.slots, old.capacity * sizeof *old.slots, 0, 0, 0);
	return 0;
}

long owners_set(struct owners *owners, const struct owner *owner)
{
	struct slot *slot = find(owners, owner->dev, owner->ino);

	if (slot->used == EMPTY) {
		if (owners->count + 1 > owners->capacity / 4 * 3) {
			if (grow(owners) < 0)
				return -ENOMEM;
			slot = find(owners, owner->dev, owner->ino);
		}
		owners->count++;
	}
	*slot = (struct slot){*owner, USED};
	return 0;
}

void owners_drop(struct owners *owners, uint64_t dev, uint64_t ino)
{
	struct slot *slot = find(owners, dev, ino), *gap = slot;
	size_t mask = owners->capacity - 1;

	if (slot->used == EMPTY)
		return;
	owners->count--;
	/* What was pushed past the gap moves into it, so that no search ends there too early. */
	for (;;) {
		size_t at, start;

		if (++slot == owners->slots + owners->capacity)
			slot = owners->slots;
		if (slot->used == EMPTY)
			break;
		at = (size_t)(slot - owners->slots);
		start = home(owners, slot->owner.dev, slot->owner.ino);
		if (((at - start) & mask) >= ((at - (size_t)(gap - owners->slots)) & mask)) {
			*gap = *slot;
			gap = slot;
		}
	}
	gap->used = EMPTY;
}

size_t owners_count(const struct owners *owners)
{
	return owners->count;
}
