#include "core/send/http_body.h"
#include "core/codec/gzip.h"

static const char GZIP_MARK[] = "\x1f\x8b", ORDER_MARK[] = "\xef\xbb\xbf";

void http_body_read(struct buffer *body, size_t max)
{
        struct slice raw = {.data = body->data, .len = body->len}, text = raw;
        struct arena arena;
        arena_init(&arena);
        if (slice_begins(raw, GZIP_MARK) && gzip_unpack(&arena, raw, max, &text) != GZIP_OK)
                text = raw;
        while (slice_begins(text, ORDER_MARK)) { /* some services write two */
                text.data += sizeof ORDER_MARK - 1;
                text.len -= sizeof ORDER_MARK - 1;
        }
        if (text.data != raw.data) {
                struct buffer copy = {0};
                buffer_add(&copy, text.data, text.len);
                buffer_fini(body);
                *body = copy;
        }
        arena_fini(&arena);
}
