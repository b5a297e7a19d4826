/* Calls on sockets: the paths of AF_UNIX (unix(7)), the ports that are published, and who is at
 * the other end. For all other sockets a look at the address is all that it costs. */
#include "calls.h"

#include "ids.h"
#include "kernel.h"
#include "ports.h"
#include "view.h"

enum {
	AF_INET = 2, AF_INET6 = 10,
	SUN_PATH = 108, PATH_AT = 2, /* in struct sockaddr_un */
	SOL_SOCKET = 1, SO_DOMAIN = 39,
	SCM_CREDENTIALS = 2,
	SHORTCUTS = 64,
	MESSAGES = 1024, /* UIO_MAXIOV */
	/* With names or credentials: it is as many words as struct replacement can tell of. */
	MESSAGES_AT_ONCE = 7
};

struct address { /* sockaddr_storage */
	uint16_t family;
	unsigned char bytes[126]; /* AF_UNIX: the path; else the port comes first */
};

struct message { /* msghdr */
	uint64_t name;
	uint32_t name_size, pad;
	uint64_t parts, part_count, control, control_size;
	uint32_t flags, pad2;
};

struct message_of_many { /* mmsghdr */
	struct message message;
	uint32_t sent, pad;
};

struct credentials { /* ucred */
	int pid;
	uint32_t uid, gid;
};

struct control { /* cmsghdr */
	uint64_t size;
	int level, type;
};

/* Which side an address names. */
enum side { HERE, THERE };

/* Directories whose host path is too long for an address: "/proc/PID/fd/N/NAME" with a descriptor
 * of ours leads there too, and it stays the socket's name as long as it lives. */
static struct shortcut {
	uint64_t dev, ino;
	int fd;
	unsigned char used;
} shortcuts[SHORTCUTS];
static unsigned next_shortcut;

static long shortcut_to(int directory, const char *path)
{
	struct shortcut *s;
	struct stat st;
	long fd = sys_openat(directory, path, O_PATH | O_DIRECTORY, 0), error;

	if (fd < 0)
		return fd;
	error = sys_fstat((int)fd, &st);
	if (error < 0) {
		sys_close((int)fd);
		return error;
	}
	for (s = shortcuts; s < shortcuts + SHORTCUTS; s++) {
		if (s->used && s->dev == st.dev && s->ino == st.ino) {
			sys_close((int)fd);
			return s->fd;
		}
	}
	/* The oldest has to go when there are too many: its sockets lose their names. */
	s = &shortcuts[next_shortcut++ % SHORTCUTS];
	if (s->used)
		sys_close(s->fd);
	*s = (struct shortcut){st.dev, st.ino, (int)fd, 1};
	return fd;
}

static void shortcut_prefix(char buffer[FD_NAME_SIZE])
{
	char digits[DECIMAL_SIZE];

	join(buffer, FD_NAME_SIZE, "/proc/",
	     decimal(digits, (uint64_t)CALL(getpid, 0, 0, 0, 0, 0)), "/fd/", NULL);
}

/* The descriptor of the shortcut that `path` begins with, and what follows it; -1: none. */
static int find_shortcut(const char *path, const char **rest)
{
	char prefix[FD_NAME_SIZE];
	const char *p, *number;
	int fd = 0;

	shortcut_prefix(prefix);
	p = number = after_start(path, prefix);
	if (!p)
		return -1;
	for (; *p >= '0' && *p <= '9' && fd < 1 << 24; p++)
		fd = fd * 10 + (*p - '0');
	if (p == number || *p != '/')
		return -1;
	*rest = p;
	for (struct shortcut *s = shortcuts; s < shortcuts + SHORTCUTS; s++)
		if (s->used && s->fd == fd)
			return fd;
	return -1;
}

/* Writes the host's name of `place` into `path`: 0 or -ENAMETOOLONG ... */
static long name_socket(const struct place *place, char buffer[PATH_MAX], char path[SUN_PATH])
{
	char prefix[FD_NAME_SIZE], digits[DECIMAL_SIZE];
	const char *name;
	size_t n;
	long fd;

	if (place->directory == AT_FDCWD && join(path, SUN_PATH, place->path, NULL) == 0)
		return 0;
	n = length(place->path);
	memcpy(buffer, place->path, n + 1);
	while (n > 0 && buffer[n - 1] != '/')
		n--;
	name = place->path + n;
	if (n > 0)
		buffer[n] = 0;
	fd = shortcut_to(place->directory, n ? buffer : ".");
	if (fd < 0)
		return fd;
	shortcut_prefix(prefix);
	return join(path, SUN_PATH, prefix, decimal(digits, (uint64_t)fd), "/", name, NULL);
}

/* Finds what a path in an address means. Programs may have a name of the host that came with a
 * message: it counts when the container has nothing there. */
static long find_socket(struct call *call, const char *path, int how)
{
	const struct subject *subject = call->subject;
	struct place *place = &call->scratch->place[0];
	char *inside = call->scratch->buffer[0];
	long result;

	if ((how & LOCATE_NAME) ||
	    view_to_container(subject->container->view, path, inside) < 0 || equal(inside, path))
		return locate(subject, AT_FDCWD, path, how, place);
	result = locate(subject, AT_FDCWD, path, how | LOCATE_OPEN, place);
	if (result == 0) {
		if (place->fd >= 0)
			return 0;
		place_close(place);
	}
	/* As with all container paths that we have made, the subject's root is left out. */
	path = after_start(inside, subject->chroot);
	return path && *path == '/' ? locate(subject, AT_FDCWD, path, how, place) : -ENOENT;
}

static int is_loopback(const struct address *address, uint32_t size)
{
	const unsigned char *ip = address->bytes + (address->family == AF_INET ? 2 : 6);
	unsigned zeros = 0;

	if (address->family == AF_INET)
		return size >= 8 && (ip[0] == 127 || (!ip[0] && !ip[1] && !ip[2] && !ip[3]));
	if (size < 24)
		return 0;
	while (zeros < 16 && !ip[zeros])
		zeros++;
	return zeros == 16 || (zeros == 15 && ip[15] == 1) ||
	       (zeros == 10 && ip[10] == 255 && ip[11] == 255 && ip[12] == 127);
}

static void change_port(const struct ports *ports, struct address *address, uint32_t size,
                        enum side side, uint16_t (*other)(const struct ports *, uint16_t))
{
	uint16_t port = (uint16_t)(address->bytes[0] << 8 | address->bytes[1]);

	if (!ports || size < 4 || (address->family != AF_INET && address->family != AF_INET6) ||
	    (side == THERE && !is_loopback(address, size)))
		return;
	port = other(ports, port);
	address->bytes[0] = (unsigned char)(port >> 8);
	address->bytes[1] = (unsigned char)port;
}

/* Whether `path` is right as it is: relative, and the kernel finds the very place with it. */
static int is_literal(const struct call *call, const char *path)
{
	const struct place *place = &call->scratch->place[0];
	char *directory = call->scratch->buffer[0], name[FD_NAME_SIZE];
	const char *rest;
	long n;

	if (*path == '/' || place->directory != AT_FDCWD || place->magic)
		return 0;
	n = sys_readlinkat(AT_FDCWD, descriptor_name(call->subject, AT_FDCWD, name), directory,
	                   PATH_MAX - 1);
	if (n < 0)
		return 0;
	directory[n] = 0;
	rest = after_start(place->path, directory);
	return rest && *rest == '/' && equal(rest + 1, path);
}

/* Reads an address and makes of it what the kernel has to see. Returns its new size, 0 if it is
 * right as it is, or a negative errno. `*found` says whether scratch->place[0] is the place of the
 * socket then, to be closed. */
static long to_host(struct call *call, uint64_t from, uint64_t size, enum side side,
                    struct address *address, int *found)
{
	const struct subject *subject = call->subject;
	struct place *place = &call->scratch->place[0];
	struct address was;
	const char *rest;
	char path[SUN_PATH + 1];
	long result;

	*found = 0;
	if (size < sizeof address->family || size > sizeof *address)
		return 0; /* the kernel says what is wrong */
	result = subject_read(subject, address, from, size);
	if (result < 0)
		return result;
	if (address->family != AF_UNIX) {
		was = *address;
		change_port(subject->container->ports, address, (uint32_t)size, side,
		            ports_to_host);
		return was.bytes[0] == address->bytes[0] && was.bytes[1] == address->bytes[1] ?
		       0 : (long)size;
	}
	if (size == PATH_AT || size > PATH_AT + SUN_PATH || !address->bytes[0])
		return 0; /* no name, an error, or an abstract one */
	memcpy(path, address->bytes, size - PATH_AT);
	path[size - PATH_AT] = 0;
	if (find_shortcut(path, &rest) >= 0)
		return 0;
	result = find_socket(call, path, side == HERE ? LOCATE_NAME : LOCATE_FOLLOW);
	if (result < 0)
		return result;
	if (side == THERE && is_literal(call, path)) {
		place_close(place);
		return 0;
	}
	result = name_socket(place, call->scratch->buffer[0], (char *)address->bytes);
	if (result < 0) {
		place_close(place);
		return result;
	}
	*found = 1;
	return PATH_AT + (long)length((char *)address->bytes) + 1;
}

/* Makes of an address of the kernel's what the container shall see; returns its size. */
static uint32_t to_container(struct call *call, struct address *address, uint32_t size,
                             enum side side)
{
	const struct subject *subject = call->subject;
	char *host = call->scratch->text[0], *inside = call->scratch->text[1];
	char link[FD_PATH_SIZE], *name = (char *)address->bytes;
	const char *path, *rest;
	size_t n;
	int fd;

	if (size > sizeof *address || size < sizeof address->family)
		return size;
	if (address->family != AF_UNIX) {
		change_port(subject->container->ports, address, size, side, ports_to_container);
		return size;
	}
	if (size <= PATH_AT || size > PATH_AT + SUN_PATH + 1 || !name[0])
		return size;
	name[size - PATH_AT] = 0;
	fd = find_shortcut(name, &rest);
	if (fd < 0) {
		join(host, PATH_MAX, name, NULL);
	} else {
		long end = sys_readlinkat(AT_FDCWD, fd_path(link, fd), host, PATH_MAX - 1);

		if (end < 0 || (size_t)end + length(rest) >= PATH_MAX)
			return size;
		memcpy(host + end, rest, length(rest) + 1);
	}
	if (view_to_container(subject->container->view, host, inside) < 0)
		return size;
	path = after_start(inside, subject->chroot);
	if (!path || *path != '/')
		path = inside;
	n = length(path);
	if (n >= SUN_PATH)
		n = SUN_PATH - 1;
	memcpy(name, path, n);
	name[n] = 0;
	return PATH_AT + (uint32_t)n + 1;
}

/* The program makes the call with `address` for argument `argument`, its size in the next one. */
static enum verdict run_with(struct call *call, int argument, const struct address *address,
                             long size)
{
	memcpy(call->scratch->buffer[0], address, (size_t)size);
	replace(call, argument, call->scratch->buffer[0], (size_t)size);
	call->args[argument + 1] = size;
	return RUN;
}

static long bind_at(struct call *call, int fd, const struct address *address, long size)
{
	long result;

	subject_use_mask(call->subject);
	result = CALL(bind, fd, address, size, 0, 0);
	if (result >= 0)
		own_new_file(call->subject, &call->scratch->place[0]);
	return result;
}

enum verdict call_bind(struct call *call)
{
	struct address address;
	enum verdict verdict;
	int found;
	long fd, size = to_host(call, (uint64_t)call->args[1], (uint32_t)call->args[2], HERE,
	                        &address, &found);

	if (size < 0)
		return answer(call, size);
	if (size == 0)
		return RUN;
	if (!found)
		return run_with(call, 1, &address, size);
	fd = subject_borrow(call->subject, (int)call->args[0]);
	if (fd >= 0) {
		verdict = answer(call, bind_at(call, (int)fd, &address, size));
		subject_release(call->subject, (int)fd);
	} else if (fd == -ENOSYS) {
		verdict = run_with(call, 1, &address, size);
	} else {
		verdict = answer(call, fd);
	}
	place_close(&call->scratch->place[0]);
	return verdict;
}

/* Made by the program, as it may block, and as who connects is what the other side sees. */
static enum verdict send_to(struct call *call, int argument)
{
	struct address address;
	int found;
	long size = to_host(call, (uint64_t)call->args[argument],
	                    (uint32_t)call->args[argument + 1], THERE, &address, &found);

	if (size < 0)
		return answer(call, size);
	if (size == 0)
		return RUN;
	if (found)
		place_close(&call->scratch->place[0]);
	return run_with(call, argument, &address, size);
}

enum verdict call_connect(struct call *call)
{
	return send_to(call, 1);
}

enum verdict call_sendto(struct call *call)
{
	return send_to(call, 4);
}

/* The kernel lets nobody but root say that he is somebody else, not even root of a container. */
static int correct_credentials(const struct container *container, char *control, uint64_t size)
{
	int changed = 0;

	for (uint64_t at = 0; size - at >= sizeof(struct control);) {
		struct control head;
		struct credentials who;
		char *data = control + at + sizeof head;

		memcpy(&head, control + at, sizeof head);
		if (head.size < sizeof head || head.size > size - at)
			break;
		if (head.level == SOL_SOCKET && head.type == SCM_CREDENTIALS &&
		    head.size >= sizeof head + sizeof who) {
			memcpy(&who, data, sizeof who);
			who.uid = container->host_uid;
			who.gid = container->host_gid;
			memcpy(data, &who, sizeof who);
			changed = 1;
		}
		head.size = (head.size + 7) & ~(uint64_t)7;
		if (head.size > size - at)
			break;
		at += head.size;
	}
	return changed;
}

/* Messages being made what the kernel shall see, in buffer[1]: their headers, and then the names
 * and controls that are others. */
struct messages {
	struct call *call;
	char *data;
	size_t size;    /* so much of it is used */
	uint64_t inner; /* for struct replacement */
};

/* The 64-bit word of `data` at `field` is to be the address of what is added now. */
static void point(struct messages *messages, size_t field, size_t added)
{
	uint64_t offset = messages->size;

	memcpy(messages->data + field, &offset, sizeof offset);
	messages->inner |= (uint64_t)1 << field / sizeof offset;
	messages->size += (added + 7) & ~(size_t)7;
}

/* Sees to the header at offset `at` of the data. 0 or a negative errno. */
static long correct_message(struct messages *messages, size_t at)
{
	struct call *call = messages->call;
	const struct container *container = call->subject->container;
	/* Names have their room whatever the controls take. */
	const size_t all = sizeof call->scratch->buffer[1] -
	                   MESSAGES_AT_ONCE * sizeof(struct address);
	struct message *message = (struct message *)(messages->data + at);
	struct address address;
	char *control;
	int found;
	long n;

	if (message->name) {
		n = to_host(call, message->name, message->name_size, THERE, &address, &found);
		if (n < 0)
			return n;
		if (found)
			place_close(&call->scratch->place[0]);
		if (n > 0) {
			memcpy(messages->data + messages->size, &address, (size_t)n);
			message->name_size = (uint32_t)n;
			point(messages, at + offsetof(struct message, name), sizeof address);
		}
	}
	/* One that does not fit here names nobody: it is a list of descriptors. */
	if (!container->fake_ids || !message->control ||
	    messages->size + sizeof(uint64_t) > all ||
	    message->control_size > all - messages->size - sizeof(uint64_t))
		return 0;
	control = messages->data + messages->size;
	n = subject_read(call->subject, control, message->control, message->control_size);
	if (n == 0 && correct_credentials(container, control, message->control_size))
		point(messages, at + offsetof(struct message, control), message->control_size);
	return n;
}

static void replace_messages(const struct messages *messages)
{
	struct call *call = messages->call;

	replace(call, 1, messages->data, messages->size);
	call->replaced[0].inner = messages->inner;
}

enum verdict call_sendmsg(struct call *call)
{
	struct messages messages = {call, call->scratch->buffer[1], sizeof(struct message), 0};
	long result = subject_read(call->subject, messages.data, (uint64_t)call->args[1],
	                           sizeof(struct message));

	if (result == 0)
		result = correct_message(&messages, 0);
	if (result < 0)
		return answer(call, result);
	if (messages.inner)
		replace_messages(&messages);
	return RUN;
}

static uint64_t message_length(const struct call *call, const struct message *message)
{
	struct {
		uint64_t base, size;
	} part;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < message->part_count && i < MESSAGES; i++) {
		if (subject_read(call->subject, &part, message->parts + i * sizeof part,
		                 sizeof part) < 0)
			break;
		sum += part.size;
	}
	return sum;
}

/* How much of each was sent: all, as they are datagrams. */
static long after_sendmmsg(struct call *call, long result)
{
	struct message message;

	for (long i = 0; i < result; i++) {
		uint64_t at = (uint64_t)call->args[1] +
		              (uint64_t)i * sizeof(struct message_of_many);
		uint32_t sent;

		if (subject_read(call->subject, &message, at, sizeof message) < 0)
			break;
		sent = (uint32_t)message_length(call, &message);
		subject_write(call->subject, at + offsetof(struct message_of_many, sent), &sent,
		              sizeof sent);
	}
	return result;
}

/* As many as go at once; the program goes on with the next, as it must whenever not all could be
 * sent. Those for other sockets need nothing and are not looked at any further. */
enum verdict call_sendmmsg(struct call *call)
{
	const size_t one = sizeof(struct message_of_many);
	struct messages messages = {call, call->scratch->buffer[1], MESSAGES_AT_ONCE * one, 0};
	uint64_t count = (uint32_t)call->args[2], i;
	int changed = 0;
	long result = 0;

	for (i = 0; i < count && i < MESSAGES; i++) {
		/* As long as nothing is changed the data is not needed. */
		size_t at = i % MESSAGES_AT_ONCE * one;

		if (i == MESSAGES_AT_ONCE && changed)
			break;
		result = subject_read(call->subject, messages.data + at,
		                      (uint64_t)call->args[1] + i * one, one);
		if (result == 0)
			result = correct_message(&messages, at);
		if (result < 0 || (i >= MESSAGES_AT_ONCE && messages.inner))
			break; /* it comes first the next time */
		changed = messages.inner != 0;
	}
	if (i == 0 && result < 0)
		return answer(call, result);
	if (messages.inner || result < 0)
		call->args[2] = (long)i;
	if (changed) {
		call->after = after_sendmmsg;
		replace_messages(&messages);
	}
	return RUN;
}

/* Which argument the address that the kernel writes is, how long it may be, and whose it is. */
enum { NOTE_ARGUMENT, NOTE_SIZE, NOTE_SIDE };

static long after_address(struct call *call, long result)
{
	int argument = (int)call->note[NOTE_ARGUMENT];
	uint64_t to = (uint64_t)call->args[argument], from = to;
	uint64_t size_to = (uint64_t)call->args[argument + 1], size_from = size_to;
	struct address address;
	uint32_t size, room = (uint32_t)call->note[NOTE_SIZE];
	long error;

	if (call->count) {
		from = call->replaced[0].at;
		size_from = call->replaced[1].at;
	}
	if (result < 0 || subject_read(call->subject, &size, size_from, sizeof size) < 0 ||
	    size > sizeof address || subject_read(call->subject, &address, from, size) < 0)
		return result;
	size = to_container(call, &address, size, (enum side)call->note[NOTE_SIDE]);
	error = subject_write(call->subject, to, &address, size < room ? size : room);
	if (error == 0)
		error = subject_write(call->subject, size_to, &size, sizeof size);
	return error < 0 ? error : result;
}

/* The program makes the call. Where it has no room for the host's name, which may be longer than
 * its own, that goes elsewhere at first. */
static enum verdict run_and_look(struct call *call, int argument, enum side side)
{
	static const struct address nothing;
	static const uint32_t whole = sizeof nothing;
	int room;

	if (subject_read(call->subject, &room, (uint64_t)call->args[argument + 1],
	                 sizeof room) < 0 || room < 0)
		return RUN; /* the kernel says what is wrong */
	call->note[NOTE_ARGUMENT] = (uint64_t)argument;
	call->note[NOTE_SIZE] = (uint64_t)room;
	call->note[NOTE_SIDE] = side;
	call->after = after_address;
	if ((size_t)room < PATH_AT + SUN_PATH) {
		replace(call, argument, &nothing, sizeof nothing);
		replace(call, argument + 1, &whole, sizeof whole);
	}
	return RUN;
}

/* Calls that wait for somebody and say who it was: only the name of an AF_UNIX socket has to be
 * looked at. */
static enum verdict receive(struct call *call, int argument)
{
	long fd = subject_borrow(call->subject, (int)call->args[0]), result;
	int domain = 0;
	uint32_t size = sizeof domain;

	if (fd == -ENOSYS)
		return run_and_look(call, argument, THERE);
	if (fd < 0)
		return RUN;
	result = CALL(getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	subject_release(call->subject, (int)fd);
	return result == 0 && domain == AF_UNIX ? run_and_look(call, argument, THERE) : RUN;
}

enum verdict call_accept(struct call *call)
{
	return receive(call, 1);
}

enum verdict call_recvfrom(struct call *call)
{
	return receive(call, 4);
}

/* getsockname(2) and getpeername(2). */
static enum verdict get_name(struct call *call, enum side side)
{
	const struct subject *subject = call->subject;
	struct address address;
	uint32_t size = sizeof address;
	int room;
	long result, fd = subject_borrow(subject, (int)call->args[0]);

	if (fd == -ENOSYS)
		return run_and_look(call, 1, side);
	if (fd < 0)
		return answer(call, fd);
	if (side == HERE)
		result = CALL(getsockname, fd, &address, &size, 0, 0);
	else
		result = CALL(getpeername, fd, &address, &size, 0, 0);
	subject_release(subject, (int)fd);
	if (result == 0)
		result = subject_read(subject, &room, (uint64_t)call->args[2], sizeof room);
	if (result == 0 && room < 0)
		result = -EINVAL;
	if (result < 0)
		return answer(call, result);
	size = to_container(call, &address, size, side);
	result = subject_write(subject, (uint64_t)call->args[1], &address,
	                       size < (uint32_t)room ? size : (uint32_t)room);
	if (result == 0)
		result = subject_write(subject, (uint64_t)call->args[2], &size, sizeof size);
	return answer(call, result);
}

enum verdict call_getsockname(struct call *call)
{
	return get_name(call, HERE);
}

enum verdict call_getpeername(struct call *call)
{
	return get_name(call, THERE);
}

/* Who made the socket at the other end: as the container knows it now. */
static void show_credentials(const struct subject *subject, struct credentials *who)
{
	const struct container *container = subject->container;
	const struct subject *other = who->pid == subject->pid ? subject :
	                              subject_find(subject, who->pid);

	if (other) {
		who->uid = other->ids->euid;
		who->gid = other->ids->egid;
		return;
	}
	if (who->uid == container->host_uid)
		who->uid = container->base_uid;
	if (who->gid == container->host_gid)
		who->gid = container->base_gid;
}

static long after_credentials(struct call *call, long result)
{
	struct credentials who;
	uint32_t size;

	if (result < 0 ||
	    subject_read(call->subject, &size, (uint64_t)call->args[4], sizeof size) < 0 ||
	    size != sizeof who ||
	    subject_read(call->subject, &who, (uint64_t)call->args[3], sizeof who) < 0)
		return result;
	show_credentials(call->subject, &who);
	subject_write(call->subject, (uint64_t)call->args[3], &who, sizeof who);
	return result;
}

/* SO_PEERCRED. */
enum verdict call_getsockopt(struct call *call)
{
	const struct subject *subject = call->subject;
	struct credentials who;
	uint32_t size = sizeof who;
	int room;
	long fd, result;

	if ((int)call->args[1] != SOL_SOCKET)
		return RUN;
	fd = subject_borrow(subject, (int)call->args[0]);
	if (fd == -ENOSYS) {
		call->after = after_credentials;
		return RUN;
	}
	if (fd < 0)
		return answer(call, fd);
	result = CALL(getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
	subject_release(subject, (int)fd);
	if (result == 0)
		result = subject_read(subject, &room, (uint64_t)call->args[4], sizeof room);
	if (result == 0 && room < 0)
		result = -EINVAL;
	if (result < 0)
		return answer(call, result);
	show_credentials(subject, &who);
	if (size > (uint32_t)room)
		size = (uint32_t)room;
	result = subject_write(subject, (uint64_t)call->args[3], &who, size);
	if (result == 0)
		result = subject_write(subject, (uint64_t)call->args[4], &size, sizeof size);
	return answer(call, result);
}
