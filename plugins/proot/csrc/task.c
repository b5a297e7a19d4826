#include "task.h"

#include "text.h"

/* Objects of one size that are used again: there is no malloc(3) here. */
struct pool {
	size_t size;
	void *free; /* each begins with the address of the next */
};

enum { POOL_CHUNK = 32 };

static struct pool tasks = {sizeof(struct task), NULL};
static struct pool memories = {sizeof(struct memory), NULL};
static struct pool roots = {sizeof(struct root), NULL};
static struct pool programs = {sizeof(struct program), NULL};

static void *pool_take(struct pool *pool)
{
	void *object = pool->free;

	if (!object) {
		long chunk = CALL(mmap, NULL, POOL_CHUNK * pool->size, PROT_READ | PROT_WRITE,
		                  MAP_PRIVATE | MAP_ANONYMOUS, -1);

		if (chunk < 0 && chunk > -PATH_MAX)
			fail(STATUS_SETUP, chunk, "out of memory", NULL);
		for (size_t i = 0; i < POOL_CHUNK; i++) {
			void **one = (void **)((char *)chunk + i * pool->size);

			*one = pool->free;
			pool->free = one;
		}
		object = pool->free;
	}
	pool->free = *(void **)object;
	return object;
}

static void pool_give(struct pool *pool, void *object)
{
	*(void **)object = pool->free;
	pool->free = object;
}

enum { BUCKETS = 1024 };
static struct task *buckets[BUCKETS];

static struct task **bucket(int tid)
{
	return &buckets[(unsigned)tid % BUCKETS];
}

struct task *task_find(int tid)
{
	struct task *task = *bucket(tid);

	while (task && task->tid != tid)
		task = task->next;
	return task;
}

static void insert(struct task *task, int tid)
{
	struct task **head = bucket(tid);

	task->tid = tid;
	task->next = *head;
	*head = task;
}

static void unlink(struct task *task)
{
	struct task **link = bucket(task->tid);

	while (*link != task)
		link = &(*link)->next;
	*link = task->next;
}

struct task *task_add(int tid)
{
	struct task *task = pool_take(&tasks);

	memset(task, 0, sizeof *task);
	task->made = -1;
	insert(task, tid);
	return task;
}

static struct memory *new_memory(const char *exe)
{
	struct memory *memory = pool_take(&memories);

	memory->users = 1;
	memory->slots = 0;
	join(memory->exe, sizeof memory->exe, exe, NULL);
	return memory;
}

static struct root *new_root(unsigned mask, const char *chroot)
{
	struct root *root = pool_take(&roots);

	root->users = 1;
	root->mask = mask;
	join(root->chroot, sizeof root->chroot, chroot, NULL);
	return root;
}

static void leave_memory(struct memory *memory)
{
	if (memory && !--memory->users)
		pool_give(&memories, memory);
}

static void leave_root(struct root *root)
{
	if (root && !--root->users)
		pool_give(&roots, root);
}

/* Sets what of the subject follows from the rest. */
static void describe(struct task *task, struct container *container, int pid)
{
	struct subject *subject = &task->subject;
	char digits[DECIMAL_SIZE];

	subject->container = container;
	subject->pid = pid;
	subject->tid = task->tid;
	/* The thread's own, which is there although the first one has ended. */
	join(subject->proc, sizeof subject->proc, "/proc/", decimal(digits, (uint64_t)task->tid), NULL);
	subject->ids = &task->ids;
	subject->chroot = task->root->chroot;
	subject->exe = task->memory->exe;
	subject->mask = task->root->mask;
	task->known = 1;
}

void task_start(struct task *task, struct container *container, unsigned mask)
{
	task->memory = new_memory("");
	task->root = new_root(mask, "");
	describe(task, container, task->tid);
}

void task_inherit(struct task *child, const struct task *parent, uint64_t flags, int thread)
{
	child->ids = parent->ids;
	if (flags & CLONE_VM) {
		child->memory = parent->memory;
		child->memory->users++;
	} else {
		child->memory = new_memory(parent->memory->exe);
	}
	if (flags & CLONE_FS) {
		child->root = parent->root;
		child->root->users++;
	} else {
		child->root = new_root(parent->root->mask, parent->root->chroot);
	}
	describe(child, parent->subject.container, thread ? parent->subject.pid : child->tid);
}

void task_renew(struct task *task, const char *exe)
{
	struct memory *memory = new_memory(exe);

	task->memory->slots &= ~task->slots;
	task->slots = 0;
	leave_memory(task->memory);
	task->memory = memory;
	describe(task, task->subject.container, task->subject.pid);
}

void task_rename(struct task *task, int tid)
{
	unlink(task);
	insert(task, tid);
}

void task_remove(struct task *task)
{
	unlink(task);
	if (task->memory)
		task->memory->slots &= ~task->slots;
	leave_memory(task->memory);
	leave_root(task->root);
	if (task->program)
		program_give(task->program);
	pool_give(&tasks, task);
}

void task_each(void (*visit)(struct task *task, void *argument), void *argument)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct task *task = buckets[i]; task; task = task->next)
			visit(task, argument);
}

struct program *program_take(void)
{
	struct program *program = pool_take(&programs);

	program->held[0] = program->held[1] = -1;
	return program;
}

void program_give(struct program *program)
{
	program_release(program);
	pool_give(&programs, program);
}
