#include "core/record/tell.h"

#include "core/codec/rfc3339.h"
#include "core/record/record_json.h"
#include "core/text/percent.h"

#include <inttypes.h>
#include <string.h>

enum { DELIVERY_PERSISTENT = 2, ROUTING_KEY_MAX = 255 };

/* Set as they were when the change came, or of nobody's concern. */
static bool is_set_apart(struct slice name)
{
        static const char *const names[] = {"state", "redrives", "attempt", "deferrals", RECORD_EVENT_DUE};
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                if (slice_is(name, names[i]))
                        return true;
        return false;
}

static void tell_add_data(struct buffer *out, struct slice job_id, const struct record_fields *fields,
                          const struct due_event *due)
{
        buffer_add_text(out, "{\"id\":");
        buffer_add_json_string(out, job_id);
        buffer_printf(out,
                      ",\"state\":\"%s\",\"redrives\":%" PRIu32 ",\"attempt\":%" PRIu32
                      ",\"deferrals\":%" PRIu32,
                      job_change_word(due->change), due->generation.redrives, due->generation.attempt,
                      due->generation.deferrals);
        for (size_t i = 0; i + 1 < fields->count; i += 2) {
                if (is_set_apart(fields->texts[i]))
                        continue;
                buffer_add_char(out, ',');
                record_json_field(out, fields->texts[i], fields->texts[i + 1]);
        }
        buffer_add_char(out, '}');
}

/* A URI reference of RFC 3986. */
static void add_source(struct buffer *out, const char *prefix)
{
        buffer_add_text(out, "/leveret/");
        percent_add(out, prefix);
}

/* Attributes of an extension, whose values need no escape. */
static void add_trace(struct buffer *out, const struct tell_job *job)
{
        if (!job->traceparent)
                return;
        buffer_printf(out, ",\"traceparent\":\"%s\"", job->traceparent);
        if (!job->tracestate)
                return;
        buffer_add_text(out, ",\"tracestate\":");
        buffer_add_json_string(out, slice_of(job->tracestate));
}

static const char *body_of(struct arena *arena, const struct tell_job *job, const struct tell *tell,
                           const char *data)
{
        struct buffer out = {0};
        char time[RFC3339_SIZE];
        rfc3339_format(tell->at_ms, time);
        buffer_add_text(&out, "{\"specversion\":\"1.0\",\"id\":");
        buffer_add_json_string(&out, slice_of(tell->id));
        buffer_add_text(&out, ",\"source\":\"");
        add_source(&out, job->prefix);
        buffer_printf(&out, "\",\"type\":\"%s\",\"subject\":", tell->type);
        buffer_add_json_string(&out, job->id);
        add_trace(&out, job);
        buffer_printf(&out, ",\"time\":\"%s\",\"datacontenttype\":\"application/json\",\"data\":%s}", time,
                      data);
        const char *body = arena_copy(arena, out.data, out.len);
        buffer_fini(&out);
        return body;
}

struct tell tell_make(struct arena *arena, const struct tell_job *job, const struct record_fields *fields,
                      const struct due_event *due)
{
        const char *word = job_change_word(due->change);
        struct slice type = record_field(fields, "type"), created = record_field(fields, "created_ms");
        struct buffer data = {0};
        size_t room = ROUTING_KEY_MAX - strlen(word) - 1;
        if (type.len > room)
                type.len = room;
        struct tell tell = {
                .at_ms = due->at_ms,
                .traceparent = job->traceparent,
                .tracestate = job->traceparent ? job->tracestate : NULL,
                .type = arena_printf(arena, TELL_TYPES "%s.v1", word),
                .key = arena_printf(arena, "%s.%.*s", word, SLICE_PRINT(type)),
                .id = arena_printf(arena, "%.*s/%.*s/%s/%" PRIu32 ".%" PRIu32 ".%" PRIu32,
                                   SLICE_PRINT(job->id), SLICE_PRINT(created), word, due->generation.redrives,
                                   due->generation.attempt, due->generation.deferrals),
        };
        tell_add_data(&data, job->id, fields, due);
        tell.body = body_of(arena, job, &tell, data.data);
        buffer_fini(&data);
        return tell;
}

struct message *tell_message(struct arena *arena, const char *exchange, const struct tell *tell)
{
        struct message *message = arena_alloc(arena, sizeof(*message));
        message->exchange = slice_of(arena_strdup(arena, exchange));
        message->routing_key = slice_of(arena_strdup(arena, tell->key));
        message->body = slice_of(arena_strdup(arena, tell->body));
        message->body_size = message->body.len;
        message->properties = (struct message_properties){
                .content_type = SLICE_LITERAL("application/cloudevents+json; charset=utf-8"),
                .message_id = slice_of(arena_strdup(arena, tell->id)),
                .type = slice_of(arena_strdup(arena, tell->type)),
                .app_id = SLICE_LITERAL("leveret"),
                .has_delivery_mode = true,
                .delivery_mode = DELIVERY_PERSISTENT,
                .has_timestamp = true,
                .timestamp = (uint64_t)(tell->at_ms / 1000),
        };
        message_set_text(arena, message, "traceparent", tell->traceparent);
        message_set_text(arena, message, "tracestate", tell->tracestate);
        return message;
}

bool tell_type_is(const char *type)
{
        return type && strncmp(type, TELL_TYPES, sizeof(TELL_TYPES) - 1) == 0;
}
