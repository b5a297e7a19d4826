/* The system's directories: /dev, /proc, and what of them is not for the container. */
#ifndef SYSTEM_H
#define SYSTEM_H

/* A minimal /dev. With `many_ids` terminals belong to the group tty, else that has no number. */
void mount_dev(int root, const char *target, int many_ids);

/* The processes of the container, or of the host where the kernel refuses that. */
void mount_proc(int root, const char *target);

/* The host's /sys, read-only: a fresh one would need a network namespace. */
void mount_sys(int root, const char *target);

/* Covers what exists at `path`, which is inside of what mount_proc() or mount_sys() made. */
void mask(const char *path);

/* Makes what exists at `path`, which is inside of them too, read-only. */
void keep_read_only(const char *path);

#endif
