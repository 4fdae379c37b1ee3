#include "core/redis/slots.h"

#include <stdio.h>
#include <strings.h>

/* CRC-16/XMODEM: polynomial 0x1021, begins with 0. */
static uint16_t crc16(struct slice text)
{
        unsigned crc = 0;
        for (size_t i = 0; i < text.len; i++) {
                crc ^= (unsigned)(unsigned char)text.data[i] << 8;
                for (int bit = 0; bit < 8; bit++)
                        crc = crc & 0x8000 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1 & 0xffff;
        }
        return (uint16_t)crc;
}

uint16_t redis_slot(struct slice key)
{
        const char *open = key.len > 0 ? memchr(key.data, '{', key.len) : NULL;
        size_t left = open ? key.len - (size_t)(open - key.data) - 1 : 0;
        const char *close = left > 0 ? memchr(open + 1, '}', left) : NULL;
        if (close && close > open + 1)
                key = (struct slice){.data = open + 1, .len = (size_t)(close - open) - 1};
        return crc16(key) % REDIS_SLOT_COUNT;
}

void redis_slots_init(struct redis_slots *slots)
{
        slots->count = 0;
        memset(slots->owner, REDIS_SLOT_NOBODY, sizeof(slots->owner));
}

int redis_slots_find(const struct redis_slots *slots, const char *host, uint16_t port)
{
        for (size_t i = 0; i < slots->count; i++)
                if (slots->nodes[i].port == port && strcasecmp(slots->nodes[i].host, host) == 0)
                        return (int)i;
        return -1;
}

int redis_slots_add(struct redis_slots *slots, const char *host, uint16_t port)
{
        int found = redis_slots_find(slots, host, port);
        if (found >= 0)
                return found;
        if (slots->count == REDIS_NODES_MAX || strlen(host) >= REDIS_HOST_SIZE || port == 0)
                return -1;
        struct redis_slots_node *node = &slots->nodes[slots->count];
        snprintf(node->host, sizeof(node->host), "%s", host);
        node->port = port;
        return (int)slots->count++;
}

bool redis_slots_assign(struct redis_slots *slots, int64_t from, int64_t to, int node)
{
        if (from < 0 || to < from || to >= REDIS_SLOT_COUNT || node < 0 || (size_t)node >= slots->count)
                return false;
        memset(slots->owner + from, node, (size_t)(to - from) + 1);
        return true;
}

size_t redis_slots_missing(const struct redis_slots *slots)
{
        size_t missing = 0;
        for (size_t i = 0; i < REDIS_SLOT_COUNT; i++)
                missing += slots->owner[i] == REDIS_SLOT_NOBODY;
        return missing;
}

int redis_slots_tag(const struct redis_slots *slots, int node, const char *before)
{
        enum { TRIES = 300000 }; /* a node with a single slot is missed once in e^18 times */
        char key[REDIS_HOST_SIZE];
        bool tagged = redis_slot(slice_of(before)) != crc16(slice_of(before)) % REDIS_SLOT_COUNT;
        for (int i = 0; i < TRIES; i++) {
                snprintf(key, sizeof(key), "%.120s{%d}", tagged ? before : "", i);
                if (slots->owner[redis_slot(slice_of(key))] == node)
                        return i;
                if (tagged)
                        return -1;
        }
        return -1;
}

/* A decimal number of a slot or a port, of at most five digits, until `end`; -1: it is none. */
static int number_parse(const char *text, const char *end)
{
        int number = 0;
        if (end == text || end - text > 5)
                return -1;
        for (; text < end; text++) {
                if (*text < '0' || *text > '9')
                        return -1;
                number = number * 10 + (*text - '0');
        }
        return number;
}

static bool begins(struct slice text, struct slice word)
{
        return text.len >= word.len && memcmp(text.data, word.data, word.len) == 0;
}

/* "3999 127.0.0.1:6381"; an IPv6 address has no brackets. */
static bool place_parse(struct slice text, struct redis_redirect *redirect)
{
        const char *end = text.data + text.len;
        const char *space = memchr(text.data, ' ', text.len), *colon = memrchr(text.data, ':', text.len);
        if (!space || !colon || colon < space)
                return false;
        const char *host = space + 1;
        int slot = number_parse(text.data, space), port = number_parse(colon + 1, end);
        size_t len = (size_t)(colon - host);
        if (slot < 0 || slot >= REDIS_SLOT_COUNT || port <= 0 || port > UINT16_MAX || len >= REDIS_HOST_SIZE)
                return false;
        redirect->slot = (uint16_t)slot;
        redirect->port = (uint16_t)port;
        memcpy(redirect->host, host, len);
        redirect->host[len] = '\0';
        return true;
}

struct redis_redirect redis_redirect_parse(struct slice error)
{
        static const struct {
                struct slice word;
                enum redis_redirect_kind kind;
        } kinds[] = {{SLICE_LITERAL("MOVED "), REDIRECT_MOVED}, {SLICE_LITERAL("ASK "), REDIRECT_ASK}};
        struct redis_redirect redirect = {.kind = REDIRECT_NONE};
        if (begins(error, SLICE_LITERAL("TRYAGAIN")))
                redirect.kind = REDIRECT_AGAIN;
        for (size_t i = 0; i < 2; i++) {
                size_t len = kinds[i].word.len;
                struct slice rest = {.data = error.data + len, .len = error.len - len};
                if (begins(error, kinds[i].word) && place_parse(rest, &redirect))
                        redirect.kind = kinds[i].kind;
        }
        return redirect;
}

size_t redis_key_index(const struct slice *words, size_t count)
{
        static const char *const keyless[] = {"SCAN", "WAIT", "TIME", "PING", "INFO", "SCRIPT", "ROLE"};
        struct slice name = words[0];
        bool script = (name.len == 4 && strncasecmp(name.data, "EVAL", 4) == 0) ||
                      (name.len == 7 && strncasecmp(name.data, "EVALSHA", 7) == 0);
        if (script)
                return count > 3 && !slice_is(words[2], "0") ? 3 : 0;
        for (size_t i = 0; i < sizeof(keyless) / sizeof(*keyless); i++)
                if (name.len == strlen(keyless[i]) && strncasecmp(name.data, keyless[i], name.len) == 0)
                        return 0;
        return count > 1 ? 1 : 0;
}
