/* One system call of a program, and what is to be done about it.
 *
 * handle() decides. It never runs anything on the tree of the host: a call that it cannot
 * translate fails with an error. It has no side effect when the verdict is RUN or EXECUTE, so the
 * back end may ask again.
 */
#ifndef CALL_H
#define CALL_H

#include "subject.h"
#include "permit.h"

struct program;

enum verdict {
	RUN,     /* the program makes the call, with the arguments as they are in `call` now */
	ANSWER,  /* it has been made for it: `value` is the result */
	GIVE,    /* as ANSWER, but `value` is a descriptor of ours that the program shall get */
	EXECUTE  /* execve(2): `program` says what of */
};

/* Data that takes the place of what an argument points to. */
struct replacement {
	unsigned char argument;
	size_t size;
	const void *data; /* in the call's scratch, valid until the next handle() */
	/* Bit i: the i-th 64-bit word of `data` is an offset in it, to be made an address where the
	 * data goes (msghdr's name and control). */
	uint64_t inner;
	uint64_t at; /* set by the back end: where it is in the program, for `after` */
};

struct scratch { /* memory for one call: nothing of this size may be on a small signal stack */
	struct place place[2];
	char text[2][PATH_MAX];
	char buffer[2][PATH_MAX];
};

struct call {
	long number;
	long args[6];
	struct subject *subject;
	struct scratch *scratch;
	unsigned char may_give; /* the back end can hand over descriptors now */

	/* What handle() leaves. */
	long value;
	unsigned char close_on_exec; /* GIVE */
	unsigned count;
	struct replacement replaced[2]; /* RUN; args[] of them are still the program's */
	/* RUN: looks at the result, in the same memory, and returns what the program gets. NULL:
	 * nobody has to look. `call` has the arguments as they were executed, but for replaced ones;
	 * `note` is what the handler wants to remember. */
	long (*after)(struct call *call, long result);
	uint64_t note[4];
	struct permits permits; /* of handle(): modes to be put back when the program has run */
	long (*then)(struct call *call, long result); /* the handler's `after` then */
	struct program *program; /* EXECUTE */
};

typedef enum verdict handler(struct call *call);

enum route {
	BY_ANSWER, /* almost always ends as ANSWER or GIVE, or runs unchanged */
	BY_TRACE,  /* is usually run with other arguments, or needs a look at its result */
	REFUSED    /* fails with `error` without being looked at */
};

enum condition { /* which of the calls of that number are meant */
	ALWAYS,
	IF_SET,   /* args[argument] (low 32 bits) has a bit of `value` */
	IF_POINTER, /* args[argument] is not NULL, 64 bits */
	IF_EQUAL  /* the low 32 bits of args[argument] are `value` */
};

enum need { /* which containers need it */
	EVERY, FAKE_IDS, UNAME
};

struct entry {
	short number;
	unsigned char route, condition, argument, need, error;
	uint32_t value;
	handler *handle;
};

/* The table: entries of one number are next to each other, the first whose condition fits counts;
 * a call that no entry fits runs untouched. */
extern const struct entry entries[];
extern const unsigned entry_count;

/* Finds the entry and calls its handler; RUN with nothing replaced for calls without one. */
enum verdict handle(struct call *call);

/* For handlers. */
static inline enum verdict answer(struct call *call, long value)
{
	call->value = value;
	return ANSWER;
}

static inline void replace(struct call *call, int argument, const void *data, size_t size)
{
	call->replaced[call->count++] = (struct replacement){(unsigned char)argument, size, data, 0, 0};
}

#endif
