#ifndef LEVERET_CORE_GZIP_H
#define LEVERET_CORE_GZIP_H

#include "core/memory/arena.h"
#include "core/memory/slice.h"

#include <stddef.h>

enum gzip_answer {
        GZIP_OK,
        GZIP_BROKEN,    /* not gzip, cut short, a wrong checksum, or something after the last member */
        GZIP_TOO_LARGE, /* would be more than `max` bytes; unpacking stopped there */
};

/*
 * Unpacks gzip (RFC 1952) into the arena, whatever it claims of its size never more than `max` bytes. Members
 * one after the other are one text (section 2.2); anything else after a member, zeros too, is broken. `out`
 * is set for GZIP_OK only.
 */
enum gzip_answer gzip_unpack(struct arena *arena, struct slice packed, size_t max, struct slice *out);

/* Packs into the arena, fast rather than small. An absent slice if it would be more than `max` bytes. */
struct slice gzip_pack(struct arena *arena, struct slice text, size_t max);

#endif
