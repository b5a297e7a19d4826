#include "calls_proc.h"

#include "ids.h"
#include "kernel.h"
#include "text.h"
#include "view.h"

enum { MFD_CLOEXEC = 1 };

/* The image of this program, which is part of each process: not for those who look. */
extern const char __executable_start[], _end[];

struct copying {
	const struct subject *subject;
	const struct subject *process; /* status: whose, NULL if it is none of the container */
	int from, to;
	int hidden;            /* what follows belongs to a mapping that is not shown */
	long error;
	size_t in, out;        /* how much is in the buffers */
	char input[4 * PATH_MAX], output[4 * PATH_MAX], path[2][PATH_MAX];
};

typedef void rewriter(struct copying *copying, char *line);

static void flush(struct copying *copying)
{
	size_t done = 0;

	while (done < copying->out && copying->error == 0) {
		long n = sys_write(copying->to, copying->output + done, copying->out - done);

		if (n <= 0)
			copying->error = n ? n : -EIO;
		else
			done += (size_t)n;
	}
	copying->out = 0;
}

static void put(struct copying *copying, const char *text)
{
	for (; *text; text++) {
		if (copying->out == sizeof copying->output)
			flush(copying);
		copying->output[copying->out++] = *text;
	}
}

static void put_number(struct copying *copying, uint64_t value)
{
	char digits[DECIMAL_SIZE];

	put(copying, decimal(digits, value));
}

static void put_mask(struct copying *copying, uint64_t value)
{
	char text[17];

	for (int i = 16; i-- > 0; value >>= 4)
		text[i] = "0123456789abcdef"[value & 15];
	text[16] = 0;
	put(copying, text);
}

/* A path of the host as the subject would see it. */
static void put_path(struct copying *copying, const char *host)
{
	static const char deleted[] = " (deleted)";
	const size_t mark = sizeof deleted - 1;
	const struct subject *subject = copying->subject;
	char *path = copying->path[0], *inside = copying->path[1];
	size_t n = length(host), root = length(subject->chroot);
	int gone = n > mark && equal(host + n - mark, deleted);

	if (n >= PATH_MAX) {
		put(copying, host);
		return;
	}
	memcpy(path, host, n + 1);
	if (gone)
		path[n - mark] = 0;
	if (view_to_container(subject->container->view, path, inside) < 0) {
		put(copying, host);
		return;
	}
	for (n = 0; n < root && inside[n] == subject->chroot[n]; n++)
		;
	put(copying, n == root && inside[n] == '/' ? inside + n : inside);
	if (gone)
		put(copying, deleted);
}

static uint64_t hexadecimal(const char *text, char *end)
{
	uint64_t value = 0;

	for (;; text++) {
		if (*text >= '0' && *text <= '9')
			value = value << 4 | (uint64_t)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			value = value << 4 | (uint64_t)(*text - 'a' + 10);
		else
			break;
	}
	*end = *text;
	return value;
}

/* Looks at a line that may start with the address of a mapping. Returns whether the line, and
 * what follows until the next such line, is shown. */
static int is_shown(struct copying *copying, const char *line)
{
	char end;
	uint64_t address = hexadecimal(line, &end);

	if (end == '-' || end == ' ') /* maps and smaps; numa_maps */
		copying->hidden = address >= (uint64_t)__executable_start &&
		                  address < (uint64_t)_end;
	return !copying->hidden;
}

/* proc_pid_maps(5), proc_pid_smaps(5). */
static void rewrite_maps(struct copying *copying, char *line)
{
	char *path = line;

	if (!is_shown(copying, line))
		return;
	/* Of all that follows a mapping's line in smaps nothing has a slash after a space. */
	while (*path && !(path[0] == '/' && path > line && path[-1] == ' '))
		path++;
	if (*path) {
		*path = 0;
		put(copying, line);
		*path = '/';
		put_path(copying, path);
	} else {
		put(copying, line);
	}
	put(copying, "\n");
}

/* numa_maps, in numa(7). */
static void rewrite_numa_maps(struct copying *copying, char *line)
{
	char *path = line, *end;

	if (!is_shown(copying, line))
		return;
	while (*path && !after_start(path, " file=/"))
		path++;
	if (!*path) {
		put(copying, line);
	} else {
		char kept;

		path += sizeof " file=" - 1;
		for (end = path; *end && *end != ' '; end++)
			;
		*path = 0;
		put(copying, line);
		*path = '/';
		kept = *end;
		*end = 0;
		put_path(copying, path);
		*end = kept;
		put(copying, end);
	}
	put(copying, "\n");
}

static void put_ids(struct copying *copying, const char *name, uint32_t real, uint32_t effective,
                    uint32_t saved, uint32_t file)
{
	const uint32_t ids[] = {real, effective, saved, file};

	put(copying, name);
	for (int i = 0; i < 4; i++) {
		put(copying, "\t");
		put_number(copying, ids[i]);
	}
	put(copying, "\n");
}

static void put_set(struct copying *copying, const char *name, uint64_t set)
{
	put(copying, name);
	put_mask(copying, set);
	put(copying, "\n");
}

/* Each of the numbers that is `real` is shown as `base`. */
static void put_mapped(struct copying *copying, const char *line, uint32_t real, uint32_t base)
{
	while (*line) {
		uint64_t value = 0;
		char c[2] = {*line, 0};

		if (*line < '0' || *line > '9') {
			put(copying, c);
			line++;
			continue;
		}
		for (; *line >= '0' && *line <= '9'; line++)
			value = value * 10 + (uint64_t)(*line - '0');
		put_number(copying, value == real ? base : value);
	}
	put(copying, "\n");
}

/* proc_pid_status(5). */
static void rewrite_status(struct copying *copying, char *line)
{
	const struct container *container = copying->subject->container;
	const struct ids *ids = copying->process ? copying->process->ids : NULL;
	const struct cap_data *caps = ids ? ids->capabilities : NULL;
	const int fake = container->fake_ids;

	if (after_start(line, "TracerPid:")) {
		put(copying, "TracerPid:\t");
		put_number(copying, copying->process ? (uint64_t)subject_tracer(copying->process) :
		                                       0);
		put(copying, "\n");
	} else if (fake && !ids && after_start(line, "Uid:")) {
		put_mapped(copying, line, container->host_uid, container->base_uid);
	} else if (fake && !ids && after_start(line, "Gid:")) {
		put_mapped(copying, line, container->host_gid, container->base_gid);
	} else if (!fake || !ids) {
		put(copying, line);
		put(copying, "\n");
	} else if (after_start(line, "Uid:")) {
		put_ids(copying, "Uid:", ids->uid, ids->euid, ids->suid, ids->fsuid);
	} else if (after_start(line, "Gid:")) {
		put_ids(copying, "Gid:", ids->gid, ids->egid, ids->sgid, ids->fsgid);
	} else if (after_start(line, "Groups:")) {
		put(copying, "Groups:\t");
		for (uint32_t i = 0; i < ids->count; i++) {
			put_number(copying, ids->groups[i]);
			put(copying, " ");
		}
		put(copying, "\n");
	} else if (after_start(line, "NoNewPrivs:")) {
		put(copying, ids->no_new_privileges ? "NoNewPrivs:\t1\n" : "NoNewPrivs:\t0\n");
	} else if (after_start(line, "CapInh:")) {
		put_set(copying, "CapInh:\t",
		        (uint64_t)caps[1].inheritable << 32 | caps[0].inheritable);
	} else if (after_start(line, "CapPrm:")) {
		put_set(copying, "CapPrm:\t",
		        (uint64_t)caps[1].permitted << 32 | caps[0].permitted);
	} else if (after_start(line, "CapEff:")) {
		put_set(copying, "CapEff:\t",
		        (uint64_t)caps[1].effective << 32 | caps[0].effective);
	} else if (after_start(line, "CapBnd:")) {
		put_set(copying, "CapBnd:\t", ids->bounding);
	} else if (after_start(line, "CapAmb:")) {
		put_set(copying, "CapAmb:\t", ids->ambient);
	} else {
		put(copying, line);
		put(copying, "\n");
	}
}

static void rewrite_release(struct copying *copying, char *line)
{
	(void)line;
	put(copying, copying->subject->container->release);
	put(copying, "\n");
}

static void rewrite_hostname(struct copying *copying, char *line)
{
	(void)line;
	put(copying, copying->subject->container->hostname);
	put(copying, "\n");
}

static void copy_lines(struct copying *copying, rewriter *rewrite)
{
	for (;;) {
		size_t start = 0, end;
		long n = sys_read(copying->from, copying->input + copying->in,
		                  sizeof copying->input - copying->in - 1);

		if (n < 0)
			copying->error = n;
		if (n <= 0)
			break;
		copying->in += (size_t)n;
		for (end = 0; end < copying->in; end++) {
			/* A line that fills the buffer is not the kernel's: it goes in parts. */
			if (copying->input[end] != '\n' &&
			    (start || end + 2 < sizeof copying->input))
				continue;
			copying->input[end] = 0;
			rewrite(copying, copying->input + start);
			start = end + 1;
		}
		for (end = start; end < copying->in; end++)
			copying->input[end - start] = copying->input[end];
		copying->in -= start;
	}
	flush(copying);
}

/* A copy of `path` in memory, opened for reading; or a negative errno. */
static long copy(const struct subject *subject, const struct subject *process, const char *path,
                 rewriter *rewrite)
{
	struct copying *copying;
	char name[FD_PATH_SIZE];
	long from = sys_open(path, O_RDONLY), to, result;

	if (from < 0)
		return from;
	result = to = CALL(memfd_create, "proc", MFD_CLOEXEC, 0, 0, 0);
	if (to >= 0) {
		result = syscall6(NR_mmap, 0, sizeof *copying, PROT_READ | PROT_WRITE,
		                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (result >= 0) {
			copying = (struct copying *)result;
			copying->subject = subject;
			copying->process = process;
			copying->from = (int)from;
			copying->to = (int)to;
			copy_lines(copying, rewrite);
			result = copying->error;
			CALL(munmap, copying, sizeof *copying, 0, 0, 0);
		}
		if (result >= 0)
			result = sys_open(fd_path(name, (int)to), O_RDONLY);
		sys_close((int)to);
	}
	sys_close((int)from);
	/* Neither Linux before 3.17, which has no memfd_create(2), nor our RLIMIT_FSIZE is the
	 * program's fault. */
	return result == -ENOSYS || result == -EFBIG ? -ENODATA : result;
}

/* Reads a process id and the slash after it; NULL if there is none. */
static const char *read_pid(const char *text, int *pid)
{
	int64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9' && value < 1 << 30; p++)
		value = value * 10 + (*p - '0');
	if (p == text || *p != '/')
		return NULL;
	*pid = (int)value;
	return p + 1;
}

static const struct subject *process_of(const struct subject *asking, int pid, int tid)
{
	const struct subject *thread;

	if (tid == asking->tid)
		return asking;
	thread = subject_find(asking, tid);
	return thread ? thread : subject_find(asking, pid);
}

static long rewritten_process(const struct subject *subject, const char *path)
{
	const char *name;
	int pid, tid;

	name = read_pid(path + sizeof "/proc/" - 1, &pid);
	if (!name)
		return -ENODATA;
	tid = pid;
	if (after_start(name, "task/")) {
		name = read_pid(name + sizeof "task/" - 1, &tid);
		if (!name)
			return -ENODATA;
	}
	if (equal(name, "status"))
		return copy(subject, process_of(subject, pid, tid), path, rewrite_status);
	if (equal(name, "maps") || equal(name, "smaps"))
		return copy(subject, NULL, path, rewrite_maps);
	if (equal(name, "numa_maps"))
		return copy(subject, NULL, path, rewrite_numa_maps);
	return -ENODATA;
}

long rewritten(struct call *call, const struct place *place, unsigned flags)
{
	const struct container *container = call->subject->container;

	if (!after_start(place->path, "/proc/") || place->fd < 0 || place->directory != AT_FDCWD ||
	    (flags & (O_ACCMODE | O_PATH | O_DIRECTORY)))
		return -ENODATA;
	if (container->release && equal(place->path, "/proc/sys/kernel/osrelease"))
		return copy(call->subject, NULL, place->path, rewrite_release);
	if (container->hostname && equal(place->path, "/proc/sys/kernel/hostname"))
		return copy(call->subject, NULL, place->path, rewrite_hostname);
	return rewritten_process(call->subject, place->path);
}
