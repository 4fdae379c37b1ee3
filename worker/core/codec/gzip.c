#include "core/codec/gzip.h"

#include "core/memory/memory.h"
#include "core/text/buffer.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

enum { GZIP_WINDOW_BITS = 15 + 16 /* gzip only, never zlib's own or raw format */, STEP_BYTES = 16384 };

/* Unpacks up to STEP_BYTES more. Z_OK, Z_STREAM_END or an error of zlib. */
static int unpack_step(z_stream *stream, struct buffer *out)
{
        stream->next_out = (Bytef *)buffer_reserve(out, STEP_BYTES);
        stream->avail_out = STEP_BYTES;
        int status = inflate(stream, Z_NO_FLUSH);
        if (status == Z_MEM_ERROR)
                memory_out();
        out->len += STEP_BYTES - stream->avail_out;
        return status;
}

static enum gzip_answer unpack_members(z_stream *stream, size_t max, struct buffer *out)
{
        for (;;) {
                int status = unpack_step(stream, out);
                if (out->len > max)
                        return GZIP_TOO_LARGE;
                if (status == Z_STREAM_END && stream->avail_in == 0)
                        return GZIP_OK;
                if (status == Z_STREAM_END)
                        status = inflateReset(stream);
                if (status != Z_OK)
                        return GZIP_BROKEN; /* Z_BUF_ERROR too: it ends before its end */
        }
}

enum gzip_answer gzip_unpack(struct arena *arena, struct slice packed, size_t max, struct slice *out)
{
        if (packed.len > UINT_MAX || packed.len == 0)
                return packed.len ? GZIP_TOO_LARGE : GZIP_BROKEN;
        z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)packed.data, .avail_in = (uInt)packed.len};
        if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
                memory_out();
        struct buffer text = {0};
        enum gzip_answer answer = unpack_members(&stream, max, &text);
        inflateEnd(&stream);
        if (answer == GZIP_OK)
                *out = (struct slice){.data = arena_copy(arena, text.data, text.len), .len = text.len};
        buffer_fini(&text);
        return answer;
}

struct slice gzip_pack(struct arena *arena, struct slice text, size_t max)
{
        enum { MEMORY_LEVEL = 8 };
        z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)text.data, .avail_in = (uInt)text.len};
        struct slice packed = {.data = NULL};
        if (text.len > UINT_MAX || max > UINT_MAX)
                return packed;
        if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL,
                         Z_DEFAULT_STRATEGY) != Z_OK)
                memory_out();
        size_t room = deflateBound(&stream, text.len);
        char *out = arena_alloc(arena, room < max ? room : max);
        stream.next_out = (Bytef *)out;
        stream.avail_out = (uInt)(room < max ? room : max);
        if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
                packed = (struct slice){.data = out, .len = stream.total_out};
        deflateEnd(&stream);
        return packed;
}
