#include "io/amqp/amqp_channels.h"
#include "core/broker/topology.h"
#include "core/memory/memory.h"

#include <assert.h>
#include <stdlib.h>

static struct channel *channel_add(struct channels *channels, size_t queue, const char *name)
{
        struct channel *channel = &channels->list[channels->count];
        channel_init(channel, channels->count++, queue, name);
        channel->foreign = !channels->config->queues[queue].declare;
        return channel;
}

void channels_open(struct channels *channels, const struct config *config,
                   struct arena *(*arena)(void *context), void *context)
{
        *channels = (struct channels){.config = config};
        channels->list = memory_zeroed(2 * config->queue_count, sizeof(*channels->list));
        arena_init(&channels->names);
        for (size_t i = 0; i < config->queue_count; i++)
                channel_add(channels, i, config->queues[i].name);
        for (size_t i = 0; i < config->queue_count; i++)
                if (!config->queues[i].declare)
                        channel_add(channels, i,
                                    topology_again_name(&channels->names, config->queues[i].name));
        for (size_t i = 0; i < channels->count; i++) {
                channels->list[i].arena = arena;
                channels->list[i].arena_context = context;
        }
}

void channels_close(struct channels *channels)
{
        for (size_t i = 0; i < channels->count; i++)
                channel_fini(&channels->list[i]);
        free(channels->list);
        arena_fini(&channels->names);
}

void channels_reset(struct channels *channels)
{
        for (size_t i = 0; i < channels->count; i++)
                channel_reset(&channels->list[i]);
}

/* The channels of a queue, one after the other: NULL begins, and ends. */
static struct channel *channel_next(const struct channels *channels, size_t queue, const struct channel *last)
{
        assert(queue < channels->config->queue_count);
        if (!last)
                return &channels->list[queue];
        for (size_t i = channels->config->queue_count; last->number == queue && i < channels->count; i++)
                if (channels->list[i].queue == queue)
                        return &channels->list[i];
        return NULL;
}

/* Both get one at least. */
static uint16_t channel_share(const struct channels *channels, const struct channel *channel,
                              uint16_t prefetch)
{
        uint16_t back = (uint16_t)(prefetch / 4 > 0 ? prefetch / 4 : 1);
        if (channels->config->queues[channel->queue].declare || prefetch <= 1)
                return prefetch;
        return channel->number == channel->queue ? (uint16_t)(prefetch - back) : back;
}

void channels_want(struct channels *channels, size_t queue, uint16_t prefetch)
{
        for (struct channel *at = NULL; (at = channel_next(channels, queue, at));) {
                at->cancelled_due = prefetch == 0 && (at->wanted != 0 || at->cancelled_due);
                at->wanted = channel_share(channels, at, prefetch);
        }
}

/* Can no delivery come by it? */
static bool channel_is_quiet(const struct channel *channel)
{
        return channel->phase == CHANNEL_IDLE || channel->phase == CHANNEL_CLOSED;
}

bool channels_cancelled(struct channels *channels, size_t queue)
{
        bool due = false, quiet = true;
        for (struct channel *at = NULL; (at = channel_next(channels, queue, at));) {
                due = due || at->cancelled_due;
                quiet = quiet && channel_is_quiet(at);
        }
        for (struct channel *at = NULL; due && quiet && (at = channel_next(channels, queue, at));)
                at->cancelled_due = false;
        return due && quiet;
}

bool channels_consuming(const struct channels *channels, size_t queue)
{
        bool consuming = true;
        for (struct channel *at = NULL; (at = channel_next(channels, queue, at));)
                consuming = consuming && at->phase == CHANNEL_CONSUMING;
        return consuming;
}

bool channels_may_deliver(const struct channels *channels, size_t queue)
{
        bool may = false;
        for (struct channel *at = NULL; (at = channel_next(channels, queue, at));)
                may = may || !channel_is_quiet(at);
        return may;
}

bool channels_lost(const struct channels *channels, size_t queue)
{
        bool lost = false;
        for (struct channel *at = NULL; (at = channel_next(channels, queue, at));)
                lost = lost || at->lost;
        return lost;
}
