#include "run/state.h"

/* FNV-1a, good enough to spread ids over buckets. */
static uint64_t id_hash(struct slice id)
{
        uint64_t hash = 1469598103934665603u;
        for (size_t i = 0; i < id.len; i++)
                hash = (hash ^ (unsigned char)id.data[i]) * 1099511628211u;
        return hash;
}

static struct delivery_bucket *bucket_of(struct engine *engine, uint64_t hash)
{
        return &engine->inflight.buckets[(hash ^ hash >> 32) % ID_BUCKETS];
}

void inflight_init(struct engine *engine)
{
        TAILQ_INIT(&engine->inflight.all);
        TAILQ_INIT(&engine->inflight.over);
        TAILQ_INIT(&engine->gate.held);
        TAILQ_INIT(&engine->gate.suspects);
        TAILQ_INIT(&engine->gate.for_domain);
        for (size_t i = 0; i < ID_BUCKETS; i++)
                LIST_INIT(&engine->inflight.buckets[i]);
}

const struct config_queue *delivery_config_queue(const struct delivery *delivery)
{
        return &delivery->engine->config->queues[delivery->queue];
}

void inflight_add(struct engine *engine, struct delivery *delivery)
{
        struct inflight *inflight = &engine->inflight;
        TAILQ_INSERT_TAIL(&inflight->all, delivery, all);
        inflight->count++;
        inflight->body_bytes += delivery->message->body.len;
        engine->queues[delivery->queue].in_flight++;
        delivery->hash = id_hash(slice_of(delivery->envelope.id));
        if (delivery->job.recorded) {
                LIST_INSERT_HEAD(bucket_of(engine, delivery->hash), delivery, same_bucket);
                delivery->in_bucket = true;
        }
}

static struct delivery_list *list_head(struct delivery *delivery, enum delivery_listing listing)
{
        struct engine *engine = delivery->engine;
        switch (listing) {
        case LIST_HELD:
                return &engine->gate.held;
        case LIST_SUSPECTS:
                return &engine->gate.suspects;
        case LIST_PLACES:
                return &delivery->outlet->waiting[delivery->queue];
        case LIST_DOMAINS:
                return &engine->gate.for_domain;
        case LIST_OVER:
                return &engine->inflight.over;
        case LIST_NONE:
                return NULL;
        }
        return NULL;
}

void inflight_list(struct delivery *delivery, enum delivery_listing listing)
{
        if (delivery->listing == listing)
                return;
        struct delivery_list *from = list_head(delivery, delivery->listing);
        struct delivery_list *to = list_head(delivery, listing);
        if (from)
                TAILQ_REMOVE(from, delivery, listed);
        if (delivery->listing == LIST_PLACES)
                outlet_waits(delivery->outlet, delivery->queue, false);
        if (to)
                TAILQ_INSERT_TAIL(to, delivery, listed);
        if (listing == LIST_PLACES)
                outlet_waits(delivery->outlet, delivery->queue, true);
        delivery->listing = listing;
}

void inflight_remove(struct delivery *delivery)
{
        struct engine *engine = delivery->engine;
        struct inflight *inflight = &engine->inflight;
        inflight_list(delivery, LIST_NONE);
        TAILQ_REMOVE(&inflight->all, delivery, all);
        inflight->count--;
        inflight->body_bytes -= delivery->message->body.len;
        engine->queues[delivery->queue].in_flight--;
        if (delivery->in_bucket)
                LIST_REMOVE(delivery, same_bucket);
        delivery->in_bucket = false;
}

struct delivery *inflight_find(struct engine *engine, struct slice id)
{
        struct delivery *delivery;
        LIST_FOREACH(delivery, bucket_of(engine, id_hash(id)), same_bucket)
        {
                if (slice_is(id, delivery->envelope.id))
                        return delivery;
        }
        return NULL;
}

void inflight_each(struct engine *engine, void (*visit)(struct delivery *delivery, void *context),
                   void *context)
{
        struct delivery *delivery = TAILQ_FIRST(&engine->inflight.all);
        while (delivery) { /* a visit may end this one, which takes it off the list, but no other */
                struct delivery *next = TAILQ_NEXT(delivery, all);
                visit(delivery, context);
                delivery = next;
        }
}
