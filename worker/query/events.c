#include "query/events.h"

#include "core/record/keys.h"

void query_events_due(const struct query *query, const char *id, struct query_events *events)
{
        const struct config *config = query->config;
        struct due_event due[DUE_MAX];
        uint32_t changes = due_changes(config);
        *events = (struct query_events){.key = record_key(query->arena, config->redis.prefix, KEY_JOB, id)};
        if (changes == 0)
                return;
        const struct redis_value *record = redis_sync_due(query->redis, query->arena, events->key, "");
        if (record->kind != REDIS_LIST || tell_type_is(query_text(query, redis_value_field(record, "type"))))
                return;
        struct tell_job job = {.prefix = config->redis.prefix, .id = slice_of(id)};
        struct record_fields fields = query_fields(query, record);
        events->due = query_text(query, redis_value_field(record, RECORD_EVENT_DUE));
        size_t count = due_parse(slice_of(events->due), due);
        for (size_t i = 0; i < count; i++)
                if (changes >> due[i].change & 1)
                        events->list[events->count++] = tell_make(query->arena, &job, &fields, &due[i]);
}

void query_events_told(const struct query *query, const struct query_events *events)
{
        redis_sync_due(query->redis, query->arena, events->key, events->due);
}
