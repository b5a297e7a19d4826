/* ids.c against the kernel: random calls are made by a process that has a container root's
 * capabilities, and imitated; then they must have come to the same. Only root can do it.
 */
#include "check.h"
#include "ids.h"
#include "kernel.h"

#define NONE ((uint32_t)-1)
#define DOCKER UINT64_C(0xa80425fb)
enum {
	AT_SECURE = 23, EXECUTIONS = 400, SEQUENCES = 2000, STEPS = 12, TESTED_CAPABILITIES = 14,
	NOT_EXECUTABLE = 99
};

/* What the kernel says of this process. */
struct state {
	struct ids ids;
	uint32_t secure;
};

static void look(struct state *state)
{
	struct cap_header header = {LINUX_CAPABILITY_VERSION_3, 0};
	struct ids *ids = &state->ids;

	memset(state, 0, sizeof *state);
	CALL(getresuid, &ids->uid, &ids->euid, &ids->suid, 0, 0);
	CALL(getresgid, &ids->gid, &ids->egid, &ids->sgid, 0, 0);
	ids->fsuid = (uint32_t)CALL(setfsuid, -1, 0, 0, 0, 0);
	ids->fsgid = (uint32_t)CALL(setfsgid, -1, 0, 0, 0, 0);
	ids->count = (uint32_t)CALL(getgroups, IDS_GROUPS, ids->groups, 0, 0, 0);
	CALL(capget, &header, ids->capabilities, 0, 0, 0);
	for (unsigned i = 0; i < TESTED_CAPABILITIES; i++) {
		ids->ambient |= (uint64_t)CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0)
		                << i;
		ids->bounding |= (uint64_t)CALL(prctl, PR_CAPBSET_READ, i, 0, 0, 0) << i;
	}
	ids->securebits = (uint32_t)CALL(prctl, PR_GET_SECUREBITS, 0, 0, 0, 0);
	ids->no_new_privileges = (unsigned char)CALL(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	ids->dumpable = (unsigned char)CALL(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static int same(const struct ids *a, const struct ids *b)
{
	uint64_t mask = (1 << TESTED_CAPABILITIES) - 1;

	if (a->uid != b->uid || a->euid != b->euid || a->suid != b->suid || a->fsuid != b->fsuid ||
	    a->gid != b->gid || a->egid != b->egid || a->sgid != b->sgid || a->fsgid != b->fsgid ||
	    a->count != b->count || a->securebits != b->securebits ||
	    (a->ambient & mask) != (b->ambient & mask) ||
	    (a->bounding & mask) != (b->bounding & mask) ||
	    a->no_new_privileges != b->no_new_privileges || !a->dumpable != (b->dumpable != 1))
		return 0;
	for (unsigned i = 0; i < a->count; i++)
		if (a->groups[i] != b->groups[i])
			return 0;
	for (int i = 0; i < 2; i++)
		if (a->capabilities[i].effective != b->capabilities[i].effective ||
		    a->capabilities[i].permitted != b->capabilities[i].permitted ||
		    a->capabilities[i].inheritable != b->capabilities[i].inheritable)
			return 0;
	return 1;
}

static uint32_t seed;

static uint32_t pick(uint32_t count)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 10) % count;
}

static uint32_t pick_id(void)
{
	static const uint32_t some[] = {0, 0, 1000, 1001, NONE};

	return some[pick(5)];
}

/* One call, made and imitated. */
static int step(struct ids *ids)
{
	struct cap_header header = {LINUX_CAPABILITY_VERSION_3, 0};
	struct cap_data data[2] = {ids->capabilities[0], ids->capabilities[1]};
	uint32_t a = pick_id(), b = pick_id(), c = pick_id(), groups[2] = {a, b};
	static const uint32_t bits[] = {0, 1, 4, 16, 64, 5, 0x20, 0x80, 0xc, 0x1000};
	uint64_t what;

	switch (pick(16)) {
	case 0: return CALL(setuid, a, 0, 0, 0, 0) == ids_setuid(ids, a);
	case 1: return CALL(setgid, a, 0, 0, 0, 0) == ids_setgid(ids, a);
	case 2: return CALL(setreuid, a, b, 0, 0, 0) == ids_setreuid(ids, a, b);
	case 3: return CALL(setregid, a, b, 0, 0, 0) == ids_setregid(ids, a, b);
	case 4: return CALL(setresuid, a, b, c, 0, 0) == ids_setresuid(ids, a, b, c);
	case 5: return CALL(setresgid, a, b, c, 0, 0) == ids_setresgid(ids, a, b, c);
	case 6: return CALL(setfsuid, a, 0, 0, 0, 0) == ids_setfsuid(ids, a);
	case 7: return CALL(setfsgid, a, 0, 0, 0, 0) == ids_setfsgid(ids, a);
	case 8: return CALL(setgroups, 2, groups, 0, 0, 0) == ids_setgroups(ids, 2, groups);
	case 9:
		data[0].permitted &= ~(1u << pick(32));
		data[0].effective &= data[0].permitted;
		if (pick(4) == 0)
			data[0].effective |= 1u << pick(32);
		data[0].inheritable ^= 1u << pick(10);
		data[1].inheritable ^= pick(2) << 31; /* no capability */
		return CALL(capset, &header, data, 0, 0, 0) == ids_capset(ids, data);
	case 10:
		data[0].inheritable |= (data[0].effective = data[0].permitted);
		return CALL(capset, &header, data, 0, 0, 0) == ids_capset(ids, data);
	case 11:
		a = pick(3);
		return CALL(prctl, PR_SET_KEEPCAPS, a, 0, 0, 0) ==
		       ids_prctl(ids, PR_SET_KEEPCAPS, a, 0, 0, 0);
	case 12:
		a = ids->securebits | bits[pick(10)];
		if (pick(3) == 0)
			a = bits[pick(10)];
		return CALL(prctl, PR_SET_SECUREBITS, a, 0, 0, 0) ==
		       ids_prctl(ids, PR_SET_SECUREBITS, a, 0, 0, 0);
	case 13:
		a = pick(8) ? pick(TESTED_CAPABILITIES) : 41;
		return CALL(prctl, PR_CAPBSET_DROP, a, 0, 0, 0) ==
		       ids_prctl(ids, PR_CAPBSET_DROP, a, 0, 0, 0);
	default:
		what = pick(8) ? PR_CAP_AMBIENT_RAISE : pick(6);
		a = pick(8) ? pick(TESTED_CAPABILITIES) : 41;
		return CALL(prctl, PR_CAP_AMBIENT, what, a, 0, 0) ==
		       ids_prctl(ids, PR_CAP_AMBIENT, what, a, 0, 0);
	}
}

/* Makes this process one with the capabilities that ids_start() gives. */
static void become_container_root(void)
{
	struct cap_header header = {LINUX_CAPABILITY_VERSION_3, 0};
	struct cap_data data[2] = {{DOCKER, DOCKER, 0}, {0, 0, 0}};

	CALL(setgroups, 0, NULL, 0, 0, 0);
	for (int i = 0; i <= CAP_LAST; i++)
		if (!(DOCKER >> i & 1))
			CALL(prctl, PR_CAPBSET_DROP, i, 0, 0, 0);
	CALL(capset, &header, data, 0, 0, 0);
	CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* One sequence in a process of its own. Its exit status is 0, or the number of the step at which
 * ids.c and the kernel part. */
static int sequence(uint32_t number)
{
	struct state state;
	struct ids ids;

	seed = number * 7919 + 1;
	ids_start(&ids, 0, 0);
	become_container_root();
	for (int i = 1; i <= STEPS; i++) {
		int ok = step(&ids);

		look(&state);
		if (!ok || !same(&ids, &state.ids))
			return i;
	}
	return 0;
}

static int child_status(long child)
{
	int status = 0;

	sys_wait(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void against_kernel(void)
{
	int failed = 0;

	for (uint32_t i = 0; i < SEQUENCES; i++) {
		long child = sys_fork(0);

		if (child == 0)
			sys_exit(sequence(i));
		failed += child_status(child) != 0;
	}
	check(failed == 0, "random sequences end as the kernel's");
}

/* A copy of this program, to be executed with other mode and owner. */
static int copy_self(const char *path, unsigned mode, uint32_t owner)
{
	char buffer[4096];
	long in = sys_open("/proc/self/exe", O_RDONLY), n;
	long out = sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	while ((n = sys_read((int)in, buffer, sizeof buffer)) > 0)
		sys_write((int)out, buffer, (size_t)n);
	CALL(fchown, out, owner, owner, 0, 0);
	CALL(fchmod, out, mode, 0, 0, 0);
	sys_close((int)in);
	sys_close((int)out);
	return (int)CALL(openat, AT_FDCWD, path, O_RDONLY, 0, 0); /* open across execve */
}

static int execution(uint32_t number, int program, uint32_t mode, uint32_t owner, int in, int out)
{
	static char digits[DECIMAL_SIZE];
	char *const argv[] = {"state", decimal(digits, (uint64_t)out), NULL}, *const envp[] = {NULL};
	struct state state;
	struct ids ids;
	long child;
	uint32_t secure;
	int status;

	seed = number * 104729 + 3;
	ids_start(&ids, 0, 0);
	become_container_root();
	for (uint32_t i = pick(STEPS); i > 0; i--)
		step(&ids);
	if (pick(4) == 0) {
		sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
		ids.no_new_privileges = 1;
	}
	secure = (uint32_t)ids_execute(&ids, mode, owner, owner);
	child = sys_fork(0);
	if (child == 0) {
		long error = CALL(execveat, program, "", argv, envp, AT_EMPTY_PATH);

		sys_exit(error == -EACCES && !(mode & 010) ? NOT_EXECUTABLE : 1);
	}
	status = child_status(child);
	if (status == NOT_EXECUTABLE)
		return 0; /* for the group */
	if (status != 0)
		return 2;
	if (sys_read(in, &state, sizeof state) != (long)sizeof state)
		return 3;
	return secure != state.secure ? 4 : same(&ids, &state.ids) ? 0 : 5;
}

static void executions(const char *path)
{
	static const struct {
		unsigned mode;
		uint32_t owner;
	} kinds[] = {{0755, 0}, {04755, 0}, {04755, 1000}, {02755, 1000}, {06755, 1001},
	             {02745, 1000}};
	int pipe[2], failed = 0;

	CALL(pipe2, pipe, 0, 0, 0, 0);
	for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		int program = copy_self(path, kinds[k].mode, kinds[k].owner);

		for (uint32_t i = 0; i < EXECUTIONS; i++) {
			long child = sys_fork(0);

			if (child == 0)
				sys_exit(execution(i, program, kinds[k].mode, kinds[k].owner, pipe[0],
				                   pipe[1]));
			failed += child_status(child) != 0;
		}
		sys_close(program);
	}
	check(failed == 0, "execve as the kernel's");
}

/* Executed by execution(): tells what it is. */
static void tell(int argc, char **argv)
{
	long *p = (long *)(argv + argc + 1);
	struct state state;

	look(&state);
	while (*p)
		p++;
	for (p++; *p; p += 2)
		if (*p == AT_SECURE)
			state.secure = (uint32_t)p[1];
	sys_write((int)number(argv[1], 0, 10), &state, sizeof state);
	sys_exit(0);
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];
	struct state state;

	if (argc == 2 && equal(argv[0], "state"))
		tell(argc, argv);
	look(&state);
	if (state.ids.uid != 0 || (state.ids.capabilities[0].permitted & DOCKER) != DOCKER)
		return check_skipped("only root can compare with the kernel");
	if (join(path, sizeof path, argv[1], "/program", NULL) < 0)
		return 1;
	against_kernel();
	executions(path);
	return check_report();
}
