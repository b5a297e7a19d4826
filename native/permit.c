#include "permit.h"

#include "ids.h"
#include "kernel.h"
#include "text.h"

static long change_mode(int fd, uint32_t mode)
{
	char path[FD_PATH_SIZE];

	/* fchmod(2) does not take O_PATH descriptors. */
	return CALL(fchmodat, AT_FDCWD, fd_path(path, fd), mode & 07777, 0, 0);
}

int permit_allowed(const struct subject *subject)
{
	return subject->container->fake_ids && ids_capable(subject->ids, CAP_DAC_OVERRIDE);
}

int permit_file(const struct subject *subject, int fd, uint32_t wanted, struct permit *permit)
{
	struct stat st;

	if (!permit_allowed(subject) || sys_fstat(fd, &st) < 0 ||
	    st.uid != subject->container->host_uid || (st.mode & wanted) == wanted ||
	    !(S_ISDIR(st.mode) || S_ISREG(st.mode)) || change_mode(fd, st.mode | wanted) < 0)
		return 0;
	permit->fd = fd;
	permit->mode = st.mode;
	return 1;
}

void permit_undo(const struct permit *permit)
{
	change_mode(permit->fd, permit->mode);
}

void permit_end(const struct permit *permit)
{
	permit_undo(permit);
	sys_close(permit->fd);
}

static int permit_path(const struct subject *subject, const char *path, uint32_t wanted,
                       struct permits *permits)
{
	long fd;

	if (permits->count == PERMITS)
		return 0;
	fd = sys_open(path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	if (!permit_file(subject, (int)fd, wanted, &permits->list[permits->count])) {
		sys_close((int)fd);
		return 0;
	}
	permits->count++;
	return 1;
}

int permit_way(const struct subject *subject, const struct place *place, char buffer[PATH_MAX],
               struct permits *permits)
{
	const char *path = place->path;
	size_t n = length(path);
	int changed = 0;

	if (*path != '/' || !permit_allowed(subject))
		return 0;
	while (n > 1 && (path[n - 1] == '/' || (path[n - 1] == '.' && path[n - 2] == '/')))
		n--;
	memcpy(buffer, path, n);
	buffer[n] = 0;
	for (size_t i = 1; i < n; i++) {
		int last = 1;

		if (buffer[i] != '/')
			continue;
		for (size_t j = i + 1; j < n; j++)
			last &= buffer[j] != '/';
		buffer[i] = 0;
		/* To be searched; the last one also to be changed. */
		changed |= permit_path(subject, buffer, last ? 0300 : 0100, permits);
		buffer[i] = '/';
	}
	if (!changed && permit_path(subject, buffer, 0600, permits))
		changed = 1;
	return changed;
}

void permit_end_all(struct permits *permits)
{
	while (permits->count)
		permit_end(&permits->list[--permits->count]);
}
