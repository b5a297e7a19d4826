#include "view.h"

#include "text.h"

/* Whether `path`, of which `head` is the first part and `tail` the rest, is `top` or below it. */
static int below(const char *top, size_t length, const char *head, const char *tail)
{
	for (size_t i = 0; i < length; i++) {
		if (!*head) {
			head = tail;
			tail = "";
		}
		if (*head++ != top[i])
			return 0;
	}
	if (!*head)
		head = tail;
	return !*head || *head == '/';
}

/* The bind that the path made of `head` and `tail` lies in. */
static const struct bind *at(const struct view *view, const char *head, const char *tail)
{
	const struct bind *bind = view->binds;

	while (bind->target_length && !below(bind->target, bind->target_length, head, tail))
		bind++;
	return bind;
}

const struct bind *view_at(const struct view *view, const char *path)
{
	return at(view, path, "");
}

static const char *unless_slash(const char *path)
{
	return equal(path, "/") ? "" : path;
}

struct bind *view_bind(struct view *view, const char *source, const char *target, int directory)
{
	size_t source_length, target_length;
	struct bind *bind = view->binds;
	unsigned i = 0, place;

	source = unless_slash(source);
	target = unless_slash(target);
	source_length = length(source);
	target_length = length(target);
	if (source_length >= PATH_MAX || target_length >= PATH_MAX || view->count == VIEW_BINDS)
		return NULL;
	if (!view->count) {
		view->root = -1;
		view->openat2 = 1;
	}
	/* Out with the one that it replaces. */
	while (i < view->count && !equal(bind[i].target, target))
		i++;
	if (i < view->count) {
		for (view->count--; i < view->count; i++)
			bind[i] = bind[i + 1];
	}
	for (place = 0; place < view->count && bind[place].target_length >= target_length;)
		place++;
	for (i = view->count++; i > place; i--)
		bind[i] = bind[i - 1];
	bind[place] = (struct bind){
		.target = target,
		.source = source,
		.target_length = (unsigned short)target_length,
		.source_length = (unsigned short)source_length,
		.directory = !!directory,
	};
	for (unsigned n = 0; n < view->count; n++) {
		for (i = n; i && bind[view->by_source[i - 1]].source_length < bind[n].source_length; i--)
			view->by_source[i] = view->by_source[i - 1];
		view->by_source[i] = (unsigned short)n;
	}
	return &bind[place];
}

int view_is_target(const struct view *view, const char *path)
{
	path = unless_slash(path);
	return length(path) == view_at(view, path)->target_length;
}

long view_to_host(const struct view *view, const char *path, char out[PATH_MAX])
{
	const struct bind *bind;
	long error;

	path = unless_slash(path);
	bind = view_at(view, path);
	error = join(out, PATH_MAX, bind->source, path + bind->target_length, NULL);
	if (error >= 0 && !*out)
		join(out, PATH_MAX, "/", NULL);
	return error;
}

long view_to_container(const struct view *view, const char *path, char out[PATH_MAX])
{
	for (unsigned i = 0; i < view->count; i++) {
		const struct bind *bind = &view->binds[view->by_source[i]];
		const char *rest = path + bind->source_length;
		size_t n;

		if (!below(bind->source, bind->source_length, path, ""))
			continue;
		rest = unless_slash(rest);
		if ((*rest && !bind->directory) || at(view, bind->target, rest) != bind)
			continue;
		n = length(rest) + 1;
		if (bind->target_length + n > PATH_MAX)
			return -ENAMETOOLONG;
		/* `rest` may lie in `out`, before or behind its new place. */
		if (out + bind->target_length < rest)
			for (size_t k = 0; k < n; k++)
				out[bind->target_length + k] = rest[k];
		else
			for (size_t k = n; k--;)
				out[bind->target_length + k] = rest[k];
		for (size_t k = 0; k < bind->target_length; k++)
			out[k] = bind->target[k];
		if (!*out)
			join(out, PATH_MAX, "/", NULL);
		return 0;
	}
	if (out != path && join(out, PATH_MAX, path, NULL) < 0)
		return -ENAMETOOLONG;
	return -ENOENT;
}

int view_has_below(const struct view *view, const char *path)
{
	size_t n = length(unless_slash(path));

	/* Those with shorter targets come last. */
	for (const struct bind *bind = view->binds; bind->target_length > n; bind++)
		if (bind->target[n] == '/' && below(path, n, bind->target, ""))
			return 1;
	return 0;
}
