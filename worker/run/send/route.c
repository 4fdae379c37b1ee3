#include "core/broker/topology.h"
#include "core/message/child.h"
#include "core/settings/topic.h"
#include "io/machine/origin.h"
#include "run/send.h"

#include <stdio.h>
#include <string.h>

/* Which outlet an effect leaves by: that of the effect, else of its type, else of the queue, else the first
 * of the kind; and from there along the fallbacks of that one. */

static const enum outlet_kind kind_of[] = {
        [EFFECT_MAIL] = OUTLET_MAIL, [EFFECT_POST] = OUTLET_POST, [EFFECT_PUBLISH] = OUTLET_PUBLISH};
static const char *const kind_words[] = {
        [OUTLET_MAIL] = "mail", [OUTLET_POST] = "post", [OUTLET_PUBLISH] = "publish"};

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

/* Where the effect belongs while all is well. NULL: the effect names an outlet that there is not, or there is
 * none of its kind. */
static struct outlet *first_choice(const struct delivery *delivery, const struct effect *effect)
{
        struct engine *engine = delivery->engine;
        enum outlet_kind kind = kind_of[effect->kind];
        if (effect_outlet(effect))
                return route_find(engine, effect_outlet(effect));
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

/* The way of the effect through that outlet: itself, or its lane to where a post leads. NULL: it may not lead
 * there. */
static struct outlet *way_through(const struct delivery *delivery, struct outlet *outlet,
                                  const struct effect *effect)
{
        const struct config_outlet *config = outlet->config;
        struct origin origin;
        bool named_privately;
        if (effect->kind != EFFECT_POST)
                return outlet;
        if (origin_parse(delivery->arena, effect->post.url, &origin) ||
            !origin_is_listed(delivery->arena, &origin, &config->post.allow, &named_privately))
                return NULL;
        return lane_get(delivery->engine, outlet, origin_text(delivery->arena, &origin),
                        config->post.allow_private || named_privately);
}

struct outlet *route_at(const struct delivery *delivery, size_t effect, uint8_t position)
{
        struct outlet *first = first_choice(delivery, &delivery->plan->effects[effect]);
        if (position == 0)
                return first;
        if (position == ROUTE_RECORDED)
                return route_find(delivery->engine, tries_outlet(delivery, effect));
        if (!first)
                return NULL;
        const struct config_texts *fallback = &first->config->fallback;
        return position <= fallback->count ? route_find(delivery->engine, fallback->list[position - 1])
                                           : NULL;
}

/* The way of the effect at that position, or NULL. */
static struct outlet *route_way(const struct delivery *delivery, size_t effect, uint8_t position)
{
        struct outlet *outlet = route_at(delivery, effect, position);
        return outlet ? way_through(delivery, outlet, &delivery->plan->effects[effect]) : NULL;
}

static uint8_t route_length(const struct delivery *delivery, size_t effect)
{
        const struct outlet *first = first_choice(delivery, &delivery->plan->effects[effect]);
        return first ? (uint8_t)(1 + first->config->fallback.count) : 1;
}

uint8_t route_position(const struct delivery *delivery, size_t effect)
{
        const char *name = tries_outlet(delivery, effect);
        for (uint8_t i = 0; i < route_length(delivery, effect); i++) {
                const struct outlet *outlet = route_at(delivery, effect, i);
                if (outlet && strcmp(name, outlet->config->name) == 0)
                        return i;
        }
        return ROUTE_RECORDED;
}

static struct outlet *route_allowed(const struct delivery *delivery, uint8_t position)
{
        const struct job *job = &delivery->job;
        bool foreign = position == ROUTE_RECORDED && job->tries[job->effect].doubt == DOUBT_NONE;
        return job_may_use_outlet(job, position) && !foreign ? route_way(delivery, job->effect, position)
                                                             : NULL;
}

/* Where it was tried last, else the first that lets something through; if none does, the first that is
 * allowed, at which it is put off. */
struct outlet *route_choose(const struct delivery *delivery, uint8_t *position)
{
        const struct job *job = &delivery->job;
        *position = job->tries[job->effect].outlet;
        struct outlet *outlet = route_allowed(delivery, *position), *shut = NULL;
        if (outlet && outlet->breaker.state != BREAKER_OPEN)
                return outlet;
        uint8_t length = route_length(delivery, job->effect);
        for (uint8_t i = 0; i < length; i++) {
                outlet = route_allowed(delivery, i);
                if (!outlet || (shut && outlet->breaker.state == BREAKER_OPEN))
                        continue;
                *position = i;
                if (outlet->breaker.state != BREAKER_OPEN)
                        return outlet;
                shut = outlet;
        }
        return shut;
}

void route_wait(struct delivery *delivery, struct outlet *outlet, uint8_t position)
{
        delivery->outlet = outlet;
        delivery->outlet_index = outlet->index;
        delivery->position = position;
        inflight_list(delivery, LIST_PLACES);
}

bool route_has_later(const struct delivery *delivery)
{
        size_t effect = delivery->job.effect;
        for (unsigned i = delivery->position + 1U; i < route_length(delivery, effect); i++) {
                const struct outlet *outlet = route_way(delivery, effect, (uint8_t)i);
                if (outlet && outlet->breaker.state != BREAKER_OPEN)
                        return true;
        }
        return false;
}

uint8_t route_fallback_after(const struct delivery *delivery)
{
        if (route_length(delivery, delivery->job.effect) < 2)
                return 0;
        int64_t after = delivery->outlet->config->fallback_after;
        return after < UINT8_MAX ? (uint8_t)after : UINT8_MAX;
}

/* ---- what no outlet takes ---- */

static const char *post_fault(struct delivery *delivery, const struct effect *effect,
                              const struct outlet *outlet)
{
        struct arena *arena = delivery->arena;
        struct origin origin;
        bool named_privately;
        const char *wrong = origin_parse(arena, effect->post.url, &origin);
        if (wrong || origin_is_listed(arena, &origin, &outlet->config->post.allow, &named_privately))
                return wrong;
        return arena_printf(arena, "outlets.%s.allow does not list %s", outlet->config->name,
                            origin_text(arena, &origin));
}

static bool exchange_is_allowed(const struct config *config, const char *exchange)
{
        bool allowed = !exchange || strcmp(exchange, EXCHANGE_IN) == 0;
        for (size_t i = 0; i < config->publish.exchanges.count && !allowed; i++)
                allowed = strcmp(config->publish.exchanges.list[i], exchange) == 0;
        return allowed;
}

static const char *publish_fault(struct delivery *delivery, const struct outgoing_batch *batch)
{
        struct arena *arena = delivery->arena;
        for (size_t i = 0; i < batch->count; i++)
                if (!exchange_is_allowed(delivery->engine->config, batch->list[i].exchange))
                        return arena_printf(arena, "publish.exchanges does not list %.100s",
                                            batch->list[i].exchange);
        const char *id = child_id(arena, delivery->envelope.id, batch, batch->count - 1);
        return strlen(id) > ENVELOPE_ID_MAX ? "the id of the message would be longer than 200 bytes" : NULL;
}

static const char *effect_fault(struct delivery *delivery, const struct effect *effect)
{
        const struct outlet *outlet = first_choice(delivery, effect);
        enum outlet_kind kind = kind_of[effect->kind];
        if (!outlet && effect_outlet(effect)) /* it waits for a configuration that has it */
                return NULL;
        if (!outlet)
                return arena_printf(delivery->arena, "no outlet of the kind %s is configured",
                                    kind_words[kind]);
        if (outlet->config->kind != kind)
                return arena_printf(delivery->arena, "outlet %s is of the kind %s", outlet->config->name,
                                    kind_words[outlet->config->kind]);
        if (effect->kind == EFFECT_POST)
                return post_fault(delivery, effect, outlet);
        return effect->kind == EFFECT_PUBLISH ? publish_fault(delivery, &effect->publish) : NULL;
}

bool route_allows(struct delivery *delivery)
{
        const struct plan *plan = delivery->plan;
        for (size_t i = 0; i < plan->count; i++) {
                const char *fault = effect_fault(delivery, &plan->effects[i]);
                if (!fault)
                        continue;
                snprintf(delivery->error, sizeof(delivery->error), "%s %s: %s",
                         kind_words[kind_of[plan->effects[i].kind]], plan->effects[i].key, fault);
                return false;
        }
        return true;
}

enum on_ambiguous route_on_ambiguous(const struct delivery *delivery, size_t effect)
{
        const struct config *config = delivery->engine->config;
        const struct config_handler *handler = config_handler_find(config, delivery->handler->type);
        if (delivery->plan->effects[effect].kind == EFFECT_PUBLISH) /* a repetition is a duplicate */
                return ON_AMBIGUOUS_RESEND;
        if (handler && handler->has_on_ambiguous)
                return handler->on_ambiguous;
        const struct outlet *outlet = first_choice(delivery, &delivery->plan->effects[effect]);
        return outlet ? outlet_on_ambiguous(outlet) : ON_AMBIGUOUS_RESEND;
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

/* The kinds of effects that the type's example has, bit by bit. */
static uint32_t kinds_of_example(const struct handler *handler)
{
        struct arena arena;
        struct plan *plan;
        uint32_t kinds = 0;
        arena_init(&arena);
        struct faults faults = {.arena = &arena};
        if (plan_build_text(handler, slice_of(handler->example), &plan, &faults) == PLAN_OK)
                kinds = route_kinds(plan);
        arena_fini(&arena);
        return kinds;
}

uint32_t route_kinds(const struct plan *plan)
{
        uint32_t kinds = 0;
        for (size_t i = 0; i < plan->count; i++)
                kinds |= 1u << kind_of[plan->effects[i].kind];
        return kinds;
}

/* What the examples of the queue's types do; what else comes from it is seen when it comes. */
static uint32_t kinds_of_queue(const struct engine *engine, const struct config_queue *queue)
{
        uint32_t kinds = 0;
        for (size_t i = 0; i < engine->types->count; i++)
                if (queue_is_bound(queue, engine->types->table[i]->type))
                        kinds |= kinds_of_example(engine->types->table[i]);
        return kinds ? kinds : 1u << OUTLET_MAIL;
}

static uint32_t needs_of(struct engine *engine, const struct config_queue *queue, uint32_t kinds)
{
        const struct config *config = engine->config;
        uint32_t bits = bits_of(engine, route_find(engine, queue->outlet));
        for (int kind = OUTLET_MAIL; kind <= OUTLET_PUBLISH; kind++)
                if (kinds >> kind & 1)
                        bits |= bits_of(engine, first_of_kind(engine, (enum outlet_kind)kind));
        for (size_t i = 0; i < config->handler_count; i++)
                if (queue_is_bound(queue, config->handlers[i].type))
                        bits |= bits_of(engine, route_find(engine, config->handlers[i].outlet));
        return bits;
}

void route_seen(struct engine *engine, size_t queue, uint32_t kinds)
{
        struct queue_state *state = &engine->queues[queue];
        if ((state->kinds | kinds) == state->kinds)
                return;
        state->kinds |= kinds;
        state->needs = needs_of(engine, &engine->config->queues[queue], state->kinds);
}

void route_configure(struct engine *engine)
{
        for (size_t i = 0; i < engine->config->queue_count; i++) {
                const struct config_queue *queue = &engine->config->queues[i];
                struct outlet *lane;
                engine->queues[i].kinds |= kinds_of_queue(engine, queue);
                engine->queues[i].needs = needs_of(engine, queue, engine->queues[i].kinds);
                for (size_t k = 0; k < engine->outlet_count; k++)
                        outlet_weigh(&engine->outlets[k], i, queue->weight);
                TAILQ_FOREACH(lane, &engine->lanes, lane)
                {
                        outlet_weigh(lane, i, queue->weight);
                }
        }
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
