#ifndef LEVERET_QUERY_H
#define LEVERET_QUERY_H

#include "core/memory/arena.h"
#include "core/record/keys.h"
#include "core/record/record_fields.h"
#include "core/settings/config.h"
#include "io/redis/redis_sync.h"

#include <stdbool.h>

/*
 * What people and programs ask of leveret, from the commands or over HTTP: one answer for both. Texts are
 * raw, as they were stored: who shows them makes them safe for a terminal, a page or JSON.
 */
struct query {
        const struct config *config;
        struct redis_sync *redis;
        struct arena *arena; /* all answers lie in it */
        bool quick;          /* somebody waits for an answer within 300 ms, however much Redis holds */
};

/* The text in the query's arena, "" if it is absent. */
static inline const char *query_text(const struct query *query, struct slice text)
{
        return arena_copy(query->arena, text.data ? text.data : "", text.len);
}

/* The fields of a record that Redis listed, in the query's arena; none if it did not. */
static inline struct record_fields query_fields(const struct query *query, const struct redis_value *record)
{
        struct slice *texts = arena_alloc(query->arena, (record->count + 1) * sizeof(*texts));
        for (size_t i = 0; i < record->count; i++)
                texts[i] = record->items[i].text;
        return (struct record_fields){.texts = texts, .count = record->count};
}

/* A key of Redis in the query's arena; `name` as record_key wants it. */
static inline const char *query_key(const struct query *query, enum record_key kind, const char *name)
{
        return record_key(query->arena, query->config->redis.prefix, kind, name);
}

#endif
