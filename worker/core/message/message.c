#include "core/message/message.h"

const struct header *message_header(const struct message *message, const char *name)
{
        for (size_t i = 0; i < message->properties.header_count; i++)
                if (slice_is(message->properties.headers[i].name, name))
                        return &message->properties.headers[i];
        return NULL;
}

struct slice header_text(const struct header *header)
{
        return header && header->tag == HEADER_STRING ? header->text : (struct slice){0};
}

struct slice message_header_text(const struct message *message, const char *name)
{
        const struct header *header = message_header(message, name);
        if (header && (header->tag == HEADER_STRING || header->tag == HEADER_BYTES))
                return header->text;
        return (struct slice){0};
}

static bool header_integer(const struct header *header, int64_t *value)
{
        switch (header->tag) {
        case HEADER_I8:
        case HEADER_I16:
        case HEADER_I32:
        case HEADER_I64:
                *value = header->integer;
                return header->integer >= 0;
        case HEADER_U8:
        case HEADER_U16:
        case HEADER_U32:
        case HEADER_U64:
        case HEADER_TIMESTAMP:
                *value = (int64_t)header->unsigned_;
                return header->unsigned_ <= INT64_MAX;
        case HEADER_BOOLEAN:
        case HEADER_F32:
        case HEADER_F64:
        case HEADER_DECIMAL:
        case HEADER_STRING:
        case HEADER_ARRAY:
        case HEADER_TABLE:
        case HEADER_VOID:
        case HEADER_BYTES:
                return false;
        }
        return false;
}

int64_t message_header_integer(const struct message *message, const char *name, int64_t otherwise)
{
        const struct header *header = message_header(message, name);
        int64_t value;
        return header && header_integer(header, &value) ? value : otherwise;
}

static struct header *headers_copy(struct arena *arena, const struct header *from, size_t count)
{
        struct header *to = arena_alloc(arena, count * sizeof(*to));
        for (size_t i = 0; i < count; i++) {
                to[i] = from[i];
                to[i].name = arena_slice(arena, from[i].name);
                if (from[i].tag == HEADER_STRING || from[i].tag == HEADER_BYTES)
                        to[i].text = arena_slice(arena, from[i].text);
                if (from[i].tag == HEADER_TABLE || from[i].tag == HEADER_ARRAY)
                        to[i].nested.items = headers_copy(arena, from[i].nested.items, from[i].nested.count);
        }
        return to;
}

struct message *message_copy(struct arena *arena, const struct message *message)
{
        struct message *copy = arena_alloc(arena, sizeof(*copy));
        *copy = *message;
        struct message_properties *p = &copy->properties;
        struct slice *texts[] = {&p->content_type,  &p->content_encoding, &p->correlation_id, &p->reply_to,
                                 &p->expiration,    &p->message_id,       &p->type,           &p->user_id,
                                 &p->app_id,        &p->cluster_id,       &copy->body,        &copy->exchange,
                                 &copy->routing_key};
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                *texts[i] = arena_slice(arena, *texts[i]);
        p->headers = headers_copy(arena, p->headers, p->header_count);
        return copy;
}

void message_set_header(struct arena *arena, struct message *message, struct header header)
{
        struct message_properties *p = &message->properties;
        struct header *headers = arena_alloc(arena, (p->header_count + 1) * sizeof(*headers));
        size_t count = 0;
        for (size_t i = 0; i < p->header_count; i++)
                if (!slice_equal(p->headers[i].name, header.name))
                        headers[count++] = p->headers[i];
        headers[count++] = header;
        p->headers = headers;
        p->header_count = count;
}

void message_set_text(struct arena *arena, struct message *message, const char *name, const char *text)
{
        if (text)
                message_set_header(arena, message,
                                   (struct header){.name = slice_of(name),
                                                   .tag = HEADER_STRING,
                                                   .text = slice_of(arena_strdup(arena, text))});
}
