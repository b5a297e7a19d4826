/* Sockets with names in the file system: unix(7). */
#include "probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static const socklen_t head = offsetof(struct sockaddr_un, sun_path);

static socklen_t address(struct sockaddr_un *to, const char *path)
{
	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	check(strlen(path) <= sizeof(to->sun_path));
	memcpy(to->sun_path, path, strlen(path));
	return strlen(path) < sizeof(to->sun_path) ? head + (socklen_t)strlen(path) + 1
	                                            : (socklen_t)sizeof(*to);
}

static int bound(int type, const char *path)
{
	struct sockaddr_un name;
	int fd = (int)works(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
	socklen_t size = address(&name, path);

	works(bind(fd, (struct sockaddr *)&name, size));
	if (type != SOCK_DGRAM)
		works(listen(fd, 5));
	return fd;
}

static int connected(int type, const char *path)
{
	struct sockaddr_un name;
	int fd = (int)works(socket(AF_UNIX, type, 0));
	socklen_t size = address(&name, path);

	works(connect(fd, (struct sockaddr *)&name, size));
	return fd;
}

static void named(const struct sockaddr_un *name, socklen_t size, const char *path)
{
	equal(name->sun_family, AF_UNIX);
	equal(size, head + strlen(path) + 1);
	same_text(name->sun_path, path);
}

PROBE(socket_stream)
{
	struct sockaddr_un name;
	socklen_t size = sizeof(name);
	struct stat seen;
	char text[8] = "";
	int server, client, side;

	server = bound(SOCK_STREAM, in_scratch("s"));
	works(stat("s", &seen));
	check(S_ISSOCK(seen.st_mode));
	equal(seen.st_uid, expected.uid);
	works(getsockname(server, (struct sockaddr *)&name, &size));
	named(&name, size, in_scratch("s"));
	client = connected(SOCK_STREAM, in_scratch("s"));
	size = sizeof(name);
	works(getpeername(client, (struct sockaddr *)&name, &size));
	named(&name, size, in_scratch("s"));
	size = sizeof(name);
	side = (int)works(accept(server, (struct sockaddr *)&name, &size));
	equal(size, head);
	equal(write(side, "12345", 5), 5);
	equal(read(client, text, sizeof(text)), 5);
	size = sizeof(name);
	works(getsockname(side, (struct sockaddr *)&name, &size));
	named(&name, size, in_scratch("s"));
}

PROBE(socket_relative_path)
{
	struct sockaddr_un name;
	socklen_t size = sizeof(name);
	int server, client;

	works(mkdir("d", 0755));
	works(chdir("d"));
	server = bound(SOCK_STREAM, "../s");
	works(getsockname(server, (struct sockaddr *)&name, &size));
	/* It may have become absolute, but it is the same file. */
	named(&name, size, name.sun_path[0] == '/' ? in_scratch("s") : "../s");
	client = connected(SOCK_STREAM, name.sun_path);
	works(chdir(".."));
	works(access("s", F_OK));
	client = connected(SOCK_STREAM, "s");
	size = sizeof(name);
	works(getpeername(client, (struct sockaddr *)&name, &size));
	named(&name, size, name.sun_path[0] == '/' ? in_scratch("s") : "../s");
}

PROBE(socket_accept4_of_a_named_client)
{
	struct sockaddr_un name;
	socklen_t size = address(&name, in_scratch("client"));
	int server = bound(SOCK_STREAM, in_scratch("s")), client, side;

	client = (int)works(socket(AF_UNIX, SOCK_STREAM, 0));
	works(bind(client, (struct sockaddr *)&name, size));
	size = address(&name, in_scratch("s"));
	works(connect(client, (struct sockaddr *)&name, size));
	size = sizeof(name);
	side = (int)works(accept4(server, (struct sockaddr *)&name, &size, SOCK_CLOEXEC));
	named(&name, size, in_scratch("client"));
	equal(fcntl(side, F_GETFD), FD_CLOEXEC);
	size = sizeof(name);
	works(getpeername(side, (struct sockaddr *)&name, &size));
	named(&name, size, in_scratch("client"));
	/* The name that came back can be used. */
	works(access(name.sun_path, F_OK));
}

PROBE(socket_datagrams)
{
	struct sockaddr_un name;
	socklen_t size;
	char text[8] = "";
	int server = bound(SOCK_DGRAM, in_scratch("s")), client = bound(SOCK_DGRAM, in_scratch("c"));

	size = address(&name, in_scratch("s"));
	equal(works(sendto(client, "12345", 5, 0, (struct sockaddr *)&name, size)), 5);
	size = sizeof(name);
	equal(works(recvfrom(server, text, sizeof(text), 0, (struct sockaddr *)&name, &size)), 5);
	named(&name, size, in_scratch("c"));
	equal(works(sendto(server, "123", 3, 0, (struct sockaddr *)&name, size)), 3);
	equal(works(recv(client, text, sizeof(text), 0)), 3);
	size = address(&name, "missing");
	refused(sendto(client, "x", 1, 0, (struct sockaddr *)&name, size), ENOENT);
	equal(connected(SOCK_DGRAM, "s") >= 0, 1);
}

PROBE(socket_messages)
{
	struct sockaddr_un name, from = {0};
	char text[8] = "";
	struct iovec out = {"12345", 5}, in = {text, sizeof(text)};
	struct msghdr message = {.msg_name = &name, .msg_iov = &out, .msg_iovlen = 1};
	int server = bound(SOCK_DGRAM, in_scratch("s")), client = bound(SOCK_DGRAM, in_scratch("c"));

	message.msg_namelen = address(&name, in_scratch("s"));
	equal(works(sendmsg(client, &message, 0)), 5);
	message = (struct msghdr){.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &in,
	                          .msg_iovlen = 1};
	equal(works(recvmsg(server, &message, 0)), 5);
	/* The sender can be answered by the name that came with it. */
	message.msg_iov = &out;
	equal(works(sendmsg(server, &message, 0)), 5);
	equal(works(recv(client, text, sizeof(text), 0)), 5);
}

PROBE(socket_many_messages)
{
	struct sockaddr_un name[2];
	char text[8];
	struct iovec out = {"12345", 5};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &out, .msg_iovlen = 1}},
	                              {.msg_hdr = {.msg_iov = &out, .msg_iovlen = 1}}};
	int first = bound(SOCK_DGRAM, in_scratch("1")), second = bound(SOCK_DGRAM, in_scratch("2"));
	int client = (int)works(socket(AF_UNIX, SOCK_DGRAM, 0));

	for (int i = 0; i < 2; i++) {
		messages[i].msg_hdr.msg_name = &name[i];
		messages[i].msg_hdr.msg_namelen = address(&name[i], in_scratch(i ? "2" : "1"));
	}
	equal(works(sendmmsg(client, messages, 2, 0)), 2);
	equal(works(recv(first, text, sizeof(text), MSG_DONTWAIT)), 5);
	equal(works(recv(second, text, sizeof(text), MSG_DONTWAIT)), 5);
}

PROBE(socket_sequenced_packets)
{
	int server = bound(SOCK_SEQPACKET, "s"), client = connected(SOCK_SEQPACKET, "s");
	int side = (int)works(accept(server, NULL, NULL));
	char text[8];

	equal(send(client, "123", 3, 0), 3);
	equal(send(client, "45", 2, 0), 2);
	equal(recv(side, text, sizeof(text), 0), 3);
}

PROBE(socket_abstract)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(name);
	int server = (int)works(socket(AF_UNIX, SOCK_STREAM, 0)), client;

	snprintf(name.sun_path + 1, 40, "probe-%d", (int)getpid());
	size = head + 1 + (socklen_t)strlen(name.sun_path + 1);
	works(bind(server, (struct sockaddr *)&name, size));
	works(listen(server, 5));
	client = (int)works(socket(AF_UNIX, SOCK_STREAM, 0));
	works(connect(client, (struct sockaddr *)&name, size));
	memset(&name, 0, sizeof(name));
	size = sizeof(name);
	works(getpeername(client, (struct sockaddr *)&name, &size));
	equal(name.sun_path[0], 0);
	check(!strncmp(name.sun_path + 1, "probe-", 6));
}

PROBE(socket_bound_by_the_kernel)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(name);
	int fd = (int)works(socket(AF_UNIX, SOCK_STREAM, 0));

	works(getsockname(fd, (struct sockaddr *)&name, &size));
	equal(size, head);
	works(bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)));
	size = sizeof(name);
	works(getsockname(fd, (struct sockaddr *)&name, &size));
	equal(size, head + 6);
	equal(name.sun_path[0], 0);
}

/* A name of `length` bytes below the scratch directory. */
static const char *long_name(size_t length)
{
	static char path[8192];

	snprintf(path, sizeof(path), "%s/", scratch);
	check(strlen(path) < length);
	memset(path + strlen(path), 'n', length - strlen(path));
	path[length] = 0;
	return path;
}

PROBE(socket_name_of_107_bytes)
{
	struct sockaddr_un name;
	socklen_t size = sizeof(name);
	const char *path = long_name(107);
	int server = bound(SOCK_STREAM, path), client = connected(SOCK_STREAM, path);

	works(getsockname(server, (struct sockaddr *)&name, &size));
	named(&name, size, path);
	size = sizeof(name);
	works(getpeername(client, (struct sockaddr *)&name, &size));
	named(&name, size, path);
	works(access(path, F_OK));
}

PROBE(socket_name_of_108_bytes)
{
	const char *path = long_name(108);
	int server = bound(SOCK_STREAM, path);

	connected(SOCK_STREAM, path);
	works(access(path, F_OK));
	works(accept(server, NULL, NULL));
}

PROBE(socket_long_datagram_name)
{
	struct sockaddr_un name;
	const char *path = long_name(107);
	char text[8];
	int server = bound(SOCK_DGRAM, path), client = (int)works(socket(AF_UNIX, SOCK_DGRAM, 0));
	socklen_t size = address(&name, path);

	equal(works(sendto(client, "12345", 5, 0, (struct sockaddr *)&name, size)), 5);
	equal(works(recv(server, text, sizeof(text), MSG_DONTWAIT)), 5);
}

PROBE(socket_name_without_its_end)
{
	struct sockaddr_un name;
	int fd = (int)works(socket(AF_UNIX, SOCK_STREAM, 0));

	address(&name, "abcdef");
	works(bind(fd, (struct sockaddr *)&name, head + 3));
	works(access("abc", F_OK));
	refused(access("abcdef", F_OK), ENOENT);
}

PROBE(socket_errors)
{
	struct sockaddr_un name;
	socklen_t size = address(&name, in_scratch("s"));
	int fd = (int)works(socket(AF_UNIX, SOCK_STREAM, 0));

	refused(connect(fd, (struct sockaddr *)&name, size), ENOENT);
	put("s", "x");
	refused(connect(fd, (struct sockaddr *)&name, size), ECONNREFUSED);
	refused(bind(fd, (struct sockaddr *)&name, size), EADDRINUSE);
	refused(bind(fd, (struct sockaddr *)&name, sizeof(name) + 1), EINVAL);
	refused(bind(fd, (struct sockaddr *)&name, 1), EINVAL);
	refused(bind(fd, NULL, size), EFAULT);
	refused(bind(99, (struct sockaddr *)&name, size), EBADF);
	size = address(&name, "missing/s");
	refused(bind(fd, (struct sockaddr *)&name, size), ENOENT);
	size = address(&name, "s/s");
	refused(bind(fd, (struct sockaddr *)&name, size), ENOTDIR);
	bound(SOCK_STREAM, "t");
	size = address(&name, "t");
	refused(bind(fd, (struct sockaddr *)&name, size), EADDRINUSE);
	works(connect(fd, (struct sockaddr *)&name, size));
	refused(connect(fd, (struct sockaddr *)&name, size), EISCONN);
}

PROBE(socket_nobody_listens)
{
	struct sockaddr_un name;
	socklen_t size = address(&name, "s");

	works(close(bound(SOCK_STREAM, "s")));
	refused(connect((int)works(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr *)&name, size),
	        ECONNREFUSED);
	bound(SOCK_DGRAM, "d");
	size = address(&name, "d");
	refused(connect((int)works(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr *)&name, size),
	        EPROTOTYPE);
}

PROBE(socket_through_links)
{
	works(mkdir("d", 0755));
	works(symlink(in_scratch("d"), "link"));
	bound(SOCK_STREAM, "link/s");
	works(access("d/s", F_OK));
	works(symlink("d/s", "other"));
	connected(SOCK_STREAM, "other");
}

PROBE(socket_name_cut)
{
	struct sockaddr_un name;
	socklen_t size = head + 4;
	const char *path = in_scratch("s");
	int fd = bound(SOCK_STREAM, path);

	memset(&name, 'z', sizeof(name));
	works(getsockname(fd, (struct sockaddr *)&name, &size));
	equal(size, head + strlen(path) + 1);
	check(!memcmp(name.sun_path, path, 4));
	equal(name.sun_path[4], 'z');
	refused(getsockname(fd, (struct sockaddr *)&name, NULL), EFAULT);
	size = (socklen_t)-1;
	refused(getsockname(fd, (struct sockaddr *)&name, &size), EINVAL);
}

PROBE(socket_mode)
{
	struct stat seen;

	umask(077);
	bound(SOCK_STREAM, "s");
	works(stat("s", &seen));
	equal(seen.st_mode, S_IFSOCK | 0700);
}

PROBE(socket_peer_ids)
{
	struct ucred who;
	socklen_t size = sizeof(who);
	int server = bound(SOCK_STREAM, "s"), client = connected(SOCK_STREAM, "s");
	int side = (int)works(accept(server, NULL, NULL));

	works(getsockopt(side, SOL_SOCKET, SO_PEERCRED, &who, &size));
	equal(who.pid, getpid());
	equal(who.uid, expected.uid);
	equal(who.gid, expected.gid);
	works(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &size));
	equal(who.pid, getpid());
}

PROBE(socket_passes_descriptors)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte = 'x';
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	struct cmsghdr *part = CMSG_FIRSTHDR(&message);
	int ends[2], fd;

	put("file", "12345");
	fd = (int)works(open("file", O_RDONLY));
	works(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	*part = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
	                         .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(part), &fd, sizeof(fd));
	equal(sendmsg(ends[0], &message, 0), 1);
	memset(&control, 0, sizeof(control));
	equal(recvmsg(ends[1], &message, 0), 1);
	memcpy(&fd, CMSG_DATA(part), sizeof(fd));
	equal(read(fd, &byte, 1), 1);
	equal(byte, '1');
}

static void ignore(int number)
{
	(void)number;
}

PROBE(socket_accept_interrupted)
{
	int server = bound(SOCK_STREAM, "s");
	struct sigaction action = {.sa_handler = ignore};
	struct sockaddr_un name;
	socklen_t size = sizeof(name);

	works(sigaction(SIGALRM, &action, NULL));
	ualarm(50 * 1000, 50 * 1000);
	refused(accept(server, (struct sockaddr *)&name, &size), EINTR);
	refused(accept(server, NULL, NULL), EINTR);
}

PROBE(socket_connect_waits)
{
	/* A full backlog: connect(2) waits in the kernel, others go on. */
	struct sockaddr_un name;
	int server = (int)works(socket(AF_UNIX, SOCK_STREAM, 0)), waiting;
	socklen_t size = address(&name, "s");
	pid_t pid;

	works(bind(server, (struct sockaddr *)&name, size));
	works(listen(server, 0));
	connected(SOCK_STREAM, "s");
	pid = spawn();
	if (!pid) {
		waiting = connected(SOCK_STREAM, "s");
		_exit(waiting < 0);
	}
	usleep(50 * 1000);
	works(access("s", F_OK));
	works(accept(server, NULL, NULL));
	join(pid);
}

PROBE(socket_of_the_internet)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in other;
	socklen_t size = sizeof(name);
	int server = (int)works(socket(AF_INET, SOCK_STREAM, 0)), client, side;

	works(bind(server, (struct sockaddr *)&name, sizeof(name)));
	works(listen(server, 5));
	works(getsockname(server, (struct sockaddr *)&name, &size));
	equal(size, sizeof(name));
	check(name.sin_port);
	client = (int)works(socket(AF_INET, SOCK_STREAM, 0));
	works(connect(client, (struct sockaddr *)&name, size));
	side = (int)works(accept(server, (struct sockaddr *)&other, &size));
	equal(other.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	works(getpeername(side, (struct sockaddr *)&other, &size));
	equal(other.sin_family, AF_INET);
	works(getpeername(client, (struct sockaddr *)&other, &size));
	equal(other.sin_port, name.sin_port);
}
