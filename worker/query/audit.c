#include "query/audit.h"
#include "core/codec/json.h"
#include "core/codec/rfc3339.h"
#include "core/record/keys.h"
#include "io/log/log.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdio.h>

static void add(struct buffer *out, const char *name, const char *text)
{
        buffer_printf(out, ",\"%s\":", name);
        buffer_add_json_string(out, slice_of(text));
}

/* Puts it in front and cuts off what is too old, in one round trip. */
static bool push(const struct query *query, struct slice entry)
{
        struct slice key = slice_of(record_key(query->arena, query->config->redis.prefix, KEY_AUDIT, NULL));
        struct slice last = slice_of(arena_printf(query->arena, "%d", RECORD_AUDIT_MAX - 1));
        const struct slice pushed[] = {SLICE_LITERAL("LPUSH"), key, entry};
        const struct slice cut[] = {SLICE_LITERAL("LTRIM"), key, SLICE_LITERAL("0"), last};
        redis_sync_queue(query->redis, pushed, sizeof(pushed) / sizeof(*pushed));
        redis_sync_queue(query->redis, cut, sizeof(cut) / sizeof(*cut));
        return redis_sync_flush(query->redis);
}

bool audit_write(const struct query *query, const char *token, const char *action, const char *target)
{
        char time[RFC3339_SIZE], line[LOG_VALUE_MAX];
        struct buffer entry = {0};
        rfc3339_format(clock_wall_ms(), time);
        buffer_printf(&entry, "{\"time\":\"%s\"", time);
        add(&entry, "token", token);
        add(&entry, "action", action);
        add(&entry, "target", target);
        buffer_add_char(&entry, '}');
        bool done = push(query, (struct slice){.data = entry.data, .len = entry.len});
        buffer_fini(&entry);
        snprintf(line, sizeof(line), "%s: %s %s", token, action, target);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "audit", .msg = line});
        return done;
}

const char *audit_add_items(const struct query *query, size_t limit, struct buffer *out)
{
        const char *key = record_key(query->arena, query->config->redis.prefix, KEY_AUDIT, NULL);
        const struct redis_value *entries =
                redis_sync_call(query->redis, query->arena, "LRANGE", key, "0",
                                arena_printf(query->arena, "%zu", limit - 1), NULL);
        if (entries->kind != REDIS_LIST)
                return query_text(query, entries->text);
        for (size_t i = 0; i < entries->count; i++) {
                buffer_add_text(out, i ? "," : "");
                buffer_add_slice(out, entries->items[i].text);
        }
        return NULL;
}
