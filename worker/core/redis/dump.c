#include "core/redis/dump.h"

#include <string.h>

/* ---- CRC-64 ---- */

/* The polynomial of Jones, 0xad93d23594c935a9, from its lowest bit on. */
#define POLYNOMIAL UINT64_C(0x95ac9329ac4bc9b5)

void redis_crc_init(struct redis_crc *crc)
{
        for (uint64_t byte = 0; byte < 256; byte++) {
                uint64_t rest = byte;
                for (int bit = 0; bit < 8; bit++)
                        rest = rest >> 1 ^ (rest & 1 ? POLYNOMIAL : 0);
                crc->table[0][byte] = rest;
        }
        for (int ahead = 1; ahead < 8; ahead++)
                for (int byte = 0; byte < 256; byte++) {
                        uint64_t rest = crc->table[ahead - 1][byte];
                        crc->table[ahead][byte] = rest >> 8 ^ crc->table[0][rest & 0xff];
                }
}

static uint64_t little_endian(const uint8_t *at)
{
        uint64_t value = 0;
        for (int i = 0; i < 8; i++)
                value |= (uint64_t)at[i] << 8 * i;
        return value;
}

uint64_t redis_crc_of(const struct redis_crc *crc, const void *data, size_t len)
{
        const uint8_t *at = data;
        uint64_t rest = 0;
        for (; len >= 8; at += 8, len -= 8) {
                uint64_t word = rest ^ little_endian(at);
                rest = 0;
                for (int i = 0; i < 8; i++)
                        rest ^= crc->table[7 - i][word >> 8 * i & 0xff];
        }
        while (len-- > 0)
                rest = rest >> 8 ^ crc->table[0][(rest ^ *at++) & 0xff];
        return rest;
}

/* ---- the hash ---- */

enum {
        TYPE_HASH_LISTPACK = 16,
        LENGTH_32_BITS = 0x80, /* four bytes follow, the highest first */
        PREFIX_SIZE = 1 + 1 + 4,
        LISTPACK_HEAD = 4 + 2, /* its size and count, the lowest byte first */
        LISTPACK_END = 0xff,
        RDB_VERSION = 10,
        FOOT_SIZE = 2 + 8,
        STRING_6_BITS = 0x80,
        STRING_12_BITS = 0xe0,
        STRING_32_BITS = 0xf0,
        ENTRY_EXTRA = 5 + 5, /* the longest head and the longest back length */
};

static void put_little(uint8_t *to, uint64_t value, int bytes)
{
        for (int i = 0; i < bytes; i++)
                to[i] = (uint8_t)(value >> 8 * i);
}

void redis_dump_begin(struct redis_dump *dump, struct buffer *out)
{
        *dump = (struct redis_dump){.out = out, .start = out->len};
        uint8_t *to = (uint8_t *)buffer_reserve(out, PREFIX_SIZE + LISTPACK_HEAD);
        to[0] = TYPE_HASH_LISTPACK;
        to[1] = LENGTH_32_BITS;
        out->len += PREFIX_SIZE + LISTPACK_HEAD;
}

static uint8_t *string_head_write(uint8_t *to, size_t len)
{
        if (len < 64) {
                *to++ = (uint8_t)(STRING_6_BITS | len);
        } else if (len < 4096) {
                *to++ = (uint8_t)(STRING_12_BITS | len >> 8);
                *to++ = (uint8_t)len;
        } else {
                *to++ = STRING_32_BITS;
                put_little(to, len, 4);
                to += 4;
        }
        return to;
}

/* How long the entry before it is, to be read backwards: seven bits a byte, the lowest last; a set bit says
 * that another byte stands before. */
static uint8_t *back_write(uint8_t *to, size_t len)
{
        int bytes = 1;
        while (len >> 7 * bytes)
                bytes++;
        for (int i = bytes - 1; i >= 0; i--)
                *to++ = (uint8_t)((len >> 7 * i & 0x7f) | (i < bytes - 1 ? 0x80 : 0));
        return to;
}

void redis_dump_add(struct redis_dump *dump, struct slice text)
{
        struct buffer *out = dump->out;
        uint8_t *entry = (uint8_t *)buffer_reserve(out, text.len + ENTRY_EXTRA);
        uint8_t *to = string_head_write(entry, text.len);
        if (text.len > 0)
                memcpy(to, text.data, text.len);
        to += text.len;
        to = back_write(to, (size_t)(to - entry));
        out->len += (size_t)(to - entry);
        dump->count++;
}

void redis_dump_add_integer(struct redis_dump *dump, int64_t value)
{
        char text[24];
        struct buffer digits = {.data = text, .capacity = sizeof(text)};
        buffer_add_integer(&digits, value);
        redis_dump_add(dump, (struct slice){.data = text, .len = digits.len});
}

void redis_dump_end(struct redis_dump *dump, const struct redis_crc *crc)
{
        struct buffer *out = dump->out;
        uint8_t *foot = (uint8_t *)buffer_reserve(out, 1 + FOOT_SIZE);
        uint8_t *start = (uint8_t *)out->data + dump->start;
        *foot = LISTPACK_END;
        size_t listpack = (size_t)(foot + 1 - start) - PREFIX_SIZE;
        for (int i = 0; i < 4; i++)
                start[2 + i] = (uint8_t)(listpack >> 8 * (3 - i));
        put_little(start + PREFIX_SIZE, listpack, 4);
        put_little(start + PREFIX_SIZE + 4, dump->count < UINT16_MAX ? dump->count : UINT16_MAX, 2);
        put_little(foot + 1, RDB_VERSION, 2);
        put_little(foot + 3, redis_crc_of(crc, start, (size_t)(foot + 3 - start)), 8);
        out->len += 1 + FOOT_SIZE;
        foot[1 + FOOT_SIZE] = '\0';
}
