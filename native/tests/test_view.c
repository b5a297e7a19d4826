/* view.c: which bind counts, both ways. */
#include "check.h"
#include "view.h"

static struct view view;

static int host_is(const char *path, const char *expected)
{
	char out[PATH_MAX];

	return view_to_host(&view, path, out) == 0 && equal(out, expected);
}

static int container_is(const char *path, const char *expected)
{
	char out[PATH_MAX], place[PATH_MAX];

	join(place, sizeof place, path, NULL);
	return view_to_container(&view, path, out) == 0 && equal(out, expected)
	       && view_to_container(&view, place, place) == 0 && equal(place, expected);
}

static int outside(const char *path)
{
	char out[PATH_MAX];

	return view_to_container(&view, path, out) == -ENOENT && equal(out, path);
}

static void there(void)
{
	check(host_is("/", "/r") && host_is("", "/r") && host_is("/etc", "/r/etc"), "the root");
	check(host_is("/proc", "/proc") && host_is("/proc/1", "/proc/1"), "a bind");
	check(host_is("/procfs", "/r/procfs"), "not every prefix is a parent");
	check(host_is("/home", "/data/home") && host_is("/home/a", "/data/a/x"), "nested");
	check(host_is("/home/ab", "/data/home/ab") && host_is("/home/a/b", "/data/a/x/b"), "nested 2");
	check(host_is("/host/etc", "/etc") && host_is("/host", "/"), "all of the host");
	check(host_is("/etc/passwd", "/tmp/passwd"), "a file");
	check(view_is_target(&view, "/home/a") && view_is_target(&view, "/"), "targets");
	check(!view_is_target(&view, "/home/b") && !view_is_target(&view, "/hom"), "no targets");
	check(view_has_below(&view, "/") && view_has_below(&view, "/home"), "above a target");
	check(!view_has_below(&view, "/home/a") && !view_has_below(&view, "/hom"), "not above one");
}

static void back(void)
{
	check(container_is("/r", "/") && container_is("/r/etc/x", "/etc/x"), "the root");
	check(container_is("/proc/1", "/proc/1"), "a bind");
	check(container_is("/data/a/x", "/home/a") && container_is("/data/a/x/1", "/home/a/1"), "deep");
	check(container_is("/data/home/b", "/home/b"), "a bind again");
	check(container_is("/tmp/passwd", "/etc/passwd"), "a file");
	check(container_is("/data/home/a/1", "/host/data/home/a/1"), "hidden, but seen elsewhere");
	check(container_is("/r/home", "/host/r/home"), "hidden in the root");
	check(container_is("/tmp/passwd/x", "/host/tmp/passwd/x"), "nothing is below a file");
	check(container_is("/", "/host"), "the host's root");
}

int main(int argc, char **argv)
{
	static char name[2 * PATH_MAX], out[PATH_MAX];
	struct bind *bind;

	(void)argc, (void)argv;
	view_bind(&view, "/r", "", 1);
	check(view.root == -1 && view.openat2, "start");
	check(outside("/") && outside("/root") && container_is("/r", "/"), "only the root");
	view_bind(&view, "/wrong", "/home", 1);
	view_bind(&view, "/data/home", "/home", 1);
	view_bind(&view, "/data/a/x", "/home/a", 1);
	view_bind(&view, "/proc", "/proc", 1);
	view_bind(&view, "/tmp/passwd", "/etc/passwd", 0);
	check(outside("/wrong") && outside("/tmp/passwd/x") && outside("/data/home/a"), "outside");
	bind = view_bind(&view, "/", "/host", 1);
	check(bind && equal(bind->target, "/host") && !bind->magic && view.count == 6, "what is bound");
	there();
	back();

	for (unsigned i = 0; i < sizeof name - 1; i++)
		name[i] = i % 2 ? 'x' : '/';
	check(!view_bind(&view, name, "/x", 1) && !view_bind(&view, "/x", name, 1), "too long");
	name[PATH_MAX - 1] = 0;
	check(view_to_host(&view, name, out) == -ENAMETOOLONG, "no host path");
	while (view.count < VIEW_BINDS)
		if (!check(view_bind(&view, "/x", name + PATH_MAX - 1 - 2 * view.count, 1), "one more"))
			break;
	check(!view_bind(&view, "/x", "/more", 1), "too many");
	return check_report();
}
