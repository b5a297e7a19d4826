#include "options.h"

#include "kernel.h"
#include "text.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

static const char usage[] =
	"usage: udocker-launch --root DIR [OPTION...] -- ARGV...\n"
	"       udocker-launch --init [--exec PATH] -- ARGV...\n"
	"\n"
	"Run a program in new user, mount, pid, ipc and uts namespaces, with DIR as its root.\n"
	"Mounts are made in the order given; their targets are resolved inside the root.\n"
	"\n"
	"  --root DIR               the root directory\n"
	"  --read-only-root         make it read-only\n"
	"  --uid N, --gid N         run the program as these ids (default 0)\n"
	"  --groups N,N,...         its supplementary groups; needs --map-gid\n"
	"  --map-uid IN:OUT:COUNT   map user ids, repeatable; default: --uid to the caller's\n"
	"  --map-gid IN:OUT:COUNT   the same for groups\n"
	"  --newuidmap PATH         program that writes the map of user ids\n"
	"  --newgidmap PATH         program that writes the map of group ids\n"
	"  --bind SRC DST           show SRC, a file or a directory with all below, at DST\n"
	"  --ro-bind SRC DST        the same, read-only\n"
	"  --dev-bind SRC DST       the same, with access to device nodes\n"
	"  --data FD DST MODE       show a private file with what FD holds (MODE is octal)\n"
	"  --tmpfs DST              an empty directory in memory\n"
	"  --dev DST                a minimal /dev\n"
	"  --proc DST               the processes of the container\n"
	"  --sys DST                the host's /sys, read-only\n"
	"  --mask PATH              hide what is at PATH in that /proc or /sys, if anything is\n"
	"  --read-only PATH         make it read-only, if anything is there\n"
	"  --hostname NAME          the container's host name\n"
	"  --chdir DIR              the program's working directory\n"
	"  --exec PATH              the program's file; default ARGV[0]\n"
	"  --descriptors N          fill gaps among descriptors 3 to N with /dev/null\n"
	"  --privileged             keep all capabilities in the container, filter no system calls\n"
	"  --init                   only be pid 1 in a container made by somebody else\n"
	"  --help, --version        say this, or the version\n";

static const struct {
	const char *name;
	enum mount_kind kind;
	int with_source;
} mount_options[] = {
	{"--bind", MOUNT_BIND, 1},   {"--ro-bind", MOUNT_RO_BIND, 1},
	{"--dev-bind", MOUNT_DEV_BIND, 1}, {"--data", MOUNT_DATA, 1},
	{"--tmpfs", MOUNT_TMPFS, 0}, {"--dev", MOUNT_DEV, 0},
	{"--proc", MOUNT_PROC, 0},   {"--sys", MOUNT_SYS, 0},
	{"--mask", MOUNT_MASK, 0},   {"--read-only", MOUNT_READ_ONLY, 0},
};

static _Noreturn void say(const char *text)
{
	sys_exit(sys_write(1, text, length(text)) < 0);
}

/* The next argument, as the value of `option`. */
static const char *value(char ***next, const char *option)
{
	if (!**next)
		fail(STATUS_SETUP, 0, option, " needs a value; see --help", NULL);
	return *(*next)++;
}

static uint32_t parsed(const char *text, char end, unsigned base, const char *option)
{
	int64_t n = number(text, end, base);

	if (n < 0)
		fail(STATUS_SETUP, 0, option, " cannot take ", text, NULL);
	return (uint32_t)n;
}

static const char *after(const char *text, char separator, const char *option)
{
	while (*text && *text != separator)
		text++;
	if (!*text)
		fail(STATUS_SETUP, 0, option, " takes IN:OUT:COUNT", NULL);
	return text + 1;
}

static void add_mapping(struct id_map *map, const char *text, const char *option)
{
	const char *outside = after(text, ':', option), *count = after(outside, ':', option);

	if (map->count == MAX_MAPPINGS)
		fail(STATUS_SETUP, 0, "too many of ", option, NULL);
	map->ranges[map->count++] = (struct mapping){
		.inside = parsed(text, ':', 10, option),
		.outside = parsed(outside, ':', 10, option),
		.count = parsed(count, 0, 10, option),
	};
}

static void add_groups(struct options *o, const char *text)
{
	while (*text) {
		const char *end = text;

		while (*end && *end != ',')
			end++;
		if (o->group_count == MAX_GROUPS)
			fail(STATUS_SETUP, 0, "too many groups", NULL);
		o->groups[o->group_count++] = parsed(text, *end, 10, "--groups");
		text = *end ? end + 1 : end;
	}
}

/* Takes `option` if it is a mount, with its values. */
static int add_mount(struct options *o, const char *option, char ***next)
{
	for (size_t i = 0; i < sizeof mount_options / sizeof *mount_options; i++) {
		struct mount *m = &o->mounts[o->mount_count];

		if (!equal(option, mount_options[i].name))
			continue;
		if (o->mount_count++ == MAX_MOUNTS)
			fail(STATUS_SETUP, 0, "too many mounts", NULL);
		m->kind = mount_options[i].kind;
		if (mount_options[i].with_source)
			m->source = value(next, option);
		m->target = value(next, option);
		if (m->kind == MOUNT_DATA) {
			m->fd = (int)parsed(m->source, 0, 10, option);
			m->mode = parsed(value(next, option), 0, 8, option);
		}
		return 1;
	}
	return 0;
}

void parse_options(struct options *o, char **argv)
{
	char **next = argv + 1;
	const char *option;

	while ((option = *next) && !equal(option, "--")) {
		next++;
		if (equal(option, "--help"))
			say(usage);
		else if (equal(option, "--version"))
			say("udocker-launch " VERSION "\n");
		else if (equal(option, "--root"))
			o->root = value(&next, option);
		else if (equal(option, "--init"))
			o->init_only = 1;
		else if (equal(option, "--read-only-root"))
			o->read_only_root = 1;
		else if (equal(option, "--privileged"))
			o->privileged = 1;
		else if (equal(option, "--uid"))
			o->uid = parsed(value(&next, option), 0, 10, option);
		else if (equal(option, "--gid"))
			o->gid = parsed(value(&next, option), 0, 10, option);
		else if (equal(option, "--groups"))
			add_groups(o, value(&next, option));
		else if (equal(option, "--map-uid"))
			add_mapping(&o->uids, value(&next, option), option);
		else if (equal(option, "--map-gid"))
			add_mapping(&o->gids, value(&next, option), option);
		else if (equal(option, "--newuidmap"))
			o->uids.helper = value(&next, option);
		else if (equal(option, "--newgidmap"))
			o->gids.helper = value(&next, option);
		else if (equal(option, "--hostname"))
			o->hostname = value(&next, option);
		else if (equal(option, "--chdir"))
			o->directory = value(&next, option);
		else if (equal(option, "--descriptors"))
			o->last_descriptor = parsed(value(&next, option), 0, 10, option);
		else if (equal(option, "--exec"))
			o->program = value(&next, option);
		else if (!add_mount(o, option, &next))
			fail(STATUS_SETUP, 0, "unknown option ", option, "; see --help", NULL);
	}
	if (!o->root && !o->init_only)
		fail(STATUS_SETUP, 0, "--root is missing; see --help", NULL);
	if (!option || !next[1])
		fail(STATUS_SETUP, 0, "no program is given after --; see --help", NULL);
	if (!o->uids.count != !o->gids.count)
		fail(STATUS_SETUP, 0, "--map-uid and --map-gid go together", NULL);
	if (o->group_count && !o->gids.count)
		fail(STATUS_SETUP, 0, "--groups needs --map-gid", NULL);
	o->argv = next + 1;
	if (!o->program)
		o->program = o->argv[0];
}
