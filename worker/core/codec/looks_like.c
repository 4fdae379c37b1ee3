#include "core/codec/looks_like.h"

#include <stdbool.h>
#include <stddef.h>

struct look {
        struct slice begin;
        const char *name;
};

#define BYTES(text)                                                                                          \
        {                                                                                                    \
                .data = (text), .len = sizeof(text) - 1                                                      \
        }

/* The first that fits counts. */
static const struct look looks[] = {
        {BYTES("\xef\xbb\xbf"), "text with a byte order mark"},
        {BYTES("\xff\xfe\0\0"), "UTF-32"},
        {BYTES("\0\0\xfe\xff"), "UTF-32"},
        {BYTES("{\0\0\0"), "UTF-32"},
        {BYTES("\0\0\0{"), "UTF-32"},
        {BYTES("\xff\xfe"), "UTF-16"},
        {BYTES("\xfe\xff"), "UTF-16"},
        {BYTES("{\0"), "UTF-16"},
        {BYTES("\0{"), "UTF-16"},
        {BYTES("\x1f\x8b"), "gzip, but content_encoding does not say so"},
        {BYTES("\x28\xb5\x2f\xfd"), "zstd"},
        {BYTES("\x78\x9c"), "zlib (deflate)"},
        {BYTES("\xac\xed\0\x05"), "a serialized Java object"},
        {BYTES("\x80\x02"), "a Python pickle"},
        {BYTES("\x80\x03"), "a Python pickle"},
        {BYTES("\x80\x04"), "a Python pickle"},
        {BYTES("\x80\x05"), "a Python pickle"},
        {BYTES("\x04\x08"), "a Ruby object (Marshal)"},
        {BYTES("<!doctype html"), "HTML"},
        {BYTES("<html"), "HTML"},
        {BYTES("<"), "XML"},
        {BYTES("---"), "YAML"},
        {BYTES("eyJ"), "JSON in base64"},
        {BYTES("{'"), "a Python dict, not JSON"},
        {BYTES("[object Object]"), "a JavaScript object that was not put into JSON"},
        {BYTES("Array"), "a PHP array that was not put into JSON"},
};

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool body_begins(struct slice body, struct slice with)
{
        size_t same = 0;
        while (same < with.len && same < body.len && lower(body.data[same]) == lower(with.data[same]))
                same++;
        return same == with.len;
}

/* serialize() of PHP: a:1:{..}, O:8:"stdClass":.., s:5:"..". */
static bool is_php(struct slice body)
{
        return body.len > 3 && strchr("aOs", body.data[0]) && body.data[0] && body.data[1] == ':' &&
               body.data[2] >= '0' && body.data[2] <= '9';
}

/* A map or an array of MessagePack, whose first bytes no text begins with. */
static bool is_message_pack(struct slice body)
{
        unsigned char first = body.len ? (unsigned char)body.data[0] : 0;
        return (first >= 0x81 && first <= 0x9f) || first == 0xde || first == 0xdc;
}

static bool is_form(struct slice body)
{
        size_t at = 0;
        while (at < body.len && body.data[at] != '=' && body.data[at] > ' ' && body.data[at] != '"')
                at++;
        return at > 0 && at < body.len && body.data[at] == '=' && body.data[0] != '{';
}

const char *looks_like(struct slice body)
{
        for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++)
                if (body_begins(body, looks[i].begin))
                        return looks[i].name;
        if (is_php(body))
                return "serialize() of PHP";
        if (is_message_pack(body))
                return "MessagePack";
        return is_form(body) ? "a form (name=value)" : NULL;
}
