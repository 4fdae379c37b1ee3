#include "core/trace/span.h"
#include "core/codec/sha256.h"
#include "core/codec/tracestate.h"
#include "core/memory/memory.h"

#include <inttypes.h>
#include <stdio.h>

static struct span_attribute *span_room(struct span *span)
{
        return span->attribute_count < SPAN_ATTRIBUTES_MAX ? &span->attributes[span->attribute_count++]
                                                           : NULL;
}

void span_add_text(struct span *span, const char *name, const char *text)
{
        struct span_attribute *attribute = text && text[0] ? span_room(span) : NULL;
        if (attribute)
                *attribute = (struct span_attribute){.name = name, .text = slice_of(text)};
}

void span_add_number(struct span *span, const char *name, int64_t number)
{
        struct span_attribute *attribute = span_room(span);
        if (attribute)
                *attribute = (struct span_attribute){.name = name, .number = number};
}

/* What is beyond the bound would be cut when it is written; four bytes more show that it was longer. */
static size_t kept_len(struct slice text, size_t max)
{
        return text.len < max + 4 ? text.len : max + 4;
}

static struct slice text_move(char **at, struct slice text, size_t max)
{
        struct slice moved = {.data = text.data ? *at : NULL, .len = kept_len(text, max)};
        if (moved.len)
                memcpy(*at, text.data, moved.len);
        *at += moved.len;
        return moved;
}

struct span *span_pack(const struct span *span, size_t *bytes)
{
        size_t head = offsetof(struct span, attributes) + span->attribute_count * sizeof(*span->attributes);
        size_t size = head + span->state.len + kept_len(span->object, SPAN_TEXT_MAX) +
                      kept_len(span->error, SPAN_ERROR_MAX);
        for (size_t i = 0; i < span->attribute_count; i++)
                size += kept_len(span->attributes[i].text, SPAN_TEXT_MAX);
        char *block = memory_raw(size), *at = block + head;
        memcpy(block, span, head);
        struct span *packed = (struct span *)(void *)block;
        packed->state = text_move(&at, span->state, TRACESTATE_MAX);
        packed->object = text_move(&at, span->object, SPAN_TEXT_MAX);
        packed->error = text_move(&at, span->error, SPAN_ERROR_MAX);
        for (size_t i = 0; i < span->attribute_count; i++)
                packed->attributes[i].text = text_move(&at, span->attributes[i].text, SPAN_TEXT_MAX);
        *bytes = size;
        return packed;
}

/* ---- ids ---- */

void span_id_write(char out[SPAN_ID_SIZE], uint64_t random)
{
        static const char digits[] = "0123456789abcdef";
        random += random == 0;
        for (int i = 0; i < SPAN_ID_SIZE - 1; i++)
                out[i] = digits[random >> (60 - 4 * i) & 15];
        out[SPAN_ID_SIZE - 1] = '\0';
}

void span_context_write(char out[TRACEPARENT_SIZE], const char *trace, const char *id, unsigned flags)
{
        snprintf(out, TRACEPARENT_SIZE, "00-%.32s-%.16s-%02x", trace, id, flags & 255);
}

void span_context_read(const char *traceparent, char trace[TRACE_ID_SIZE], char id[SPAN_ID_SIZE],
                       unsigned *flags)
{
        snprintf(trace, TRACE_ID_SIZE, "%.32s", traceparent + 3);
        snprintf(id, SPAN_ID_SIZE, "%.16s", traceparent + 36);
        *flags = 0;
        for (const char *at = traceparent + 53; *at; at++)
                *flags = *flags << 4 | (unsigned)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
}

void span_root_trace(char out[TRACE_ID_SIZE], const char *prefix, const char *id)
{
        struct sha256 hash;
        char digest[SHA256_HEX_SIZE];
        sha256_init(&hash);
        sha256_add(&hash, prefix, strlen(prefix) + 1);
        sha256_add(&hash, id, strlen(id));
        sha256_final_hex(&hash, digest);
        snprintf(out, TRACE_ID_SIZE, "%.32s", digest);
}

/* By the last 56 bits, as W3C Trace Context level 2 and OpenTelemetry's samplers have it. */
bool span_root_is_sampled(const char *trace, int64_t percent)
{
        uint64_t random = 0;
        for (const char *at = trace + 18; *at; at++)
                random = random << 4 | (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
        return (random >> 16) * 100 >= (uint64_t)(100 - percent) << 40;
}
