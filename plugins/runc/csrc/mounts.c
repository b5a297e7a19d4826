#include "mounts.h"

#include "identity.h"
#include "kernel.h"
#include "mounting.h"
#include "system.h"
#include "text.h"

static void copy_data(int from, int to, const char *target)
{
	char buffer[16384];
	long n;

	while ((n = sys_read(from, buffer, sizeof buffer)) > 0)
		for (long done = 0, w; done < n; done += w)
			attempt(w = sys_write(to, buffer + done, (size_t)(n - done)), "write ", target);
	attempt(n, "read the content of ", target);
	sys_close(from);
}

/* Makes the private files in a file system in memory, which is mounted only for the moment: over
 * the root, that being the one directory that is there for certain. */
static void mount_data(int root, const struct options *o)
{
	int staging = -1;

	for (int i = 0; i < o->mount_count; i++) {
		const struct mount *m = &o->mounts[i];
		char name[DECIMAL_SIZE], source[FD_PATH_SIZE];
		long fd, target;

		if (m->kind != MOUNT_DATA)
			continue;
		if (staging < 0) {
			attempt(mount_on(root, "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=700"),
			        "make private files in ", o->root);
			attempt(staging = (int)sys_open(o->root, O_RDONLY | O_DIRECTORY), "open ",
			        o->root);
		}
		fd = sys_openat(staging, decimal(name, (uint64_t)i), O_CREAT | O_EXCL | O_WRONLY,
		                m->mode);
		attempt(fd, "make the file for ", m->target);
		copy_data(m->fd, (int)fd, m->target);
		attempt(CALL(fchmod, fd, m->mode, 0, 0, 0), "set the mode of ", m->target);
		target = open_target(root, m->target, MISSING_FILE);
		attempt(mount_on((int)target, fd_path(source, (int)fd), NULL, MS_BIND, NULL),
		        "show a private file at ", m->target);
		sys_close((int)target);
		sys_close((int)fd);
	}
	if (staging >= 0) {
		char path[FD_PATH_SIZE];

		attempt(CALL(umount2, fd_path(path, staging), MNT_DETACH, 0, 0, 0), "unmount over ",
		        o->root);
		sys_close(staging);
	}
}

static void mount_one(int root, const struct mount *m, const struct options *o)
{
	switch (m->kind) {
	case MOUNT_BIND:
		sys_close(bind(root, m->source, m->target, SAFE));
		break;
	case MOUNT_RO_BIND:
		sys_close(bind(root, m->source, m->target, SAFE | MOUNT_ATTR_RDONLY));
		break;
	case MOUNT_DEV_BIND:
		sys_close(bind(root, m->source, m->target, MOUNT_ATTR_NOSUID));
		break;
	case MOUNT_TMPFS:
		mount_new(root, "tmpfs", m->target, SEALED, "mode=1777");
		break;
	case MOUNT_DEV:
		mount_dev(root, m->target, o->gids.count > 0);
		break;
	case MOUNT_PROC:
		mount_proc(root, m->target);
		break;
	case MOUNT_SYS:
		mount_sys(root, m->target);
		break;
	case MOUNT_MASK:
		mask(m->target);
		break;
	case MOUNT_READ_ONLY:
		keep_read_only(m->target);
		break;
	case MOUNT_DATA: /* after all others */
		break;
	}
}

void build_root(const struct options *o)
{
	long root, error;

	/* Mounts that the host makes later, such as automounted homes, still appear in our binds;
	 * none of ours appears on the host. */
	error = sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot mount in a user namespace", refusal(error), NULL);
	attempt(sys_mount(o->root, o->root, NULL, MS_BIND | MS_REC, NULL), "use the root ", o->root);
	attempt(root = sys_open(o->root, O_PATH | O_DIRECTORY), "open the root ", o->root);
	attempt(restrict_mount((int)root, SAFE, 1), "protect the root ", o->root);
	for (int i = 0; i < o->mount_count; i++)
		mount_one((int)root, &o->mounts[i], o);
	mount_data((int)root, o);
	if (o->read_only_root)
		attempt(restrict_mount((int)root, MOUNT_ATTR_RDONLY, 0), "make read-only ", o->root);

	/* The old root is mounted over the new one, then taken away (pivot_root(2), notes). */
	attempt(CALL(fchdir, root, 0, 0, 0, 0), "enter the root ", o->root);
	attempt(CALL(pivot_root, ".", ".", 0, 0, 0), "change to the root ", o->root);
	attempt(CALL(umount2, ".", MNT_DETACH, 0, 0, 0), "unmount ", "the host's root");
	attempt(CALL(chdir, "/", 0, 0, 0, 0), "enter ", "/");
	sys_close((int)root);
}
