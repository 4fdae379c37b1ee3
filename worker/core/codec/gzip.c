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
