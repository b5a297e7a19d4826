#include "resolve.h"

#include "kernel.h"
#include "procfs.h"
#include "text.h"
#include "view.h"

/* How it is done. The directory that we have come to is a container path, kept as the first part
 * of place->container, in which nothing is a link. What follows in the program's path up to ".."
 * or its end is a *run* of names. Most often no link is in it: then one openat2(2) on the
 * host path says so, and says what is there too. If there is one, or without openat2, names are
 * looked at one by one with readlink(2).
 *
 * Where a directory has no host path it is held by a descriptor (walk.dir), and only names are
 * looked at from there. */

enum { MAX_LINKS = 40, LENIENT = 0x100 /* what does not exist is taken as written */ };

struct walk {
	const struct subject *subject;
	struct view *view;
	struct place *place;
	char *next;         /* what is left of the path: it ends where place->rest does */
	const char *suffix; /* what the place's path has to end with */
	size_t where;       /* length of the directory in place->container */
	size_t start;       /* LOCATE_BENEATH: of the directory that we began in */
	int how, links;
	int dir;                    /* -1 where `where` counts */
	unsigned char confined;     /* `dir` is outside of the container: no way up */
	unsigned char is_directory; /* `where` is one for certain */
	unsigned char doubtful;     /* `where` comes from a descriptor: it may even be a link */
	unsigned char singly;       /* a link is among the next names */
};

enum { GO_ON = 1, DONE = 0 };

enum { LONGEST = PATH_MAX - 4 }; /* of a host path: a suffix and the NUL have to fit behind it */

enum { LINK_SIZE = 64 }; /* of a buffer for subject->proc and "/fd/N" */

/* The next name of the path: slashes and "." are nothing. */
static char *skip(char *path)
{
	while (*path == '/' || (*path == '.' && (path[1] == '/' || !path[1])))
		path++;
	return path;
}

static size_t name_length(const char *path)
{
	size_t n = 0;

	while (path[n] && path[n] != '/')
		n++;
	return n;
}

static int is_parent(const char *path)
{
	return path[0] == '.' && path[1] == '.' && (path[2] == '/' || !path[2]);
}

/* The host path of place->container, with `suffix`. */
static long to_host(struct walk *w, const char *suffix)
{
	struct place *p = w->place;
	long error = view_to_host(w->view, p->container, p->path);
	size_t n = error < 0 ? 0 : length(p->path);

	if (error < 0)
		return error;
	return n > LONGEST ? -ENAMETOOLONG : join(p->path + n, PATH_MAX - n, suffix, NULL);
}

/* Goes to a container path. */
static void go(struct walk *w, const char *path)
{
	struct place *p = w->place;

	if (w->dir >= 0)
		sys_close(w->dir);
	w->dir = -1;
	w->confined = 0;
	join(p->container, PATH_MAX, equal(path, "/") ? "" : path, NULL);
	w->where = length(p->container);
	w->is_directory = 0;
	w->doubtful = 0;
	w->singly = 0;
}

static long go_by_descriptor(struct walk *w, long fd)
{
	if (fd < 0)
		return fd;
	if (w->dir >= 0)
		sys_close(w->dir);
	w->dir = (int)fd;
	w->place->container[w->where = 0] = 0;
	return GO_ON;
}

/* Whether a directory whose path is too long to be told lies in the container: seen from the first
 * one above it whose path is not. */
static int is_inside(struct walk *w, int fd)
{
	char link[FD_PATH_SIZE], *text = w->place->text;
	long n = -ENAMETOOLONG, up = sys_openat(fd, ".", O_PATH | O_DIRECTORY, 0);

	while (up >= 0) {
		long parent;

		fd_path(link, (int)up);
		n = sys_readlinkat(AT_FDCWD, link, text, PATH_MAX - 1);
		if (n != -ENAMETOOLONG && n != PATH_MAX - 1)
			break;
		parent = sys_openat((int)up, "..", O_PATH | O_DIRECTORY, 0);
		sys_close((int)up);
		up = parent;
	}
	if (up < 0)
		return 0;
	if (n >= 0) {
		text[n] = 0;
		n = proc_translate(w->subject, link, text);
	}
	sys_close((int)up);
	return n >= 0;
}

/* Goes to the directory behind a link of /proc: cwd or a descriptor. */
static long enter(struct walk *w, const char *link)
{
	char *text = w->place->text;
	long n = sys_readlinkat(AT_FDCWD, link, text, PATH_MAX), error = n;

	if (n > LONGEST)
		error = -ENAMETOOLONG;
	if (n < 0 && n != -ENAMETOOLONG)
		return n;
	if (error != -ENAMETOOLONG) {
		text[n] = 0;
		error = proc_translate(w->subject, link, text);
	}
	if (error == 0) {
		go(w, text);
		w->doubtful = 1;
		return GO_ON;
	}
	if (error == -ENOTDIR)
		return error;
	n = go_by_descriptor(w, sys_open(link, O_PATH | O_DIRECTORY));
	if (n >= 0)
		w->confined = error == -EXDEV
		              || (error == -ENAMETOOLONG && !is_inside(w, w->dir));
	return n;
}

/* Makes sure that `where` is no link: a descriptor may be one (O_PATH with O_NOFOLLOW), and the
 * kernel must not follow it on the host. */
static long be_sure(struct walk *w)
{
	struct place *p = w->place;
	struct stat st;
	long error;

	if (!w->doubtful)
		return 0;
	p->container[w->where] = 0;
	error = to_host(w, "");
	if (error >= 0)
		error = sys_lstat(p->path, &st);
	if (error < 0)
		return error;
	w->doubtful = 0;
	w->is_directory = 1;
	return S_ISDIR(st.mode) ? 0 : -ENOTDIR;
}

/* What the end of the path, or of a link there, asks for. */
static void look_at_end(struct walk *w, int first)
{
	char *path = w->next, *end = path + length(path), *last;
	const char *suffix = "";
	int slash = end > path && end[-1] == '/';

	while (end > path && end[-1] == '/')
		end--;
	for (last = end; last > path && last[-1] != '/';)
		last--;
	if (end - last == 1 && *last == '.') {
		suffix = "/.";
	} else if (end - last == 2 && is_parent(last)) {
		suffix = "/.";
		if (first && w->how & LOCATE_NAME) {
			/* The kernel does not look at it either: no entry can be called so. */
			suffix = "/..";
			*last = 0;
		}
	} else if (slash && end > path) {
		suffix = "/";
	}
	if (*suffix && !(*suffix == '/' && !suffix[1] && w->how & LOCATE_NAME))
		w->how |= LOCATE_FOLLOW;
	if (!*w->suffix)
		w->suffix = suffix;
}

/* The suffix when we look what is there. */
static const char *looking(const struct walk *w)
{
	return w->how & LOCATE_NAME ? "" : w->suffix;
}

/* The place is found. `fd` is a descriptor of it, or -1, and `error` then says why; 0 if nobody
 * has looked. */
static long finish(struct walk *w, long fd, long error)
{
	struct place *p = w->place;

	if (w->dir >= 0) {
		p->directory = w->dir;
		w->dir = -1;
	} else {
		long failed = *w->suffix ? be_sure(w) : 0;

		if (failed >= 0)
			failed = to_host(w, looking(w));
		if (failed < 0) {
			if (fd >= 0)
				sys_close((int)fd);
			return failed;
		}
		p->mount = (unsigned char)(view_is_target(w->view, p->container)
		                           || equal(p->container, w->subject->chroot));
		p->magic = view_is_target(w->view, p->container)
		           && view_at(w->view, p->container)->magic;
		if (p->magic && fd >= 0) { /* it is that of the link */
			sys_close((int)fd);
			fd = -1;
		}
	}
	if (w->how & LOCATE_OPEN && fd < 0 && !error) {
		fd = sys_openat(p->directory, p->path, O_PATH | (p->magic ? 0 : O_NOFOLLOW), 0);
		error = fd < 0 ? fd : 0;
	}
	if (!(w->how & LOCATE_OPEN) && fd >= 0) {
		sys_close((int)fd);
		fd = -1;
	}
	p->fd = (int)(fd < 0 ? -1 : fd);
	p->error = error;
	if (looking(w) != w->suffix) {
		size_t n = length(p->path);

		if (join(p->path + n, PATH_MAX - n, w->suffix, NULL) < 0)
			return -ENAMETOOLONG;
	}
	if (p->directory == AT_FDCWD && !*p->container)
		join(p->container, PATH_MAX, "/", NULL);
	return DONE;
}

/* place->path is a link that the kernel has to follow. */
static long finish_magic(struct walk *w)
{
	struct place *p = w->place;
	size_t n = length(p->path);
	long fd;

	if (join(p->path + n, PATH_MAX - n, w->suffix, NULL) < 0)
		return -ENAMETOOLONG;
	p->container[0] = 0;
	p->magic = 1;
	if (w->how & LOCATE_OPEN) {
		fd = sys_open(p->path, O_PATH);
		p->error = fd < 0 ? fd : 0;
		p->fd = (int)(fd < 0 ? -1 : fd);
	}
	return DONE;
}

/* Puts the text of a link, in place->text, in front of `rest`. */
static long follow_text(struct walk *w, char *rest, size_t n)
{
	struct place *p = w->place;
	size_t more = *rest ? 1 : 0;

	if (n == 0) /* a broken file system */
		return -ENOENT;
	if (n >= PATH_MAX || (size_t)(rest - p->rest) < n + more)
		return -ENAMETOOLONG;
	if (*p->text == '/') {
		if (w->how & LOCATE_BENEATH)
			return -EXDEV;
		if (w->confined)
			return -EACCES;
		go(w, w->subject->chroot);
		w->is_directory = 1;
	}
	w->next = rest - n - more;
	for (size_t i = 0; i < n; i++)
		w->next[i] = p->text[i];
	if (more)
		w->next[n] = '/';
	else
		look_at_end(w, 0);
	w->singly = 0;
	return GO_ON;
}

/* Follows place->path, a link to an open file or a working directory. */
static long follow_file(struct walk *w)
{
	struct place *p = w->place;
	long n = sys_readlinkat(AT_FDCWD, p->path, p->text, PATH_MAX - 1);
	struct stat st;

	if (n < 0 && n != -ENAMETOOLONG)
		return n;
	p->text[n < 0 || n > LONGEST ? 0 : n] = 0;
	/* A descriptor of a symbolic link leads to that link, which the kernel shall not follow. */
	if (proc_translate(w->subject, p->path, p->text) < 0 || sys_stat(p->path, &st) < 0
	    || S_ISLNK(st.mode))
		return finish_magic(w);
	go(w, p->text);
	return finish(w, -1, 0);
}

/* Follows the link at place->path, to `rest`. A link of /proc leads to where a process is. */
static long follow_proc(struct walk *w, struct proc_link link, char *rest)
{
	struct place *p = w->place;

	if (!link.owner)
		return -EACCES; /* the host's tree, most likely */
	if (w->how & LOCATE_NO_MAGIC)
		return -ELOOP;
	if (w->how & LOCATE_BENEATH)
		return -EXDEV;
	w->next = rest;
	if (link.kind == PROC_ROOT) {
		go(w, link.owner->chroot);
	} else if (link.kind == PROC_EXE) {
		if (*link.owner->exe != '/')
			return -ENOENT;
		/* Something else may be there now. */
		go(w, "");
		join(p->text, PATH_MAX, link.owner->exe + 1, NULL);
		return follow_text(w, rest, length(p->text));
	} else if (link.kind == PROC_OTHER) {
		return *rest ? -ENOTDIR : finish_magic(w);
	} else if (*rest) {
		return enter(w, p->path);
	} else {
		return follow_file(w);
	}
	return *rest ? GO_ON : finish(w, -1, 0);
}

static long follow(struct walk *w, char *rest, long n)
{
	struct place *p = w->place;
	struct proc_link link = {PROC_NONE, NULL};

	if (w->dir < 0)
		link = proc_link(w->subject, p->path);
	p->container[w->where] = 0;
	if (w->how & LOCATE_NO_LINKS || ++w->links > MAX_LINKS)
		return -ELOOP;
	if (link.kind == PROC_SELF || link.kind == PROC_THREAD_SELF)
		n = (long)proc_self_text(w->subject, link.kind, p->text);
	else if (link.kind != PROC_NONE)
		return follow_proc(w, link, rest);
	return follow_text(w, rest, (size_t)n);
}

/* Takes the next name, in a directory that is held by its descriptor. */
static long step_below(struct walk *w)
{
	struct place *p = w->place;
	char *name = w->next, *rest;
	size_t n = name_length(name);
	int last;
	long got;

	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < n; i++)
		p->path[i] = name[i];
	p->path[n] = 0;
	rest = skip(name + n);
	last = !*rest;
	if (last && !(w->how & LOCATE_FOLLOW))
		got = -EINVAL;
	else
		got = sys_readlinkat(w->dir, p->path, p->text, PATH_MAX);
	if (got >= 0)
		return follow(w, rest, got);
	if (last) {
		join(p->path + n, PATH_MAX - n, looking(w), NULL);
		return finish(w, -1, got == -EINVAL ? 0 : got);
	}
	if (got != -EINVAL)
		return got;
	w->next = rest;
	got = sys_openat(w->dir, p->path, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
	return go_by_descriptor(w, got);
}

/* Takes the next name. */
static long step(struct walk *w)
{
	struct place *p = w->place;
	char *name = w->next, *rest;
	size_t n = name_length(name), end = w->where + 1 + n;
	int last;
	long got = be_sure(w);

	if (got < 0)
		return got;
	got = -EINVAL;
	rest = skip(name + n);
	last = !*rest;
	if (end < PATH_MAX) {
		p->container[w->where] = '/';
		for (size_t i = 0; i < n; i++)
			p->container[w->where + 1 + i] = name[i];
		p->container[end] = 0;
	}
	if (end >= PATH_MAX || to_host(w, "") < 0) { /* too deep */
		p->container[w->where] = 0;
		got = to_host(w, "");
		if (got >= 0)
			got = sys_open(p->path, O_PATH | O_NOFOLLOW | O_DIRECTORY);
		return go_by_descriptor(w, got);
	}
	if (view_at(w->view, p->container)->target_length != end
	    && (last ? (w->how & LOCATE_FOLLOW) != 0 : !view_has_below(w->view, p->container)))
		got = sys_readlinkat(AT_FDCWD, p->path, p->text, PATH_MAX);
	if (got == -ENAMETOOLONG && proc_link(w->subject, p->path).kind != PROC_NONE)
		got = 0; /* to a place that is too deep to be told: it is followed all the same */
	if (got >= 0)
		return follow(w, rest, got);
	if (got != -EINVAL && !last && !(w->how & LENIENT && got == -ENOENT))
		return got;
	w->where = end;
	w->next = rest;
	w->is_directory = 0;
	return last ? finish(w, -1, got == -EINVAL ? 0 : got) : GO_ON;
}

/* Opens place->path unless a link is in it: -ELOOP. */
static long probe(struct walk *w, int flags)
{
	const struct bind *bind = view_at(w->view, w->place->container);
	struct open_how how = {
		.flags = (uint64_t)(O_PATH | O_CLOEXEC | flags),
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	const char *path = w->place->path;
	long fd;

	if (w->view->root >= 0 && !bind->target_length) {
		path += bind->source_length;
		while (*path == '/')
			path++;
		fd = sys_openat2(w->view->root, *path ? path : ".", &how);
	} else {
		fd = sys_openat2(AT_FDCWD, path, &how);
	}
	if (fd == -ENOSYS || fd == -EPERM) { /* the latter from a container's seccomp filter */
		w->view->openat2 = 0;
		return -ELOOP;
	}
	return fd;
}

/* Takes the next names, as many as go. */
static long run(struct walk *w)
{
	struct place *p = w->place;
	char *at = w->next;
	size_t end = w->where;
	int last, follows, names = 0;
	long fd;

	while (*at && !is_parent(at)) {
		size_t n = name_length(at);

		if (end + 1 + n >= PATH_MAX)
			return step(w);
		p->container[end++] = '/';
		for (size_t i = 0; i < n; i++)
			p->container[end++] = at[i];
		at = skip(at + n);
		names++;
	}
	p->container[end] = 0;
	last = !*at;
	follows = !last || w->how & LOCATE_FOLLOW;
	if (to_host(w, last ? looking(w) : "/.") < 0)
		return step(w);
	if (!follows && names == 1 && !(w->how & LOCATE_OPEN)) {
		fd = be_sure(w);
		if (fd < 0)
			return fd;
		p->container[w->where] = '/';
		w->where = end;
		return finish(w, -1, 0);
	}
	fd = probe(w, follows ? 0 : O_NOFOLLOW);
	if (fd == -ELOOP) {
		w->singly = 1;
		return step(w);
	}
	w->doubtful = 0; /* no link is in what came before either */
	if (last) {
		w->where = end;
		return finish(w, fd, fd < 0 ? fd : 0);
	}
	if (fd >= 0)
		sys_close((int)fd);
	else if (fd != -ENOENT || !(w->how & LENIENT || view_has_below(w->view, p->container)))
		return fd;
	w->where = end;
	w->next = at;
	w->is_directory = 1;
	return GO_ON;
}

/* Takes "..", in a directory that is held by its descriptor. */
static long parent_below(struct walk *w)
{
	char link[FD_PATH_SIZE];
	long error;

	if (w->confined)
		return w->how & LOCATE_BENEATH ? -EXDEV : -EACCES;
	error = go_by_descriptor(w, sys_openat(w->dir, "..", O_PATH | O_DIRECTORY, 0));
	return error < 0 ? error : enter(w, fd_path(link, w->dir));
}

/* Takes "..". */
static long parent(struct walk *w)
{
	struct place *p = w->place;
	struct stat st;
	long error;

	w->next += 2;
	if (w->dir >= 0)
		return parent_below(w);
	error = be_sure(w);
	if (error < 0)
		return error;
	if (!w->is_directory && !(w->how & LENIENT)) {
		error = to_host(w, "/.");
		if (error >= 0)
			error = sys_stat(p->path, &st);
		if (error < 0 && !(error == -ENOENT && view_has_below(w->view, p->container)))
			return error;
	}
	w->is_directory = 1;
	if (w->how & LOCATE_BENEATH && w->where <= w->start)
		return -EXDEV;
	if (w->where && !equal(p->container, w->subject->chroot))
		while (p->container[--w->where] != '/')
			;
	p->container[w->where] = 0;
	return GO_ON;
}

static long walk(struct walk *w)
{
	long error;

	do {
		w->next = skip(w->next);
		if (w->dir < 0)
			w->place->container[w->where] = 0;
		if (!*w->next) {
			w->place->path[0] = '.';
			w->place->path[1] = 0;
			error = finish(w, -1, 0);
		} else if (is_parent(w->next)) {
			error = parent(w);
		} else if (w->dir >= 0) {
			error = step_below(w);
		} else if (w->singly || !w->view->openat2) {
			error = step(w);
		} else {
			error = run(w);
		}
	} while (error == GO_ON);
	if (w->dir >= 0)
		sys_close(w->dir);
	return error;
}

/* The link of /proc to the subject's working directory or descriptor. */
static void directory_link(const struct subject *subject, int dirfd, char out[LINK_SIZE])
{
	char digits[DECIMAL_SIZE];

	if (dirfd == AT_FDCWD)
		join(out, LINK_SIZE, subject->proc, "/cwd", NULL);
	else
		join(out, LINK_SIZE, subject->proc, "/fd/", decimal(digits, (uint64_t)dirfd), NULL);
}

long locate(const struct subject *subject, int dirfd, const char *path, int how,
            struct place *place)
{
	struct walk w = {
		.subject = subject,
		.view = subject->container->view,
		.place = place,
		.suffix = "",
		.how = how,
		.dir = -1,
	};
	size_t n = length(path);
	char link[LINK_SIZE];
	long error;

	place->directory = AT_FDCWD;
	place->fd = -1;
	place->error = 0;
	place->mount = place->magic = 0;
	place->container[0] = 0;
	if (n == 0 || n >= PATH_MAX)
		return n ? -ENAMETOOLONG : -ENOENT;
	w.next = place->rest + sizeof place->rest - 1 - n;
	join(w.next, n + 1, path, NULL);
	if (*path == '/') {
		if (how & LOCATE_BENEATH)
			return -EXDEV;
		go(&w, subject->chroot);
		w.is_directory = 1;
	} else {
		if (dirfd < 0 && dirfd != AT_FDCWD)
			return -EBADF;
		directory_link(subject, dirfd, link);
		error = enter(&w, link);
		if (error < 0)
			return error == -ENOENT && dirfd != AT_FDCWD ? -EBADF : error;
		if (dirfd == AT_FDCWD) {
			w.doubtful = 0;
			w.is_directory = 1;
		}
		w.start = w.where;
		if (how & LOCATE_BENEATH)
			w.confined = 1; /* where it counts: by descriptor */
	}
	look_at_end(&w, 1);
	return walk(&w);
}

void place_close(struct place *place)
{
	if (place->fd >= 0)
		sys_close(place->fd);
	if (place->directory != AT_FDCWD)
		sys_close(place->directory);
	place->fd = -1;
	place->directory = AT_FDCWD;
}

/* Takes the chroot off a container path: 0, or -ENOENT when it is not below. */
static long strip(const struct subject *subject, char path[PATH_MAX])
{
	size_t n = length(subject->chroot), i = 0;

	while (i < n && path[i] == subject->chroot[i])
		i++;
	if (i < n || (path[n] && path[n] != '/'))
		return -ENOENT;
	if (n) {
		for (i = 0; path[n + i]; i++)
			path[i] = path[n + i];
		path[i] = 0;
	}
	if (!*path)
		join(path, PATH_MAX, "/", NULL);
	return 0;
}

long locate_directory(const struct subject *subject, int dirfd, char out[PATH_MAX])
{
	char link[LINK_SIZE];
	struct stat st;
	long n;

	if (dirfd < 0 && dirfd != AT_FDCWD)
		return -EBADF;
	directory_link(subject, dirfd, link);
	n = sys_readlinkat(AT_FDCWD, link, out, PATH_MAX);
	if (n < 0)
		return n == -ENOENT && dirfd != AT_FDCWD ? -EBADF : n;
	if (n == PATH_MAX)
		return -ENAMETOOLONG;
	out[n] = 0;
	if (dirfd != AT_FDCWD) {
		n = sys_stat(link, &st);
		if (n < 0)
			return n;
		if (!S_ISDIR(st.mode))
			return -ENOTDIR;
	}
	n = proc_translate(subject, link, out);
	if (n < 0)
		return n == -EXDEV ? -ENOENT : n;
	return strip(subject, out);
}

long read_link(const struct subject *subject, struct place *place, char *out, size_t size)
{
	struct proc_link link = {PROC_NONE, NULL};
	char *text = place->text;
	long n;

	if (place->magic) /* it stands for a file */
		return -EINVAL;
	if (place->directory == AT_FDCWD)
		link = proc_link(subject, place->path);
	if (link.kind == PROC_NONE || link.kind == PROC_OTHER)
		return sys_readlinkat(place->directory, place->path, out, size);
	n = sys_readlinkat(AT_FDCWD, place->path, text, PATH_MAX - 1);
	if (n < 0)
		return n;
	text[n] = 0;
	if (link.kind == PROC_SELF || link.kind == PROC_THREAD_SELF) {
		proc_self_text(subject, link.kind, text);
	} else if (link.owner) {
		if (link.kind == PROC_ROOT)
			n = join(text, PATH_MAX, *link.owner->chroot ? link.owner->chroot : "/", NULL);
		else if (link.kind == PROC_EXE)
			n = join(text, PATH_MAX, link.owner->exe, NULL);
		else
			n = proc_translate(subject, place->path, text);
		if (n == 0 || n == -ENOENT)
			strip(subject, text); /* what lies outside is shown as it is */
	}
	n = (long)length(text);
	if ((size_t)n > size)
		n = (long)size;
	for (long i = 0; i < n; i++)
		out[i] = text[i];
	return n;
}

long view_canonical(struct view *view, const char *path, char out[PATH_MAX])
{
	struct container container = {.view = view};
	struct subject nobody = {.container = &container, .chroot = "", .exe = ""};
	struct place place;
	long error;

	if (*path != '/')
		return -EINVAL;
	error = locate(&nobody, AT_FDCWD, path, LOCATE_FOLLOW | LENIENT, &place);
	if (error < 0)
		return error;
	error = place.directory == AT_FDCWD && *place.container
	                ? join(out, PATH_MAX, place.container, NULL)
	                : -EINVAL;
	place_close(&place);
	return error;
}
