#include "core/record/record_timeline.h"

#include "core/codec/json.h"
#include "core/text/buffer.h"

#include <stdlib.h>

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

static void add_effect(struct buffer *out, const struct record_fields *fields)
{
        struct slice outlet = SLICE_LITERAL(RECORD_FIRST_OUTLET), key = {0}, provider_id = {0};
        for (size_t i = 0; i + 1 < fields->count; i += 2) {
                struct slice name = fields->texts[i], value = fields->texts[i + 1];
                if (slice_begins(name, "outlet."))
                        outlet = value;
                if (!slice_begins(name, "effect."))
                        continue;
                key.data = name.data + strlen("effect.");
                key.len = name.len - strlen("effect.");
                provider_id = value;
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

struct record_timeline record_timeline(struct arena *arena, const struct record_fields *fields)
{
        struct record_timeline timeline = {0};
        struct slice started = record_field(fields, "started_ms"),
                     finished = record_field(fields, "finished_ms"), worker = record_field(fields, "worker");
        bool completed = slice_is(record_field(fields, "state"), "completed");
        if (!json_number_is(started) || record_field(fields, "lease_ms").data || !worker.data)
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
        add_effect(&out, fields);
        take_entry(&timeline, arena, finished, &out);
        return timeline;
}
