#include "core/send/http_body.h"
#include "core/codec/gzip.h"
#include "core/text/utf8.h"

static const char GZIP_MARK[] = "\x1f\x8b";

void http_body_read(struct buffer *body, size_t max)
{
        struct slice raw = {.data = body->data, .len = body->len}, text = raw;
        struct arena arena;
        arena_init(&arena);
        if (slice_begins(raw, GZIP_MARK) && gzip_unpack(&arena, raw, max, &text) != GZIP_OK)
                text = raw;
        for (size_t mark; (mark = utf8_mark_len(text.data, text.len)); text.len -= mark)
                text.data += mark; /* some services write two */
        if (text.data != raw.data) {
                struct buffer copy = {0};
                buffer_add(&copy, text.data, text.len);
                buffer_fini(body);
                *body = copy;
        }
        arena_fini(&arena);
}
