#include "io/redis/connection/redis_hold.h"
#include "core/memory/memory.h"

#include <stdlib.h>

static redisReply **slot(const struct redis_hold *hold, size_t index)
{
        return &hold->replies[(hold->head + index) % hold->size];
}

void redis_hold_push(struct redis_hold *hold, redisReply *reply)
{
        if (hold->count == hold->size) {
                size_t size = hold->size ? hold->size * 2 : 64;
                redisReply **replies = memory_zeroed(size, sizeof(redisReply *));
                for (size_t i = 0; i < hold->count; i++)
                        replies[i] = *slot(hold, i);
                free(hold->replies);
                hold->replies = replies;
                hold->size = size;
                hold->head = 0;
        }
        *slot(hold, hold->count++) = reply;
}

redisReply *redis_hold_pop(struct redis_hold *hold)
{
        if (hold->cleared == 0)
                return NULL;
        redisReply *reply = *slot(hold, 0);
        hold->head = (hold->head + 1) % hold->size;
        hold->count--;
        hold->cleared--;
        return reply;
}

void redis_hold_clear(struct redis_hold *hold)
{
        hold->cleared = hold->count;
}

const char *redis_hold_error(const struct redis_hold *hold)
{
        for (size_t i = 0; i < hold->count; i++)
                if ((*slot(hold, i))->type == REDIS_REPLY_ERROR)
                        return (*slot(hold, i))->str;
        return NULL;
}

void redis_hold_drop(struct redis_hold *hold)
{
        for (size_t i = 0; i < hold->count; i++)
                freeReplyObject(*slot(hold, i));
        hold->count = hold->cleared = 0;
}

void redis_hold_fini(struct redis_hold *hold)
{
        redis_hold_drop(hold);
        free(hold->replies);
        hold->replies = NULL;
        hold->size = 0;
}
