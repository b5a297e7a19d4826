/* ids.c against what the manual pages say. */
#include "check.h"
#include "ids.h"

#define NONE ((uint32_t)-1)
#define DOCKER UINT64_C(0xa80425fb)

static uint64_t permitted(const struct ids *ids)
{
	return ids->capabilities[0].permitted | (uint64_t)ids->capabilities[1].permitted << 32;
}

static void scenarios(void)
{
	struct cap_data none[2] = {{0, 0, 0}, {0, 0, 0}};
	const uint32_t groups[] = {30, 10, 20}, wrong[] = {NONE};
	struct ids ids;

	ids_start(&ids, 0, 0);
	check(permitted(&ids) == DOCKER && ids.bounding == DOCKER, "root's capabilities");
	check(ids_capable(&ids, CAP_CHOWN) && !ids_capable(&ids, 21), "not CAP_SYS_ADMIN");

	/* As apt drops to _apt: all ids, and no way back. */
	check(ids_setgroups(&ids, 3, groups) == 0, "setgroups");
	check(ids.groups[0] == 10 && ids.groups[1] == 20 && ids.groups[2] == 30, "are sorted");
	check(ids_setgroups(&ids, 1, wrong) == -EINVAL, "setgroups of no group");
	check(ids_setgroups(&ids, 65537, groups) == -EINVAL, "too many for anybody");
	check(ids_setgroups(&ids, 65, groups) == -EINVAL, "too many for us");
	check(ids_setresgid(&ids, 65534, 65534, 65534) == 0, "setresgid");
	check(ids_setresuid(&ids, 42, 42, 42) == 0, "setresuid");
	check(ids.uid == 42 && ids.fsuid == 42 && permitted(&ids) == 0, "capabilities are lost");
	check(ids_setuid(&ids, 0) == -EPERM && ids_setgid(&ids, 0) == -EPERM, "no way back");
	check(ids_setgroups(&ids, 0, NULL) == -EPERM, "groups stay");
	check(ids_setuid(&ids, NONE) == -EINVAL, "-1 is no user");
	check(!ids_execute(&ids, 0100755, 0, 0) && ids.euid == 42, "a plain program");
	check(ids_execute(&ids, 0104755, 0, 0) && ids.euid == 0 && ids.uid == 42 &&
	      permitted(&ids) == DOCKER, "a set-user-ID program");

	/* seteuid() and back, as daemons do it. */
	ids_start(&ids, 0, 0);
	ids_setresuid(&ids, NONE, 33, NONE);
	check(!ids_capable(&ids, CAP_CHOWN) && permitted(&ids) == DOCKER, "seteuid");
	check(ids_setresuid(&ids, NONE, 0, NONE) == 0 && ids_capable(&ids, CAP_CHOWN), "and back");

	/* PR_SET_KEEPCAPS, and what exec does to it. */
	check(ids_prctl(&ids, PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "PR_SET_KEEPCAPS");
	check(ids_setuid(&ids, 5) == 0 && permitted(&ids) == DOCKER && !ids_capable(&ids, 0),
	      "keeps the permitted ones only");
	ids_execute(&ids, 0100755, 0, 0);
	check(permitted(&ids) == 0 && ids_prctl(&ids, PR_GET_KEEPCAPS, 0, 0, 0, 0) == 0, "until exec");

	/* File system ids. */
	ids_start(&ids, 0, 0);
	check(ids_setfsuid(&ids, 7) == 0 && !ids_capable(&ids, CAP_CHOWN) &&
	      ids_capable(&ids, CAP_SETUID), "setfsuid takes the capabilities of files");
	check(ids_setfsuid(&ids, 0) == 7 && ids_capable(&ids, CAP_CHOWN), "and gives them back");

	/* chown(2). */
	ids_start(&ids, 1000, 1000);
	ids.count = 1;
	ids.groups[0] = 50;
	check(ids_may_chown(&ids, 1000, 1000, NONE, 50) == 0, "to a group of one's own");
	check(ids_may_chown(&ids, 1000, 1000, 1000, 1000) == 0, "to what it is");
	check(ids_may_chown(&ids, 1000, 1000, NONE, 51) == -EPERM, "to a strange group");
	check(ids_may_chown(&ids, 1000, 1000, 0, NONE) == -EPERM, "given away");
	check(ids_may_chown(&ids, 0, 0, 1000, NONE) == -EPERM, "taken");
	check(ids_may_chown(&ids, 0, 0, NONE, NONE) == 0, "nothing");

	/* no_new_privs. */
	ids.no_new_privileges = 1;
	check(!ids_execute(&ids, 0106755, 0, 0) && ids.euid == 1000 && ids.egid == 1000,
	      "no_new_privs");
	check(ids_capset(&ids, none) == 0, "nothing to nothing");
	none[0].permitted = 1;
	check(ids_capset(&ids, none) == -EPERM, "nothing to something");
}

CHECK_MAIN(scenarios)
