/* A user-land execve: maps a program and its interpreter in place of what runs, and starts it.
 *
 * Our own program is what the kernel executes; it lies at a fixed address (native/build.py), out
 * of the way of all others, and a part of its text is exempt from the seccomp filter. That is why
 * load() and all that it uses are in a section of their own, from which nothing outside is called.
 */
#ifndef LOADER_H
#define LOADER_H

#include "abi.h"

#define LOADER __attribute__((section("loader_text"), noinline))

/* The section, as the linker knows it. An instruction pointer that a filter sees is behind the
 * instruction that made the call: start < pointer <= end. */
extern const char __start_loader_text[], __stop_loader_text[];

struct load_request { /* written into the new process by who answers execve(2) */
	char program[PATH_MAX];     /* host path */
	char interpreter[PATH_MAX]; /* host path, "" for none */
	char name[16];              /* prctl(2) PR_SET_NAME */
	uint64_t execfn;            /* address of the string for AT_EXECFN, 0: leave */
	uint32_t uid, euid, gid, egid, secure; /* for the auxiliary vector */
	uint32_t fake_ids;          /* whether those count */
	uint32_t announce;          /* send itself SIGSTOP when all is loaded: for a tracer */
};

/* Replaces the memory image: maps, corrects the auxiliary vector on `stack` (as the kernel left
 * it: argc, argv, ...), and jumps to the entry point. The stack in use lies below `stack`, with 16
 * KiB for load(). Does not return; on failure it says why on stderr and exits with 127, as execve
 * could not have known. */
_Noreturn LOADER void load(const struct load_request *request, uint64_t *stack);

#endif
