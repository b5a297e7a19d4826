/* The system's directories: /dev, /proc, and what of them is not for the container. */
#ifndef SYSTEM_H
#define SYSTEM_H

/* A minimal /dev. With `many_ids` terminals belong to the group tty, else that has no number. */
void mount_dev(int root, const char *target, int many_ids);

/* The processes of the container, or of the host where the kernel refuses that. */
void mount_proc(int root, const char *target);

/* Covers what exists at `path`. */
void mask(int root, const char *path);

/* Makes what exists at `path` read-only. */
void keep_read_only(int root, const char *path);

#endif
