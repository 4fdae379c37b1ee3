#include "query/pause.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"
#include "query/fleet.h"

#include <string.h>
#include <time.h>

/* A worker looks at what is paused every 400 ms, an idle one every six seconds. */
enum { FOLLOW_WITHIN_MS = 7000, LOOK_EVERY_MS = 50 };

/* NULL, or what Redis said. */
static const char *count_workers(const struct query *query, const char *queue, bool paused,
                                 struct pause *pause)
{
        struct fleet fleet = {0};
        const char *error = fleet_workers(query, &fleet);
        pause->workers = pause->late = 0;
        for (size_t i = 0; i < fleet.worker_count; i++) {
                if (!fleet_has_word(fleet.workers[i].queues, queue))
                        continue;
                pause->workers++;
                pause->late += fleet_has_word(fleet.workers[i].paused, queue) != paused;
        }
        return error;
}

/* Every replica looks at this set. */
const char *query_pause(const struct query *query, const char *queue, bool paused, struct pause *pause)
{
        const char *key = record_key(query->arena, query->config->redis.prefix, KEY_PAUSED, NULL);
        const struct redis_value *changed =
                redis_sync_call(query->redis, query->arena, paused ? "SADD" : "SREM", key, queue, NULL);
        *pause = (struct pause){.changed = changed->integer != 0};
        if (changed->kind != REDIS_INTEGER)
                return query_text(query, changed->text);
        int64_t until_ms = clock_boot_ms() + FOLLOW_WITHIN_MS;
        const char *error;
        while (!(error = count_workers(query, queue, paused, pause)) && pause->late > 0 &&
               clock_boot_ms() < until_ms)
                nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_MS * 1000000L}, NULL);
        return error;
}

bool query_has_queue(const struct config *config, const char *queue)
{
        for (size_t i = 0; i < config->queue_count; i++)
                if (strcmp(config->queues[i].name, queue) == 0)
                        return true;
        return false;
}
