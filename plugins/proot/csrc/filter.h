/* The seccomp filter of mode P1. */
#ifndef FILTER_H
#define FILTER_H

#include "subject.h"
#include "tracing.h"

/* Makes the filter for a container. `notify`: calls that are routed BY_ANSWER become
 * notifications; else they stop like the others. */
void filter_build(const struct container *container, int notify, struct filter *filter);

#endif
