/* The three processes and how they end.
 *
 * front    the process that was started: waits for init, passes signals on
 *   init     pid 1 of the container: reaps, passes signals on; with it all others die
 *     program
 *
 * The program is not pid 1 itself because the kernel drops signals without a handler that are
 * sent to pid 1, so that a batch system's SIGTERM would do nothing. A terminal's signals reach the
 * program directly: all three are in the process group that the front was started in, unless the
 * container has been lent the terminal.
 */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "abi.h"

/* What the program gets back before it starts. */
struct signals {
	sigset mask;
	struct sigaction child;
};

/* Blocks all signals: until the program runs they wait. */
void hold_signals(struct signals *original);
void restore_signals(const struct signals *original);

/* Puts process `init` into a process group of its own, with the foreground of our terminal. Shells
 * give the foreground back to the group that had it when they came, and in the container our group
 * has no number. But what the caller runs beside us must not lose the terminal: the reader of a
 * pipeline would be stopped when it reads a key, a script would not hear of Ctrl-C. So this is
 * only done when we lead our group, as what a shell starts by itself does, and all three standard
 * descriptors are the terminal, which leaves no place for a pipeline. */
void lend_terminal(long init);

/* Closes what we inherited, which is the program's alone: a pipe ends when the program closes
 * it, not when we end. Descriptors below `first`, and `keep`, stay; -1 for none. */
void close_inherited(int first, int keep);

/* Kills this process when the process at the other end of `channel` dies, or has died. */
void die_with(int channel);

/* Wait for process `pid` and return the exit status to end with. `channel` joins the two; -1 for
 * an init that has no front. */
int supervise_front(long pid, int channel);
int supervise_init(long pid, int channel);

#endif
