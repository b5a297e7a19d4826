#include "privileges.h"

#include "kernel.h"
#include "text.h"

/* Docker's default set: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP
 * NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP. All hold inside the user
 * namespace only; package managers need most of them. */
#define DEFAULT_CAPABILITIES 0xa80425fbu

static void set_capabilities(uint32_t low)
{
	struct cap_header header = {.version = LINUX_CAPABILITY_VERSION_3};
	struct cap_data data[2] = {{.effective = low, .permitted = low}};
	long error = CALL(capset, &header, data, 0, 0, 0);

	if (error < 0)
		fail(STATUS_SETUP, error, "cannot drop capabilities", NULL);
}

void drop_all_capabilities(void)
{
	set_capabilities(0);
}

void forbid_new_privileges(void)
{
	long error = sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);

	if (error < 0)
		fail(STATUS_SETUP, error, "cannot set no_new_privs", NULL);
}

void limit_capabilities(void)
{
	for (unsigned cap = 0; cap < 64; cap++) {
		if (cap < 32 && (DEFAULT_CAPABILITIES >> cap & 1))
			continue;
		if (sys_prctl(PR_CAPBSET_DROP, cap, 0) == -EINVAL)
			break; /* the kernel's last one was the one before */
	}
	sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0); /* kernels before 4.3 have none */
	set_capabilities(DEFAULT_CAPABILITIES);
}
