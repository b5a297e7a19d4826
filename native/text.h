/* Strings, numbers and the messages for a person. */
#ifndef TEXT_H
#define TEXT_H

#include "abi.h"

enum { /* exit statuses, as docker's */
	STATUS_SETUP = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127
};

#define DECIMAL_SIZE 24 /* of a buffer for any number */
#define FD_PATH_SIZE (sizeof "/proc/self/fd/" + DECIMAL_SIZE)

/* As in libc, which is not there. */
void *memcpy(void *target, const void *source, size_t size);
void *memset(void *target, int byte, size_t size);

size_t length(const char *text);
int equal(const char *a, const char *b);
/* What follows `start` in `text`, NULL if it does not begin so. */
const char *after_start(const char *text, const char *start);

/* Copies and joins strings, the last argument being NULL. 0, or -ENAMETOOLONG. */
long join(char *buffer, size_t size, ...);

/* Writes `value` as decimal digits into `buffer` and returns it. */
char *decimal(char buffer[DECIMAL_SIZE], uint64_t value);

/* Reads a number of digits in `base` that ends at `end`; -1 if it is none or above 2^32 - 1. */
int64_t number(const char *text, char end, unsigned base);

/* The path through which a descriptor's file can be named. */
const char *fd_path(char buffer[FD_PATH_SIZE], int fd);

/* Says "PROGRAM: STRINGS: what ERROR means" on stderr and exits. `error` is a negative
 * errno or 0 for none; the last argument is NULL. */
_Noreturn void fail(int status, long error, ...);

#endif
