#include "core/send/address_guard.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct range4 {
        uint32_t base;
        int bits;
};

/* RFC 6890, with those that were added to the registry since. */
static const struct range4 special4[] = {
        {0x00000000, 8},  /* this network */
        {0x0a000000, 8},  /* private */
        {0x64400000, 10}, /* shared: carrier-grade NAT */
        {0x7f000000, 8},  /* loopback */
        {0xa9fe0000, 16}, /* link-local, the metadata of clouds among it */
        {0xac100000, 12}, /* private */
        {0xc0000000, 24}, /* protocol assignments */
        {0xc0000200, 24}, /* documentation */
        {0xc0586300, 24}, /* 6to4 relays, deprecated */
        {0xc0a80000, 16}, /* private */
        {0xc6120000, 15}, /* benchmarking */
        {0xc6336400, 24}, /* documentation */
        {0xcb007100, 24}, /* documentation */
        {0xe0000000, 3},  /* multicast, reserved, broadcast */
};

bool address_is_global4(struct in_addr address)
{
        const unsigned char *bytes = (const unsigned char *)&address.s_addr;
        uint32_t host =
                (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
        for (size_t i = 0; i < sizeof(special4) / sizeof(*special4); i++)
                if ((host ^ special4[i].base) >> (32 - special4[i].bits) == 0)
                        return false;
        return true;
}

static bool begins6(const struct in6_addr *address, const char *bytes, size_t bits)
{
        size_t whole = bits / 8, rest = bits % 8;
        if (memcmp(address->s6_addr, bytes, whole) != 0)
                return false;
        return rest == 0 || (address->s6_addr[whole] ^ (unsigned char)bytes[whole]) >> (8 - rest) == 0;
}

static bool inner_is_global(const struct in6_addr *address, size_t at)
{
        struct in_addr inner;
        memcpy(&inner.s_addr, address->s6_addr + at, sizeof(inner.s_addr));
        return address_is_global4(inner);
}

bool address_is_global6(const struct in6_addr *address)
{
        if (begins6(address, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 96) || /* mapped */
            begins6(address, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0", 96)) /* NAT64, RFC 6052 */
                return inner_is_global(address, 12);
        if (begins6(address, "\x20\x02", 16)) /* 6to4 */
                return inner_is_global(address, 2);
        if (!begins6(address, "\x20", 3)) /* 2000::/3 is all that is assigned as global unicast */
                return false;
        return !begins6(address, "\x20\x01\0", 23) &&       /* protocol assignments, Teredo among them */
               !begins6(address, "\x20\x01\x0d\xb8", 32) && /* documentation */
               !begins6(address, "\x3f\xff\x00", 20);       /* documentation, RFC 9637 */
}
