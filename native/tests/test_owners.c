/* owners.c against a plain array of what has been set and dropped. */
#include "check.h"
#include "owners.h"

enum { FILES = 100000, DEVICES = 3 };

static uint32_t expected[FILES]; /* uid, 0: no entry */

static struct owner owner(unsigned i, uint32_t uid)
{
	return (struct owner){i % DEVICES, 1000 + i, uid, uid + 1, 0, 0};
}

static int agrees(const struct owners *owners)
{
	size_t count = 0;

	for (unsigned i = 0; i < FILES; i++) {
		const struct owner *found = owners_find(owners, i % DEVICES, 1000 + i);

		if ((found ? found->uid : 0) != expected[i] ||
		    (found && found->gid != expected[i] + 1))
			return 0;
		count += found != NULL;
	}
	return count == owners_count(owners);
}

static void run(void)
{
	struct owners *owners = owners_new();
	struct owner node = {7, 7, 1, 2, S_IFCHR, 0x103}, one;
	uint32_t random = 1;
	int good = 1;

	check(owners != NULL, "owners_new");
	check(owners_count(owners) == 0, "a new table is empty");
	check(!owners_find(owners, 0, 0), "nothing in a new table");
	owners_drop(owners, 0, 0);
	check(owners_count(owners) == 0, "dropping what is not there");

	for (unsigned i = 0; i < FILES; i++) {
		one = owner(i, expected[i] = i + 1);
		good &= owners_set(owners, &one) == 0;
	}
	check(good, "owners_set");
	check(owners_count(owners) == FILES, "all are counted");
	check(agrees(owners), "all are found");

	/* Some go, some come back, some change. */
	for (unsigned i = 0; i < 4 * FILES; i++) {
		unsigned which = (random = random * 1664525 + 1013904223) >> 8;

		which %= FILES;
		if (i % 3 == 0) {
			one = owner(which, expected[which] = i + 1);
			owners_set(owners, &one);
		} else {
			expected[which] = 0;
			owners_drop(owners, which % DEVICES, 1000 + which);
		}
	}
	check(agrees(owners), "after many changes");
	for (unsigned i = 0; i < FILES; i++) {
		expected[i] = 0;
		owners_drop(owners, i % DEVICES, 1000 + i);
	}
	check(owners_count(owners) == 0 && agrees(owners), "all gone");

	owners_set(owners, &node);
	check(owners_find(owners, 7, 7)->mode == S_IFCHR && owners_find(owners, 7, 7)->rdev == 0x103,
	      "a node");
}

CHECK_MAIN(run)
