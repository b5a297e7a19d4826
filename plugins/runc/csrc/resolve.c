#include "resolve.h"

#include "kernel.h"
#include "text.h"

enum { MAX_DEPTH = 256, MAX_LINKS = 40 };

struct walk {
	int dirs[MAX_DEPTH]; /* dirs[0] is the root, which is the caller's */
	int depth, links;
	char rest[2 * PATH_MAX]; /* of the path */
	char *next;              /* component in `rest` */
};

/* Goes back to the directory at `depth`. */
static void unwind(struct walk *w, int depth)
{
	while (w->depth > depth)
		sys_close(w->dirs[w->depth--]);
}

/* Cuts the next component off the rest of the path into `name`: its length, 0 at the end. */
static long component(struct walk *w, char name[NAME_MAX + 1])
{
	long n = 0;

	while (*w->next == '/')
		w->next++;
	while (w->next[n] && w->next[n] != '/')
		n++;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	for (long i = 0; i < n; i++)
		name[i] = w->next[i];
	name[n] = 0;
	w->next += n;
	while (*w->next == '/')
		w->next++;
	return n;
}

/* Puts the text of the link `fd` in front of the rest of the path. */
static long follow(struct walk *w, int fd)
{
	char text[PATH_MAX], joined[sizeof w->rest];
	long n;

	if (++w->links > MAX_LINKS)
		return -ELOOP;
	n = sys_readlinkat(fd, "", text, sizeof text);
	if (n < 0)
		return n;
	if (n == 0 || n == sizeof text)
		return -ENAMETOOLONG;
	text[n] = 0;
	n = join(joined, sizeof joined, text, "/", w->next, NULL);
	if (n < 0)
		return n;
	if (*text == '/')
		unwind(w, 0);
	join(w->rest, sizeof w->rest, joined, NULL);
	w->next = w->rest;
	return 0;
}

static long open_component(int dir, const char *name)
{
	return sys_openat(dir, name, O_PATH | O_NOFOLLOW, 0);
}

/* Makes a directory, or an empty file, unless somebody else just made something there. */
static long make(int dir, const char *name, int directory)
{
	long made;

	if (directory) {
		made = sys_mkdirat(dir, name, 0755);
	} else {
		made = sys_openat(dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0644);
		if (made >= 0)
			sys_close((int)made);
	}
	return made < 0 && made != -EEXIST ? made : open_component(dir, name);
}

static long step(struct walk *w, const char *name, enum missing missing)
{
	int dir = w->dirs[w->depth];
	struct stat st;
	long fd, error;

	if (equal(name, "."))
		return 0;
	if (equal(name, "..")) {
		unwind(w, w->depth ? w->depth - 1 : 0);
		return 0;
	}
	if (w->depth + 1 == MAX_DEPTH)
		return -ENAMETOOLONG;
	fd = open_component(dir, name);
	if (fd == -ENOENT && missing != MISSING_IS_ERROR)
		fd = make(dir, name, *w->next || missing == MISSING_DIRECTORY);
	if (fd < 0)
		return fd;
	error = sys_fstat((int)fd, &st);
	if (error >= 0 && !S_ISLNK(st.mode)) {
		w->dirs[++w->depth] = (int)fd;
		return 0;
	}
	if (error >= 0)
		error = follow(w, (int)fd);
	sys_close((int)fd);
	return error;
}

long resolve(int root, const char *path, enum missing missing)
{
	struct walk w;
	char name[NAME_MAX + 1];
	long error, found;

	w.dirs[0] = root;
	w.depth = w.links = 0;
	w.next = w.rest;
	error = join(w.rest, sizeof w.rest, path, NULL);
	while (error >= 0) {
		error = component(&w, name);
		if (error == 0)
			break;
		if (error > 0)
			error = step(&w, name, missing);
	}
	if (error < 0) {
		unwind(&w, 0);
		return error;
	}
	if (w.depth == 0)
		return 0;
	found = w.dirs[w.depth--];
	unwind(&w, 0);
	return found;
}
