/* What the container's processes may ask of the kernel. */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

/* Keeps docker's default capabilities and no others. */
void limit_capabilities(void);

/* Rules out that a setuid program, or a file's capabilities, ever give any more. */
void forbid_new_privileges(void);

/* Gives up the rest as well, as programs of ordinary users have none. */
void drop_all_capabilities(void);

/* Installs the default seccomp filter. */
void filter_system_calls(void);

#endif
