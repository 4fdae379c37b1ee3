#ifndef LEVERET_QUERY_SCHEDULES_H
#define LEVERET_QUERY_SCHEDULES_H

#include "core/text/buffer.h"
#include "query/query.h"

enum { QUERY_TICKS = 5 };

/* One schedule of the configuration, when its ticks come, and what became of the last one. */
struct query_schedule {
        const struct config_schedule *config;
        int64_t next_ms[QUERY_TICKS];
        size_t next_count;
        int64_t last_ms;                    /* the last tick that was published; 0: none is known */
        const char *last_id, *last_state;   /* of its job; NULL: none, or its record has expired */
        int64_t published, missed, skipped; /* ticks, since the schedule is as it is */
};

/* All of them, in the query's arena. NULL, or what went wrong. */
const char *query_schedules(const struct query *query, struct query_schedule **list);
/* The one of this name, or NULL. */
const struct config_schedule *query_schedule_find(const struct config *config, const char *name);
/* Adds it as a JSON object. */
void query_schedule_add(const struct query_schedule *schedule, struct buffer *out);

#endif
