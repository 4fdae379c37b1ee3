#ifndef LEVERET_CORE_ADDRESS_GUARD_H
#define LEVERET_CORE_ADDRESS_GUARD_H

#include <netinet/in.h>
#include <stdbool.h>

/*
 * May a URL that somebody else wrote lead to this address? Only what is globally reachable unicast by IANA's
 * registries of special-purpose addresses (RFC 6890): no loopback, private, link-local, shared,
 * documentation, benchmarking, multicast or reserved one. Forms that carry an IPv4 address inside (mapped,
 * compatible, NAT64, 6to4) are judged by it; Teredo is refused. Pure.
 */
bool address_is_global4(struct in_addr address);
bool address_is_global6(const struct in6_addr *address);

#endif
