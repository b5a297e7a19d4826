/* The command line, which is PRoot's as far as it makes sense here. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "ids.h"
#include "subject.h"

struct options {
	const char *directory; /* --cwd */
	const char *file;      /* --exec, NULL: argv[0], which is searched for */
	unsigned char no_filter;
	uint32_t uid, gid;     /* who the first program is */
	uint32_t group_count, groups[IDS_GROUPS];
	char **argv;
};

/* Fills both, or says what is wrong and ends the program. `view` is that of the container. */
void parse_options(struct options *options, struct container *container, char **argv);

#endif
