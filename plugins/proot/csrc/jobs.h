/* Signals for the tracer, and the shell that has started it. */
#ifndef JOBS_H
#define JOBS_H

#include "abi.h"

/* A signal has come. */
void jobs_signal(const struct siginfo *info);

/* The first program has been stopped: so is the tracer, for a shell to take over. */
void jobs_stopped(void);

#endif
