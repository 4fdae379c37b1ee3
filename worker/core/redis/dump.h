#ifndef LEVERET_CORE_REDIS_DUMP_H
#define LEVERET_CORE_REDIS_DUMP_H

#include "core/text/buffer.h"

#include <stdint.h>

/*
 * A hash as DUMP gives it and RESTORE takes it (https://redis.io/docs/latest/commands/restore/): with all its
 * fields and its time to live it is written by one command, which also says whether there was one before.
 * That costs Redis less than half of a script that sets the same fields.
 *
 * The bytes are those of an RDB file of version 10 (Redis 7.0), which every later version reads, and Valkey:
 * the type 16, a listpack as a string, the version, a CRC-64 of all before. A server may be older, or refuse
 * the command; io/redis/connection/redis_probe.c tries it at each connect.
 */

/* The remainders of the CRC, eight bytes at a time. */
struct redis_crc {
        uint64_t table[8][256];
};
void redis_crc_init(struct redis_crc *crc);
/* CRC-64/Redis: of Jones, reflected, from 0. */
uint64_t redis_crc_of(const struct redis_crc *crc, const void *data, size_t len);

/* A hash that is being written: begun, then a name and its value as often as need be, and ended. */
struct redis_dump {
        struct buffer *out;
        size_t start;
        uint32_t count; /* names and values */
};
/* Adds to what `out` holds; it outlives the dump. */
void redis_dump_begin(struct redis_dump *dump, struct buffer *out);
/* A name or a value, at most 1 MiB. */
void redis_dump_add(struct redis_dump *dump, struct slice text);
static inline void redis_dump_add_text(struct redis_dump *dump, const char *text)
{
        redis_dump_add(dump, slice_of(text));
}
void redis_dump_add_integer(struct redis_dump *dump, int64_t value);
/* What is in `out` from where it began is the argument of RESTORE now. */
void redis_dump_end(struct redis_dump *dump, const struct redis_crc *crc);

#endif
