/* The program in the part of a helper, which other probes execute. */
#include "probe.h"

#include <elf.h>
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

extern char **environ;

static void show_ids(void)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	printf("%d %d %d %d %d %d\n", (int)r, (int)e, (int)s, (int)rg, (int)eg, (int)sg);
}

static int has_capability(int number)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return 0;
	return data[number / 32].effective >> number % 32 & 1;
}

static int show_auxiliary(void)
{
	const char *program = (const char *)getauxval(AT_EXECFN);
	const Elf64_Phdr *headers = (const Elf64_Phdr *)getauxval(AT_PHDR);
	int loads = 0;

	if (getauxval(AT_PHENT) != sizeof(Elf64_Phdr) || !headers || !getauxval(AT_ENTRY))
		return 3;
	for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
		loads += headers[i].p_type == PT_LOAD;
	if (!loads || getauxval(AT_PAGESZ) != (unsigned long)sysconf(_SC_PAGESIZE))
		return 4;
	if (!getauxval(AT_RANDOM) || !getauxval(AT_SYSINFO_EHDR) || !getauxval(AT_PLATFORM))
		return 5;
	printf("%s %lu %lu %lu\n", program, getauxval(AT_UID), getauxval(AT_EGID),
	       getauxval(AT_SECURE));
	return 0;
}

/* What /proc/self/auxv has must be what the program got. */
static int compare_auxiliary(void)
{
	Elf64_auxv_t entries[64];
	int fd = open("/proc/self/auxv", O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, entries, sizeof(entries));

	if (size < (ssize_t)sizeof(entries[0]))
		return 3;
	for (size_t i = 0; i < (size_t)size / sizeof(entries[0]); i++) {
		unsigned long type = entries[i].a_type;

		if ((type == AT_ENTRY || type == AT_PHDR || type == AT_BASE || type == AT_PHNUM) &&
		    entries[i].a_un.a_val != getauxval(type)) {
			printf("AT_%lu is %#lx in /proc/self/auxv, %#lx in memory\n", type,
			       (unsigned long)entries[i].a_un.a_val, getauxval(type));
			return 4;
		}
	}
	return 0;
}

int act(int argc, char **argv)
{
	const char *what = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2];
	char text[4096];
	ssize_t length;
	struct stat seen;

	if (!strcmp(what, "ids")) {
		show_ids();
		return 0;
	}
	if (!strcmp(what, "become-root")) {
		if (setgid(0) || setuid(0))
			return 1;
		show_ids();
		return 0;
	}
	if (!strcmp(what, "secure")) {
		printf("%lu\n", getauxval(AT_SECURE));
		return 0;
	}
	if (!strcmp(what, "owner"))
		return lstat(argv[3], &seen) || seen.st_uid != strtoul(argv[4], NULL, 10) ||
		       seen.st_gid != strtoul(argv[5], NULL, 10);
	if (!strcmp(what, "capability"))
		return !has_capability(atoi(argv[3]));
	if (!strcmp(what, "umask")) {
		printf("%o\n", umask(0));
		return 0;
	}
	if (!strcmp(what, "arguments")) { /* argv[0], argv[3]... each on a line */
		puts(argv[0]);
		for (int i = 3; i < argc; i++)
			puts(argv[i]);
		return 0;
	}
	if (!strcmp(what, "count")) { /* how many arguments of how many bytes */
		size_t bytes = 0;

		for (int i = 3; i < argc; i++)
			bytes += strlen(argv[i]);
		printf("%d %zu\n", argc - 3, bytes);
		return 0;
	}
	if (!strcmp(what, "environment")) {
		for (char **entry = environ; *entry; entry++)
			puts(*entry);
		return 0;
	}
	if (!strcmp(what, "auxiliary"))
		return show_auxiliary();
	if (!strcmp(what, "compare-auxiliary"))
		return compare_auxiliary();
	if (!strcmp(what, "link")) {
		length = readlink(argv[3], text, sizeof(text) - 1);
		if (length < 0)
			return 1;
		text[length] = 0;
		puts(text);
		return 0;
	}
	if (!strcmp(what, "cat")) {
		int fd = open(argv[3], O_RDONLY);

		while ((length = read(fd, text, sizeof(text))) > 0)
			if (fwrite(text, 1, (size_t)length, stdout) != (size_t)length)
				return 1;
		return length < 0;
	}
	if (!strcmp(what, "pid")) {
		printf("%d %d %d\n", (int)getpid(), (int)syscall(SYS_gettid), (int)getppid());
		return 0;
	}
	if (!strcmp(what, "name"))
		return prctl(PR_GET_NAME, text) || puts(text) < 0;
	if (!strcmp(what, "descriptors")) { /* those that are open, but for 0 to 2 */
		for (int fd = 3; fd < 256; fd++)
			if (fcntl(fd, F_GETFD) != -1)
				printf("%d\n", fd);
		return 0;
	}
	if (!strcmp(what, "signals")) { /* those that are ignored, blocked */
		sigset_t blocked;
		struct sigaction action;

		sigprocmask(SIG_SETMASK, NULL, &blocked);
		for (int i = 1; i < 32; i++) {
			if (!sigaction(i, NULL, &action) && action.sa_handler != SIG_DFL)
				printf("%s%d ", action.sa_handler == SIG_IGN ? "i" : "h", i);
			if (sigismember(&blocked, i))
				printf("b%d ", i);
		}
		puts("");
		return 0;
	}
	if (!strcmp(what, "exit"))
		return atoi(argv[3]);
	if (!strcmp(what, "again")) /* once more by another name */
		execve(argv[3], ARGV("again", "--act", "arguments", "a"), environ);
	return 99;
}
