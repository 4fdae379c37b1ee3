#include "core/message/cloudevents.h"

#include "core/codec/base64.h"
#include "core/codec/json.h"
#include "core/codec/rfc3339.h"

#include <stdint.h>

/* Attribute names of CloudEvents 1.0 section 3, the extension of distributed tracing, and the usual
 * `correlationid`. */
static const struct {
        const char *name, *header, *header_colon, *pointer;
} words[ATTRIBUTE_COUNT] = {
#define WORD(word)                                                                                           \
        {                                                                                                    \
                .name = word, .header = "cloudEvents_" word, .header_colon = "cloudEvents:" word,            \
                .pointer = "/" word                                                                          \
        }
        [ATTRIBUTE_ID] = WORD("id"),
        [ATTRIBUTE_TYPE] = WORD("type"),
        [ATTRIBUTE_SOURCE] = WORD("source"),
        [ATTRIBUTE_TIME] = WORD("time"),
        [ATTRIBUTE_SUBJECT] = WORD("subject"),
        [ATTRIBUTE_CORRELATION_ID] = WORD("correlationid"),
        [ATTRIBUTE_TRACEPARENT] = WORD("traceparent"),
        [ATTRIBUTE_TRACESTATE] = WORD("tracestate"),
        [ATTRIBUTE_DELIVER_AT] = WORD("deliverat"),
        [ATTRIBUTE_SPECVERSION] = WORD("specversion"),
        [ATTRIBUTE_DATACONTENTTYPE] = WORD("datacontenttype"),
#undef WORD
};

static bool is_binary_mode(const struct message *message)
{
        static const char prefix[] = "cloudEvents";
        const size_t len = sizeof(prefix) - 1;
        for (size_t i = 0; i < message->properties.header_count; i++) {
                struct slice name = message->properties.headers[i].name;
                if (name.len > len + 1 && memcmp(name.data, prefix, len) == 0 &&
                    (name.data[len] == '_' || name.data[len] == ':'))
                        return true;
        }
        return false;
}

static struct slice timestamp_text(struct arena *arena, uint64_t seconds)
{
        char *text = arena_alloc(arena, RFC3339_SIZE);
        rfc3339_format(seconds > INT32_MAX * INT64_C(1000) ? RFC3339_MAX_MS : (int64_t)seconds * 1000, text);
        return slice_of(text);
}

static const struct header *cloudevents_header_of(const struct message *message, int attribute)
{
        const struct header *header = message_header(message, words[attribute].header);
        return header ? header : message_header(message, words[attribute].header_colon);
}

bool cloudevents_read_headers(struct arena *arena, const struct message *message,
                              struct attributes *attributes)
{
        if (!is_binary_mode(message))
                return false;
        for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
                struct attribute_value *value = &attributes->list[i];
                const struct header *header = cloudevents_header_of(message, i);
                if (!header || header->tag == HEADER_VOID)
                        continue;
                bool text = header->tag == HEADER_STRING || header->tag == HEADER_BYTES;
                *value = (struct attribute_value){
                        .place = arena_printf(arena, "header %.*s", SLICE_PRINT(header->name)),
                        .not_text = !text,
                };
                if (text)
                        value->text = header->text;
                else if ((i == ATTRIBUTE_TIME || i == ATTRIBUTE_DELIVER_AT) &&
                         header->tag == HEADER_TIMESTAMP)
                        value->text = timestamp_text(arena, header->unsigned_);
        }
        if (!attributes->list[ATTRIBUTE_SPECVERSION].place)
                attributes->list[ATTRIBUTE_SPECVERSION].place = "header cloudEvents_specversion";
        return true;
}

static void read_attributes(struct arena *arena, const json_t *event, struct attributes *attributes)
{
        attributes->list[ATTRIBUTE_SPECVERSION].place = words[ATTRIBUTE_SPECVERSION].pointer;
        for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
                const json_t *value = json_object_get(event, words[i].name);
                if (!value || json_is_null(value))
                        continue;
                attributes->list[i] = (struct attribute_value){
                        .place = words[i].pointer,
                        .text = arena_slice(arena, json_text(value)),
                        .not_text = !json_text(value).data,
                };
        }
}

static void cloudevents_read_data(struct arena *arena, const json_t *event, struct cloudevents_data *out)
{
        const json_t *data = json_object_get(event, "data");
        const json_t *base64 = json_object_get(event, "data_base64");
        *out = (struct cloudevents_data){0};
        if (data && base64) {
                out->error = "/data_base64: expected only one of data and data_base64";
        } else if (data) {
                struct buffer text = {0}, doubles = {0};
                json_compact_both(&text, &doubles, data);
                out->payload = arena_slice(arena, (struct slice){.data = text.data, .len = text.len});
                out->compared = arena_slice(arena, (struct slice){.data = doubles.data, .len = doubles.len});
                buffer_fini(&text);
                buffer_fini(&doubles);
        } else if (!json_text(base64).data || !base64_unpack(arena, json_text(base64), &out->payload)) {
                out->error = base64 ? "/data_base64: expected base64 with padding" : "/data: missing";
        }
}

const char *cloudevents_read_body(struct arena *arena, struct slice body, struct attributes *attributes,
                                  struct cloudevents_data *data)
{
        char cause[JSON_CAUSE_MAX];
        json_t *event = json_parse(body, cause);
        if (!event)
                return arena_printf(arena, "body: %s", cause);
        const char *error = NULL;
        if (json_is_object(event)) {
                read_attributes(arena, event, attributes);
                cloudevents_read_data(arena, event, data);
        } else {
                error = "body: expected a JSON object, the CloudEvent";
        }
        json_decref(event);
        return error;
}

bool cloudevents_is_event(struct slice body)
{
        char cause[JSON_CAUSE_MAX];
        const char *word = words[ATTRIBUTE_SPECVERSION].name;
        if (body.len == 0 || !memmem(body.data, body.len, word, strlen(word)))
                return false;
        json_t *event = json_parse(body, cause);
        bool is = event && json_text(json_object_get(event, word)).data;
        json_decref(event);
        return is;
}

void cloudevents_set_header_id(struct message *message, const char *id)
{
        for (size_t i = 0; i < message->properties.header_count; i++) {
                struct header *header = &message->properties.headers[i];
                if (slice_is(header->name, words[ATTRIBUTE_ID].header) ||
                    slice_is(header->name, words[ATTRIBUTE_ID].header_colon))
                        *header = (struct header){
                                .name = header->name, .tag = HEADER_STRING, .text = slice_of(id)};
        }
}

struct slice cloudevents_set_body_id(struct arena *arena, struct slice body, const char *id)
{
        char cause[JSON_CAUSE_MAX];
        struct slice changed = {0};
        json_t *event = json_parse(body, cause);
        if (!event)
                return changed;
        if (json_is_object(event) &&
            json_object_set_new(event, words[ATTRIBUTE_ID].name, json_string(id)) == 0) {
                struct buffer text = {0};
                json_compact_sorted(&text, event);
                changed = arena_slice(arena, (struct slice){.data = text.data, .len = text.len});
                buffer_fini(&text);
        }
        json_decref(event);
        return changed;
}
