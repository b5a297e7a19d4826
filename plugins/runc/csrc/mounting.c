#include "mounting.h"

#include "kernel.h"
#include "mountinfo.h"
#include "text.h"

void attempt(long result, const char *what, const char *target)
{
	if (result < 0)
		fail(STATUS_SETUP, result, "cannot ", what, target, NULL);
}

long mount_on(int fd, const char *source, const char *type, unsigned long flags,
                const char *data)
{
	char path[FD_PATH_SIZE];

	return sys_mount(source, fd_path(path, fd), type, flags, data);
}

/* What mount(2) can do: restricts one mount, which `fd` is the root of. */
static long remount(int fd, uint64_t attributes)
{
	struct statfs st;
	unsigned long flags;
	long result = CALL(fstatfs, fd, &st, 0, 0, 0);

	if (result < 0)
		return result;
	/* A remount sets all flags anew, and flags that the host has set may not be cleared. */
	flags = (unsigned long)st.flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
	flags |= st.flags & ST_NOATIME ? MS_NOATIME : 0;
	flags |= st.flags & ST_NODIRATIME ? MS_NODIRATIME : 0;
	flags |= st.flags & ST_RELATIME ? MS_RELATIME : 0;
	return mount_on(fd, NULL, NULL, MS_REMOUNT | MS_BIND | flags | attributes, NULL);
}

long restrict_mount(int fd, uint64_t attributes, int recursive)
{
	struct mount_attr attr = {.attr_set = attributes};
	long result = CALL(mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
	                   &attr, sizeof attr);

	/* Older containers' filters answer EPERM where a kernel before 5.12 says ENOSYS. */
	if (result != -ENOSYS && result != -EPERM)
		return result;
	result = remount(fd, attributes);
	/* In the mounts below only writing matters: setuid programs gain nothing anyway, and device
	 * nodes there are those that the user may open on the host. */
	if (result >= 0 && recursive && attributes & MOUNT_ATTR_RDONLY)
		result = visit_submounts(fd, remount, attributes);
	return result;
}

long open_target(int root, const char *target, enum missing missing)
{
	long fd = resolve(root, target, missing);

	if (fd == 0)
		fail(STATUS_SETUP, 0, "cannot mount over the root: ", target, NULL);
	if (fd < 0)
		fail(STATUS_SETUP, fd, "cannot make the mount point ", target, NULL);
	return fd;
}

int bind(int root, const char *source, const char *target, uint64_t attributes)
{
	struct stat st, seen;
	long fd = -1, error = sys_stat(source, &st);

	if (error >= 0) {
		fd = open_target(root, target,
		                 S_ISDIR(st.mode) ? MISSING_DIRECTORY : MISSING_FILE);
		error = mount_on((int)fd, source, NULL, MS_BIND | MS_REC, NULL);
		sys_close((int)fd);
	}
	if (error >= 0) {
		/* `fd` was what is covered now. Another container with the same root may have changed
		 * the path meanwhile: restrict what we bound, or nothing. */
		fd = open_target(root, target, MISSING_IS_ERROR);
		error = sys_fstat((int)fd, &seen);
		if (error >= 0 && (seen.dev != st.dev || seen.ino != st.ino))
			error = -ESTALE;
		if (error >= 0 && attributes)
			error = restrict_mount((int)fd, attributes, 1);
	}
	if (error < 0)
		fail(STATUS_SETUP, error, "cannot bind ", source, " at ", target, NULL);
	return (int)fd;
}

void mount_new(int root, const char *type, const char *target, unsigned long flags,
               const char *data)
{
	long fd = open_target(root, target, MISSING_DIRECTORY);
	long error = mount_on((int)fd, type, type, flags, data);

	if (error < 0)
		fail(STATUS_SETUP, error, "cannot mount ", type, " at ", target, NULL);
	sys_close((int)fd);
}
