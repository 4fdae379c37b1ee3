#include "core/message/topic.h"
#include "run/state.h"

#include <string.h>

/* Which outlet an effect leaves by: that of the effect, else of its type, else of the queue, else the first
 * of the kind; and from there along the fallbacks of that one. */

static const enum outlet_kind kind_of[] = {[EFFECT_MAIL] = OUTLET_MAIL};

struct outlet *route_find(struct engine *engine, const char *name)
{
        for (size_t i = 0; name && i < engine->outlet_count; i++)
                if (strcmp(engine->outlets[i].config->name, name) == 0)
                        return &engine->outlets[i];
        return NULL;
}

static struct outlet *first_of_kind(struct engine *engine, enum outlet_kind kind)
{
        for (size_t i = 0; i < engine->outlet_count; i++)
                if (engine->outlets[i].config->kind == kind)
                        return &engine->outlets[i];
        return NULL;
}

/* Where the effect belongs while all is well. NULL: the effect itself names an outlet that there is not. */
static struct outlet *first_choice(const struct delivery *delivery, const struct effect *effect)
{
        struct engine *engine = delivery->engine;
        enum outlet_kind kind = kind_of[effect->kind];
        if (effect->mail.outlet)
                return route_find(engine, effect->mail.outlet);
        const struct config_handler *handler = config_handler_find(engine->config, delivery->handler->type);
        const char *const names[] = {handler ? handler->outlet : NULL,
                                     delivery_config_queue(delivery)->outlet};
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
                struct outlet *outlet = route_find(engine, names[i]);
                if (outlet && outlet->config->kind == kind)
                        return outlet;
        }
        return first_of_kind(engine, kind);
}

const struct config_outlet *route_home(const struct delivery *delivery, size_t effect)
{
        const struct outlet *outlet = first_choice(delivery, &delivery->plan->effects[effect]);
        return outlet ? outlet->config : NULL;
}

/* The first along the fallbacks whose breaker lets something through; if none does, the first of all, at
 * which it is put off. What an earlier run may have sent stays with its first outlet: another service would
 * not know it for the same mail. */
struct outlet *route_choose(const struct delivery *delivery)
{
        struct outlet *first = first_choice(delivery, &delivery->plan->effects[delivery->job.effect]);
        if (!first || first->breaker.state != BREAKER_OPEN || !delivery->untried)
                return first;
        for (size_t i = 0; i < first->config->fallback.count; i++) {
                struct outlet *next = route_find(delivery->engine, first->config->fallback.list[i]);
                if (next && next->breaker.state != BREAKER_OPEN)
                        return next;
        }
        return first;
}

bool route_parks(const struct delivery *delivery, size_t effect)
{
        const struct config *config = delivery->engine->config;
        const struct config_handler *handler = config_handler_find(config, delivery->handler->type);
        if (handler && handler->has_on_ambiguous)
                return handler->on_ambiguous == ON_AMBIGUOUS_PARK;
        const struct outlet *outlet = first_choice(delivery, &delivery->plan->effects[effect]);
        return outlet && outlet->config->on_ambiguous == ON_AMBIGUOUS_PARK;
}

/* ---- what a queue can need ---- */

/* The outlet and those that it falls back to, bit by bit. */
static uint32_t bits_of(struct engine *engine, const struct outlet *outlet)
{
        if (!outlet)
                return 0;
        uint32_t bits = (uint32_t)1 << (outlet - engine->outlets);
        for (size_t i = 0; i < outlet->config->fallback.count; i++) {
                const struct outlet *next = route_find(engine, outlet->config->fallback.list[i]);
                bits |= next ? (uint32_t)1 << (next - engine->outlets) : 0;
        }
        return bits;
}

static bool queue_is_bound(const struct config_queue *queue, const char *type)
{
        for (size_t i = 0; i < queue->binding_count; i++)
                if (topic_matches(queue->bindings[i], type))
                        return true;
        return false;
}

static uint32_t needs_of(struct engine *engine, const struct config_queue *queue)
{
        const struct config *config = engine->config;
        uint32_t bits = bits_of(engine, route_find(engine, queue->outlet));
        bits |= bits_of(engine, first_of_kind(engine, OUTLET_MAIL));
        bits |= bits_of(engine, first_of_kind(engine, OUTLET_POST));
        for (size_t i = 0; i < config->handler_count; i++)
                if (queue_is_bound(queue, config->handlers[i].type))
                        bits |= bits_of(engine, route_find(engine, config->handlers[i].outlet));
        return bits;
}

void route_configure(struct engine *engine)
{
        for (size_t i = 0; i < engine->config->queue_count; i++)
                engine->queues[i].needs = needs_of(engine, &engine->config->queues[i]);
        for (size_t i = 0; i < engine->config->queue_count; i++)
                for (size_t k = 0; k < engine->outlet_count; k++)
                        outlet_weigh(&engine->outlets[k], i, engine->config->queues[i].weight);
}

bool route_is_covered(struct engine *engine, size_t outlet)
{
        const struct config_texts *fallback = &engine->outlets[outlet].config->fallback;
        for (size_t i = 0; i < fallback->count; i++) {
                const struct outlet *next = route_find(engine, fallback->list[i]);
                if (next && next->breaker.state == BREAKER_CLOSED)
                        return true;
        }
        return false;
}

int64_t route_send_limit_ms(const struct engine *engine)
{
        int64_t longest_ms = 0;
        for (size_t i = 0; i < engine->outlet_count; i++)
                if (engine->outlets[i].config->timeout_ms > longest_ms)
                        longest_ms = engine->outlets[i].config->timeout_ms;
        return longest_ms;
}
