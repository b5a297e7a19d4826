/* The command line: everything that the launcher does is asked for there. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "abi.h"

enum { MAX_MAPPINGS = 16, MAX_GROUPS = 64, MAX_MOUNTS = 512 };

struct mapping {
	uint32_t inside, outside, count;
};

struct id_map {
	struct mapping ranges[MAX_MAPPINGS];
	int count;
	const char *helper; /* newuidmap or newgidmap, NULL to write the map ourselves */
};

enum mount_kind { MOUNT_BIND, MOUNT_RO_BIND, MOUNT_DEV_BIND, MOUNT_DATA, MOUNT_TMPFS, MOUNT_DEV,
	MOUNT_PROC, MOUNT_SYS, MOUNT_MASK, MOUNT_READ_ONLY };

struct mount { /* in the order of the command line, which is that of mounting */
	enum mount_kind kind;
	const char *source, *target;
	int fd;        /* MOUNT_DATA: where the content is read from */
	unsigned mode; /* MOUNT_DATA: of the file */
};

struct options {
	const char *root, *hostname, *directory, *program;
	char **argv; /* of the program */
	int init_only, read_only_root, privileged;
	uint32_t uid, gid; /* that the program runs as */
	uint32_t groups[MAX_GROUPS];
	int group_count;
	uint32_t last_descriptor; /* 3 to this one are open in the program */
	struct id_map uids, gids;
	struct mount mounts[MAX_MOUNTS];
	int mount_count;
};

/* Fills `o`, or says what is wrong and exits. --help and --version are answered here. */
void parse_options(struct options *o, char **argv);

#endif
