#include "core/record/record_timeline.h"

#include "core/codec/json.h"
#include "core/text/buffer.h"

#include <stdlib.h>

static struct slice timeline_field(const struct slice *fields, size_t count, const char *name)
{
        for (size_t i = 0; i + 1 < count; i += 2)
                if (slice_is(fields[i], name))
                        return fields[i + 1];
        return (struct slice){0};
}

static int64_t time_of(struct arena *arena, struct slice text)
{
        return text.data ? strtoll(arena_copy(arena, text.data, text.len), NULL, 10) : 0;
}

/* Its beginning, as each entry has it. */
static void begin_entry(struct buffer *out, struct slice at_ms, struct slice worker)
{
        buffer_add_text(out, "{\"ts\":");
        buffer_add_slice(out, at_ms);
        buffer_add_text(out, ",\"worker\":");
        buffer_add_json_string(out, worker);
}

static void add_effect(struct buffer *out, const struct slice *fields, size_t count)
{
        struct slice outlet = SLICE_LITERAL(RECORD_FIRST_OUTLET), key = {0}, provider_id = {0};
        for (size_t i = 0; i + 1 < count; i += 2) {
                if (slice_begins(fields[i], "outlet."))
                        outlet = fields[i + 1];
                if (!slice_begins(fields[i], "effect."))
                        continue;
                key.data = fields[i].data + strlen("effect.");
                key.len = fields[i].len - strlen("effect.");
                provider_id = fields[i + 1];
        }
        if (!key.data)
                return;
        buffer_add_text(out, ",\"effect\":");
        buffer_add_json_string(out, key);
        buffer_add_text(out, ",\"outlet\":");
        buffer_add_json_string(out, outlet);
        buffer_add_text(out, ",\"outcome\":\"sent\",\"provider_id\":");
        buffer_add_json_string(out, provider_id);
}

static void take_entry(struct record_timeline *timeline, struct arena *arena, struct slice at_ms,
                       struct buffer *out)
{
        buffer_add_char(out, '}');
        timeline->list[timeline->count].at_ms = time_of(arena, at_ms);
        timeline->list[timeline->count++].entry = arena_copy(arena, out->data, out->len);
        buffer_fini(out);
}

struct record_timeline record_timeline(struct arena *arena, const struct slice *fields, size_t count)
{
        struct record_timeline timeline = {0};
        struct slice started = timeline_field(fields, count, "started_ms"),
                     finished = timeline_field(fields, count, "finished_ms"),
                     worker = timeline_field(fields, count, "worker");
        bool completed = slice_is(timeline_field(fields, count, "state"), "completed");
        if (!json_number_is(started) || timeline_field(fields, count, "lease_ms").data || !worker.data)
                return timeline;
        struct buffer out = {0};
        begin_entry(&out, started, worker);
        buffer_add_text(
                &out, ",\"event\":\"claim\",\"answer\":\"new\",\"attempt\":0,\"deferrals\":0,\"redrives\":0");
        take_entry(&timeline, arena, started, &out);
        if (!completed || !json_number_is(finished))
                return timeline;
        out = (struct buffer){0};
        begin_entry(&out, finished, worker);
        buffer_add_text(&out, ",\"event\":\"completed\"");
        add_effect(&out, fields, count);
        take_entry(&timeline, arena, finished, &out);
        return timeline;
}
