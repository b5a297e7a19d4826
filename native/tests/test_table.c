/* The table of calls: handle() and the filter rely on its order. */
#include "calls.h"
#include "check.h"

static void order(void)
{
	for (unsigned i = 0; i < entry_count; i++) {
		const struct entry *entry = &entries[i];

		check(entry->number >= 0 && entry->number < CALL_NUMBERS, "a known number");
		check((entry->route == REFUSED) == !entry->handle, "a handler, or none is needed");
		check((entry->route == REFUSED) == (entry->error != 0), "an error if refused");
		check(entry->argument < 6, "an argument");
		if (i == 0 || entry[-1].number == entry->number)
			continue;
		for (unsigned j = 0; j < i; j++)
			check(entries[j].number != entry->number, "entries of a number are together");
	}
	for (unsigned i = 1; i < entry_count; i++)
		check(entries[i].number != entries[i - 1].number || entries[i - 1].condition != ALWAYS ||
		      entries[i - 1].need != EVERY, "no entry is hidden by the one before it");
}

CHECK_MAIN(order)
