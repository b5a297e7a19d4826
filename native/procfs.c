#include "procfs.h"

#include "kernel.h"
#include "text.h"
#include "view.h"

static const char removed[] = " (deleted)";

static int is_name(const char *path)
{
	while (*path && *path != '/')
		path++;
	return !*path;
}

static enum proc_kind kind_of(const char *path)
{
	const char *name;

	if (equal(path, "root"))
		return PROC_ROOT;
	if (equal(path, "cwd"))
		return PROC_CWD;
	if (equal(path, "exe"))
		return PROC_EXE;
	if ((name = after_start(path, "fd/")) || (name = after_start(path, "map_files/")))
		return is_name(name) ? PROC_FD : PROC_NONE;
	name = after_start(path, "ns/");
	return name && is_name(name) ? PROC_OTHER : PROC_NONE;
}

struct proc_link proc_link(const struct subject *asking, const char *path)
{
	struct proc_link link = {PROC_NONE, NULL};
	const char *rest = after_start(path, "/proc/"), *task;
	int64_t pid;

	if (!rest)
		return link;
	if (equal(rest, "self") || equal(rest, "thread-self")) {
		link.kind = *rest == 's' ? PROC_SELF : PROC_THREAD_SELF;
		link.owner = asking;
		return link;
	}
	pid = number(rest, '/', 10);
	if (pid <= 0 || pid > INT32_MAX)
		return link;
	while (*rest++ != '/')
		;
	task = after_start(rest, "task/");
	if (task && number(task, '/', 10) > 0) {
		while (*task++ != '/')
			;
		rest = task;
	}
	link.kind = kind_of(rest);
	if (link.kind == PROC_NONE)
		return link;
	link.owner = pid == asking->pid || pid == asking->tid
	                     ? asking
	                     : subject_find(asking, (int)pid);
	return link;
}

size_t proc_self_text(const struct subject *asking, enum proc_kind kind,
                      char out[PROC_SELF_SIZE])
{
	char digits[DECIMAL_SIZE];

	join(out, PROC_SELF_SIZE, decimal(digits, (uint64_t)asking->pid),
	     kind == PROC_SELF ? NULL : "/task/", NULL);
	if (kind == PROC_THREAD_SELF) {
		size_t n = length(out);

		join(out + n, PROC_SELF_SIZE - n, decimal(digits, (uint64_t)asking->tid), NULL);
	}
	return length(out);
}

static int same_file(const char *a, const char *b)
{
	struct stat one, other;

	return sys_stat(a, &one) >= 0 && sys_stat(b, &other) >= 0 && one.dev == other.dev
	       && one.ino == other.ino;
}

long proc_translate(const struct subject *asking, const char *link, char text[PATH_MAX])
{
	const struct view *view = asking->container->view;
	size_t n = length(text), mark = sizeof removed - 1;
	long error;

	if (*text != '/')
		return *text == '(' ? -EXDEV : -ENOTDIR; /* "(unreachable)": in a detached mount */
	if (n > mark && equal(text + n - mark, removed) && !same_file(link, text)) {
		text[n - mark] = 0;
		error = view_to_container(view, text, text);
		n = length(text);
		if (join(text + n, PATH_MAX - n, removed, NULL) < 0)
			return -ENAMETOOLONG;
		return error < 0 ? -EXDEV : -ENOENT;
	}
	error = view_to_container(view, text, text);
	return error == -ENOENT ? -EXDEV : error;
}
