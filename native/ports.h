/* The ports that a container publishes: those it says are others of the host (`-p`). */
#ifndef PORTS_H
#define PORTS_H

#include <stdint.h>

enum { PORTS_MAX = 256 };

struct ports {
	unsigned count;
	struct {
		uint16_t container, host; /* in the machine's byte order */
	} pairs[PORTS_MAX];
};

/* 0 or -E2BIG. A later one of the same container port replaces. */
long ports_add(struct ports *ports, uint16_t container, uint16_t host);

/* The other side's number; the same when it is not published. */
uint16_t ports_to_host(const struct ports *ports, uint16_t container);
uint16_t ports_to_container(const struct ports *ports, uint16_t host);

#endif
