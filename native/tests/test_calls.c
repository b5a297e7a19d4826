/* What the handlers of calls_open.c, calls_names.c, calls_socket.c and calls_proc.c decide, where a
 * program in a container cannot see it, or only on another file system. */
#include "call.h"
#include "check.h"
#include "ids.h"
#include "owners.h"
#include "ports.h"
#include "view.h"

enum { TEXT = 512, AF_INET = 2, SOCK_STREAM = 1, SOCK_DGRAM = 2 };

static struct view view;
static struct ports ports;
static struct container container = {.view = &view, .fake_ids = 1};
static struct ids ids;
static struct subject self = {
	.container = &container, .proc = "/proc/self", .ids = &ids, .chroot = "", .exe = "/program",
	.mask = 022
};
static struct scratch scratch;
static struct call call = {.subject = &self, .scratch = &scratch};
static char base[TEXT], root[TEXT];

static enum verdict make(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	const uint64_t args[] = {a, b, c, d, e, 0};

	call.number = number;
	for (int i = 0; i < 6; i++)
		call.args[i] = (long)args[i];
	return handle(&call);
}
#define MAKE(name, a, b, c, d, e)                                                              \
	make(NR_##name, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e))

static int answers(enum verdict verdict, long value)
{
	return verdict == ANSWER && call.value == value;
}

static const char *at_base(const char *path)
{
	static char paths[4][TEXT];
	static int next;
	char *full = paths[next++ % 4];

	join(full, TEXT, base, path, NULL);
	return full;
}

/* The first descriptor that is free: to see that none is left open. */
static long free_descriptor(void)
{
	long fd = sys_open("/", O_PATH);

	sys_close((int)fd);
	return fd;
}

static uint32_t mode_of(const char *path)
{
	struct stat st;

	return sys_stat(path, &st) == 0 ? st.mode & 07777 : 0;
}

static void put_file(const char *path, const char *text)
{
	long fd = sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	sys_write((int)fd, text, length(text));
	sys_close((int)fd);
}

static int holds(int fd, const char *text)
{
	char buffer[TEXT] = "";

	sys_read(fd, buffer, sizeof buffer - 1);
	sys_close(fd);
	return equal(buffer, text);
}

/* Lets us be the program that makes the call, at the path that has been put in. */
static long open_replaced(int argument)
{
	long fd = -1;

	if (call.count && call.replaced[0].argument == argument)
		fd = sys_openat(AT_FDCWD, call.replaced[0].data, (int)call.args[argument + 1],
		                0644);
	return call.after ? call.after(&call, fd) : fd;
}

static void opening(void)
{
	long first = free_descriptor();
	struct stat st;

	put_file(at_base("/root/file"), "content");
	call.may_give = 1;
	check(MAKE(openat, AT_FDCWD, "/file", O_RDONLY | O_CLOEXEC, 0, 0) == GIVE &&
	      call.close_on_exec && holds((int)call.value, "content"), "a file is given");
	check(MAKE(openat, AT_FDCWD, "/made", O_CREAT | O_WRONLY, 0666, 0) == GIVE &&
	      mode_of(at_base("/root/made")) == 0644, "one is made, under the subject's umask");
	sys_close((int)call.value);
	check(answers(MAKE(openat, AT_FDCWD, "/made", O_CREAT | O_EXCL, 0666, 0), -EEXIST),
	      "there is one already");

	/* What may block is opened by the program; at first the back end is only told so. */
	CALL(mknodat, AT_FDCWD, at_base("/root/fifo"), S_IFIFO | 0600, 0, 0);
	check(MAKE(openat, AT_FDCWD, "/fifo", O_RDONLY, 0, 0) == RUN && (call.count || call.after),
	      "a FIFO is for the program");
	if (call.after)
		call.after(&call, -EINTR);
	check(free_descriptor() == first, "nothing is open that was not given");

	call.may_give = 0;
	check(MAKE(openat, AT_FDCWD, "/file", O_RDONLY, 0, 0) == RUN && call.count == 1,
	      "the path is replaced");
	/* What becomes a link meanwhile does not lead out. */
	put_file(at_base("/outside"), "other");
	CALL(unlinkat, AT_FDCWD, at_base("/root/file"), 0, 0, 0);
	CALL(symlinkat, at_base("/outside"), AT_FDCWD, at_base("/root/file"), 0, 0);
	check(holds((int)open_replaced(1), "content"), "what was found is opened");
	CALL(unlinkat, AT_FDCWD, at_base("/root/file"), 0, 0, 0);
	put_file(at_base("/root/file"), "content");
	check(MAKE(openat, AT_FDCWD, "/absent", O_CREAT | O_RDWR, 0666, 0) == RUN &&
	      sys_stat(at_base("/root/absent"), &st) == -ENOENT, "nothing is made before it runs");
	CALL(symlinkat, at_base("/outside"), AT_FDCWD, at_base("/root/absent"), 0, 0);
	check(open_replaced(1) == -ELOOP, "what was not there is no link");
#ifdef __x86_64__
	check(MAKE(creat, "/old", 0600, 0, 0, 0) == RUN && call.number == NR_open &&
	      call.args[2] == 0600 && holds((int)open_replaced(0), ""), "by the old call");
#endif
	check(free_descriptor() == first, "no descriptor is left open");
}

/* Root's files that have no permission bits: also for an engine without notifications. */
static void permitting(void)
{
	long first = free_descriptor();

	CALL(mkdirat, AT_FDCWD, at_base("/root/closed"), 0700, 0, 0);
	put_file(at_base("/root/closed/secret"), "content");
	CALL(fchmodat, AT_FDCWD, at_base("/root/closed/secret"), 0, 0, 0);
	CALL(fchmodat, AT_FDCWD, at_base("/root/closed"), 0, 0, 0);
	for (int give = 0; give < 2; give++) {
		call.may_give = (unsigned char)give;
		if (MAKE(openat, AT_FDCWD, "/closed/secret", O_RDWR, 0, 0) == GIVE)
			check(holds((int)call.value, "content"), "root reads it");
		else
			check(holds((int)open_replaced(1), "content"), "root's program reads it");
		if (MAKE(openat, AT_FDCWD, "/closed/new", O_CREAT | O_RDWR, 0600, 0) == RUN)
			call.value = open_replaced(1);
		check(call.value >= 0, "root makes a file");
		sys_close((int)call.value);
		check(mode_of(at_base("/root/closed")) == 0, "the directory's mode is back");
	}
	check(answers(MAKE(unlinkat, AT_FDCWD, "/closed/new", 0, 0, 0), 0), "root removes");
	ids_start(&ids, 5, 5);
	if (container.host_uid) /* the kernel asks nobody but its own root */
		check(answers(MAKE(unlinkat, AT_FDCWD, "/closed/secret", 0, 0, 0), -EACCES),
		      "others do not");
	ids_start(&ids, 0, 0);
	check(answers(MAKE(unlinkat, AT_FDCWD, "/closed/secret", 0, 0, 0), 0), "root does");
	check(mode_of(at_base("/root/closed")) == 0, "the mode is as it was");
	check(free_descriptor() == first, "no descriptor is left open");
}

/* A filter that refuses link(2), as Android's and some network file systems do. */
static void refuse_links(void)
{
	struct {
		uint16_t code;
		uint8_t yes, no;
		uint32_t value;
	} program[] = {
		{0x20, 0, 0, 0}, {0x15, 0, 1, NR_linkat}, {0x06, 0, 0, 0x50000 | EPERM},
		{0x06, 0, 0, 0x7fff0000},
	};
	struct {
		uint16_t count;
		void *program;
	} filter = {sizeof program / sizeof *program, program};

	sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
	check(sys_prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (unsigned long)&filter) == 0,
	      "a filter");
}

static void linking(void)
{
	struct stat st, copy;

	put_file(at_base("/root/original"), "content");
	CALL(fchmodat, AT_FDCWD, at_base("/root/original"), 04751, 0, 0);
	check(answers(MAKE(fchownat, AT_FDCWD, "/original", 12, 34, 0), 0), "an owner");
	check(answers(MAKE(linkat, AT_FDCWD, "/original", AT_FDCWD, "/name", 0), -EPERM),
	      "without --link2symlink it is as the file system says");
	container.links = 1;
	check(answers(MAKE(linkat, AT_FDCWD, "/original", AT_FDCWD, "/name", 0), 0), "a link");
	check(answers(MAKE(linkat, AT_FDCWD, "/original", AT_FDCWD, "/name", 0), -EEXIST),
	      "the name is taken");
	check(answers(MAKE(newfstatat, AT_FDCWD, "/name", &copy, 0, 0), 0) && copy.uid == 12 &&
	      copy.gid == 34, "its owner");
	sys_stat(at_base("/root/original"), &st);
	check(copy.mode == st.mode, "its mode");
	check(answers(MAKE(unlinkat, AT_FDCWD, "/original", 0, 0, 0), 0) &&
	      holds((int)sys_open(at_base("/root/name"), O_RDONLY), "content"),
	      "the content outlives the first name");
	check(answers(MAKE(linkat, AT_FDCWD, "/closed", AT_FDCWD, "/other", 0), -EPERM),
	      "a directory is not linked");
	container.links = 0;
}

struct unix_address {
	uint16_t family;
	char path[108];
};

static uint32_t name_it(struct unix_address *address, const char *path)
{
	*address = (struct unix_address){.family = AF_UNIX};
	join(address->path, sizeof address->path, path, NULL);
	return 2 + (uint32_t)length(path) + 1;
}

/* A container path that fits in an address, though the host's does not. */
static void long_names(void)
{
	char path[108] = "/", directory[TEXT];
	struct unix_address address, seen;
	uint32_t size, room = sizeof seen;
	size_t n = 1;
	long server, client;

	while (n < 90)
		path[n++] = 'd';
	join(directory, sizeof directory, root, path, NULL);
	CALL(mkdirat, AT_FDCWD, directory, 0755, 0, 0);
	join(path + n, sizeof path - n, "/socket", NULL);
	server = CALL(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
	client = CALL(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
	size = name_it(&address, path);
	check(answers(MAKE(bind, server, &address, size, 0, 0), 0), "a long name");
	CALL(listen, server, 1, 0, 0, 0);
	check(answers(MAKE(getsockname, server, &seen, &room, 0, 0), 0) && room == size &&
	      equal(seen.path, path), "it reads as it was given");
	check(MAKE(connect, client, &address, size, 0, 0) == RUN && call.count == 1,
	      "the program connects itself");
	check(CALL(connect, client, call.replaced[0].data, call.args[2], 0, 0) == 0,
	      "it finds the socket");
	sys_close((int)client);
	sys_close((int)server);
}

struct internet_address {
	uint16_t family;
	unsigned char port[2], ip[4], rest[8];
};

static uint16_t port_of(const void *address)
{
	const struct internet_address *internet = address;

	return (uint16_t)(internet->port[0] << 8 | internet->port[1]);
}

static void published_ports(void)
{
	struct internet_address address = {AF_INET, {0, 80}, {0, 0, 0, 0}, {0}}, elsewhere = {
		AF_INET, {0, 80}, {192, 0, 2, 1}, {0}};
	uint32_t size = sizeof address;
	long server = CALL(socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0);
	uint16_t port;

	check(MAKE(bind, server, &address, size, 0, 0) == RUN && !call.count,
	      "no ports: nothing is done");
	container.ports = &ports;
	/* Whatever port is free is "published". */
	address.port[1] = 0;
	CALL(bind, server, &address, size, 0, 0);
	CALL(getsockname, server, &address, &size, 0, 0);
	port = port_of(&address);
	ports_add(&ports, 80, port);
	check(answers(MAKE(getsockname, server, &address, &size, 0, 0), 0) &&
	      port_of(&address) == 80, "it reads as the container's");
	check(MAKE(bind, server, &address, size, 0, 0) == RUN && call.count == 1 &&
	      port_of(call.replaced[0].data) == port, "the host's is bound");
	check(MAKE(connect, server, &address, size, 0, 0) == RUN && call.count == 1 &&
	      port_of(call.replaced[0].data) == port, "at home it is the host's too");
	check(MAKE(connect, server, &elsewhere, size, 0, 0) == RUN && !call.count,
	      "another machine's port is its own");
	container.ports = NULL;
	sys_close((int)server);
}

/* Names of many messages, of which only some are to be changed, and not all at once. */
static void many_messages(void)
{
	static struct {
		const void *name;
		uint64_t name_size, parts, part_count, control, control_size, flags, sent;
	} messages[20];
	struct internet_address internet = {AF_INET, {0, 80}, {127, 0, 0, 1}, {0}};
	struct unix_address address;
	uint32_t size = name_it(&address, "/name"); /* no socket, but it is there */
	const struct replacement *with = &call.replaced[0];

	for (int i = 0; i < 20; i++) {
		messages[i].name = &internet;
		messages[i].name_size = sizeof internet;
	}
	check(MAKE(sendmmsg, 3, messages, 20, 0, 0) == RUN && !call.count && call.args[2] == 20,
	      "nothing to be done");
	messages[9].name = &address;
	messages[9].name_size = size;
	check(MAKE(sendmmsg, 3, messages, 20, 0, 0) == RUN && !call.count && call.args[2] == 9,
	      "those before it");
	check(MAKE(sendmmsg, 3, messages + 7, 13, 0, 0) == RUN && call.count == 1 &&
	      call.args[2] == 7 && with->inner == (uint64_t)1 << 16, "then those with it");
	check(equal((const char *)with->data + ((const uint64_t *)with->data)[16] + 2,
	            at_base("/root/name")), "its name is the host's");
	check(messages[9].name == &address, "the program's own is as it was");
	messages[9].name = (void *)8;
	messages[9].name_size = sizeof messages; /* too large: the kernel says so */
	check(MAKE(sendmmsg, 3, messages, 20, 0, 0) == RUN && !call.count && call.args[2] == 20,
	      "a bad address is the kernel's business");
}

static const char *find(const char *text, const char *what)
{
	for (; *text; text++) {
		size_t n = 0;

		while (what[n] && text[n] == what[n])
			n++;
		if (!what[n])
			return text;
	}
	return NULL;
}

static const char *read_proc(const char *path)
{
	static char text[1 << 16];
	size_t n = 0;
	long got = 0;

	call.may_give = 1;
	if (!check(MAKE(openat, AT_FDCWD, path, O_RDONLY, 0, 0) == GIVE, path))
		return "";
	while (n + 1 < sizeof text &&
	       (got = sys_read((int)call.value, text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	sys_close((int)call.value);
	return text;
}

static void proc_files(void)
{
	long fd = sys_open(at_base("/root/file"), O_RDONLY);
	const char *text;

	syscall6(NR_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	sys_close((int)fd);
	text = read_proc("/proc/self/maps");
	check(find(text, " /file\n") && !find(text, root), "paths are the container's");
	check(find(text, "[stack]") && !find(text, "00400000-"), "our own image is not there");
	text = read_proc("/proc/self/smaps");
	check(find(text, " /file\nSize:") && !find(text, root), "so in smaps");
	check(!find(text, "\n00400000-") && text[0] != '0', "with all that belongs to it");
	ids_setresuid(&ids, 11, 12, 13);
	text = read_proc("/proc/self/status");
	check(find(text, "\nUid:\t11\t12\t13\t12\n") && find(text, "\nGid:\t0\t0\t0\t0\n") &&
	      find(text, "\nThreads:\t1\n"), "who it believes to be");
	ids_start(&ids, 0, 0);
	container.release = "1.2.3";
	check(equal(read_proc("/proc/sys/kernel/osrelease"), "1.2.3\n"), "the release");
	container.release = NULL;
}

int main(int argc, char **argv)
{
	if (argc < 2 || CALL(chdir, argv[1], 0, 0, 0, 0) < 0)
		return check_skipped("no directory was given");
	CALL(getcwd, base, sizeof base, 0, 0, 0);
	join(root, sizeof root, base, "/root", NULL);
	CALL(mkdirat, AT_FDCWD, root, 0755, 0, 0);
	view_bind(&view, root, "", 1);
	view_bind(&view, "/proc", "/proc", 1);
	container.owners = owners_new();
	container.host_uid = (uint32_t)CALL(getuid, 0, 0, 0, 0, 0);
	container.host_gid = (uint32_t)CALL(getgid, 0, 0, 0, 0, 0);
	self.pid = self.tid = (int)CALL(getpid, 0, 0, 0, 0, 0);
	ids_start(&ids, 0, 0);
	opening();
	permitting();
	refuse_links();
	linking();
	long_names();
	published_ports();
	many_messages();
	proc_files();
	return check_report();
}
