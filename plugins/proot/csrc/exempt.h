/* Code of this program that the filter lets make any call: at the same place in every process. */
#ifndef EXEMPT_H
#define EXEMPT_H

#include "loader.h"

/* An instruction that makes a system call, in the section of the loader. */
extern const char exempt_call[];

/* Where the tracer writes what load() shall do, in the memory of the process that does it. */
extern struct load_request load_request;

#endif
