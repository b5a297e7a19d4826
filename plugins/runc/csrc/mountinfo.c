#include "mountinfo.h"

#include "kernel.h"
#include "resolve.h"
#include "text.h"

enum { MAX_ENTRIES = 8192 };

static struct entry { /* of /proc/self/mountinfo, see proc(5) */
	int64_t id, parent;
	char *path;
	int below; /* the mount that is asked for */
} entries[MAX_ENTRIES];
static int count;

/* Reads a whole file as a string. */
static long load(const char *path, char *text, size_t size)
{
	long fd = sys_open(path, O_RDONLY), n;
	size_t used = 0;

	if (fd < 0)
		return fd;
	while ((n = sys_read((int)fd, text + used, size - used)) > 0)
		used += (size_t)n;
	sys_close((int)fd);
	if (n == 0 && used == size)
		return -EFBIG;
	text[n < 0 ? 0 : used] = 0;
	return n;
}

/* The id of the mount that `fd` is in. */
static int64_t mount_of(int fd)
{
	static const char key[] = "mnt_id:\t";
	char path[sizeof "/proc/self/fdinfo/" + DECIMAL_SIZE], digits[DECIMAL_SIZE], text[1024];
	long error;

	join(path, sizeof path, "/proc/self/fdinfo/", decimal(digits, (uint64_t)fd), NULL);
	error = load(path, text, sizeof text);
	if (error < 0)
		return error;
	for (char *line = text; *line; line++) {
		size_t n = 0;

		while (key[n] && line[n] == key[n])
			n++;
		if (!key[n])
			return number(line + n, '\n', 10);
		while (*line && *line != '\n')
			line++;
		if (!*line)
			break;
	}
	return -ENOSYS; /* a kernel before 3.15 */
}

/* Cuts the next field off a line. */
static char *field(char **next)
{
	char *start = *next;

	while (**next && **next != ' ' && **next != '\n')
		(*next)++;
	if (**next)
		*(*next)++ = 0;
	return start;
}

/* White space and backslashes are written as three octal digits. */
static char *unescaped(char *path)
{
	char *out = path;

	for (const char *in = path; *in; out++) {
		if (*in == '\\' && in[1] && in[2] && in[3]) {
			*out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = 0;
	return path;
}

static long read_entries(void)
{
	static char text[1 << 20];
	long error = load("/proc/self/mountinfo", text, sizeof text);
	char *next = text;

	for (count = 0; error >= 0 && *next; count++) {
		struct entry *e = &entries[count];

		if (count == MAX_ENTRIES)
			return -EFBIG;
		e->id = number(field(&next), 0, 10);
		e->parent = number(field(&next), 0, 10);
		field(&next); /* device */
		field(&next); /* the root, in its file system */
		e->path = unescaped(field(&next));
		e->below = 0;
		while (*next && *next++ != '\n')
			;
	}
	return error;
}

static struct entry *with_id(int64_t id)
{
	for (int i = 0; i < count; i++)
		if (entries[i].id == id)
			return &entries[i];
	return NULL;
}

static void mark_below(int64_t top)
{
	int found;

	do {
		found = 0;
		for (int i = 0; i < count; i++) {
			struct entry *e = &entries[i], *parent = with_id(e->parent);

			if (!e->below && (e->parent == top || (parent && parent->below)))
				e->below = found = 1;
		}
	} while (found);
}

/* Whether another mount covers it entirely, as what an automount has mounted does. */
static int covered(const struct entry *mount)
{
	for (int i = 0; i < count; i++)
		if (entries[i].parent == mount->id && equal(entries[i].path, mount->path))
			return 1;
	return 0;
}

long visit_submounts(int fd, long (*visit)(int fd, uint64_t attributes), uint64_t attributes)
{
	int64_t id = mount_of(fd);
	long error = id < 0 ? (long)id : read_entries();
	const struct entry *top = error < 0 ? NULL : with_id(id);
	size_t prefix;

	if (!top)
		return error < 0 ? error : -ESTALE;
	prefix = equal(top->path, "/") ? 0 : length(top->path);
	mark_below(id);
	for (int i = 0; i < count; i++) {
		const struct entry *e = &entries[i];
		long found;

		if (!e->below || covered(e))
			continue;
		found = resolve(fd, e->path + prefix, MISSING_IS_ERROR);
		if (found == -EACCES)
			continue; /* nor may the container go there */
		if (found <= 0)
			return found < 0 ? found : -ESTALE;
		error = mount_of((int)found) == e->id ? visit((int)found, attributes) : -ESTALE;
		sys_close((int)found);
		if (error < 0)
			return error;
	}
	return 0;
}
