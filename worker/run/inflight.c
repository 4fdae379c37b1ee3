#include "run/state.h"

/* FNV-1a, good enough to spread ids over buckets. */
static size_t bucket_of(struct slice id)
{
        uint64_t hash = 1469598103934665603u;
        for (size_t i = 0; i < id.len; i++)
                hash = (hash ^ (unsigned char)id.data[i]) * 1099511628211u;
        return (size_t)(hash ^ hash >> 32) % ID_BUCKETS;
}

void inflight_add(struct engine *engine, struct delivery *delivery)
{
        TAILQ_INSERT_TAIL(&engine->all, delivery, all);
        engine->in_flight++;
        lifecycle_busy(engine);
        engine->body_bytes += delivery->message->body.len;
        engine->queues[delivery->queue].in_flight++;
        if (delivery->job.recorded) {
                LIST_INSERT_HEAD(&engine->buckets[bucket_of(slice_of(delivery->envelope.id))], delivery,
                                 same_bucket);
                delivery->in_bucket = true;
        }
}

static struct delivery_queue *list_head(struct delivery *delivery, enum delivery_list list)
{
        struct engine *engine = delivery->engine;
        switch (list) {
        case LIST_HELD:
                return &engine->held;
        case LIST_SUSPECTS:
                return &engine->suspects;
        case LIST_PLACES:
                return &delivery->outlet->waiting;
        case LIST_NONE:
                return NULL;
        }
        return NULL;
}

void inflight_list(struct delivery *delivery, enum delivery_list list)
{
        if (delivery->list == list)
                return;
        struct delivery_queue *from = list_head(delivery, delivery->list);
        struct delivery_queue *to = list_head(delivery, list);
        if (from)
                TAILQ_REMOVE(from, delivery, listed);
        if (to)
                TAILQ_INSERT_TAIL(to, delivery, listed);
        delivery->list = list;
}

void inflight_remove(struct delivery *delivery)
{
        struct engine *engine = delivery->engine;
        inflight_list(delivery, LIST_NONE);
        TAILQ_REMOVE(&engine->all, delivery, all);
        engine->in_flight--;
        engine->body_bytes -= delivery->message->body.len;
        engine->queues[delivery->queue].in_flight--;
        if (delivery->in_bucket)
                LIST_REMOVE(delivery, same_bucket);
        delivery->in_bucket = false;
}

struct delivery *inflight_find(struct engine *engine, struct slice id)
{
        struct delivery *delivery;
        LIST_FOREACH(delivery, &engine->buckets[bucket_of(id)], same_bucket)
        {
                if (slice_is(id, delivery->envelope.id))
                        return delivery;
        }
        return NULL;
}
