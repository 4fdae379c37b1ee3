#include "io/send/send_guard.h"
#include "core/send/address_guard.h"

#include <stddef.h>
#include <string.h>

/* libcurl keeps the address of any family in what is declared as a struct sockaddr alone. */
static void send_address_copy(void *to, const struct curl_sockaddr *address, size_t len)
{
        memcpy(to, (const char *)address + offsetof(struct curl_sockaddr, addr), len);
}

static bool is_global(const struct curl_sockaddr *address)
{
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        if (address->family == AF_INET && address->addrlen >= sizeof(four)) {
                send_address_copy(&four, address, sizeof(four));
                return address_is_global4(four.sin_addr);
        }
        if (address->family == AF_INET6 && address->addrlen >= sizeof(six)) {
                send_address_copy(&six, address, sizeof(six));
                return address_is_global6(&six.sin6_addr);
        }
        return false;
}

bool send_guard_allows(void *context, const struct curl_sockaddr *address)
{
        struct send_guard *guard = context;
        bool allowed = guard->allow_private || is_global(address);
        guard->blocked |= !allowed;
        return allowed;
}
