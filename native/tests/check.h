/* The tests' own small world: a program of one test_*.c, which has
 *
 *	int main(int argc, char **argv)
 *	{
 *		check(1 + 1 == 2, "sums");
 *		return check_report();
 *	}
 *
 * argv[1] is an empty directory that it may fill. main() also returns the result of
 * check_skipped("why"), where nothing can be tested.
 */
#ifndef CHECK_H
#define CHECK_H

#include "kernel.h"
#include "text.h"

extern unsigned check_count, check_failures;
enum { CHECK_SKIPPED = 77 };

static inline void check_say(const char *text)
{
	sys_write(1, text, length(text));
}

/* Counts, and says where and what if `condition` is false. Returns it. */
static inline int check_at(int condition, const char *text, const char *file, int line)
{
	char digits[DECIMAL_SIZE];

	check_count++;
	if (!condition && ++check_failures <= 100) {
		check_say(file);
		check_say(":");
		check_say(decimal(digits, (uint64_t)line));
		check_say(": ");
		check_say(text);
		check_say("\n");
	}
	return condition;
}
#define check(condition, text) check_at(!!(condition), text, __FILE__, __LINE__)

/* Says how many failed: the exit status. */
static inline int check_report(void)
{
	char digits[DECIMAL_SIZE];

	check_say(decimal(digits, check_count));
	check_say(" checks, ");
	check_say(decimal(digits, check_failures));
	check_say(" failed\n");
	return check_failures || !check_count;
}

static inline int check_skipped(const char *why)
{
	check_say(why);
	check_say("\n");
	return CHECK_SKIPPED;
}

int main(int argc, char **argv);

/* A main() that calls `run` and nothing more. */
#define CHECK_MAIN(run)                                                                        \
	int main(int argc, char **argv)                                                        \
	{                                                                                      \
		(void)argc, (void)argv;                                                        \
		run();                                                                         \
		return check_report();                                                         \
	}

#endif
