#include "ports.h"

#include "abi.h"

long ports_add(struct ports *ports, uint16_t container, uint16_t host)
{
	unsigned i = 0;

	while (i < ports->count && ports->pairs[i].container != container)
		i++;
	if (i == PORTS_MAX)
		return -E2BIG;
	ports->pairs[i].container = container;
	ports->pairs[i].host = host;
	if (i == ports->count)
		ports->count++;
	return 0;
}

uint16_t ports_to_host(const struct ports *ports, uint16_t container)
{
	for (unsigned i = 0; i < ports->count; i++)
		if (ports->pairs[i].container == container)
			return ports->pairs[i].host;
	return container;
}

uint16_t ports_to_container(const struct ports *ports, uint16_t host)
{
	for (unsigned i = 0; i < ports->count; i++)
		if (ports->pairs[i].host == host)
			return ports->pairs[i].container;
	return host;
}
