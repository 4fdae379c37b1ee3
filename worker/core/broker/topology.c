#include "core/broker/topology.h"

#include "core/broker/ladder.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static void argument_text(struct topology_arguments *arguments, const char *name, const char *text)
{
        assert(arguments->count < TOPOLOGY_ARGUMENTS_MAX);
        arguments->items[arguments->count++] = (struct topology_argument){.name = name, .text = text};
}

static void argument_integer(struct topology_arguments *arguments, const char *name, int64_t integer)
{
        assert(arguments->count < TOPOLOGY_ARGUMENTS_MAX);
        arguments->items[arguments->count++] = (struct topology_argument){.name = name, .integer = integer};
}

static void exchange_add(struct topology *topology, const char *name, const char *type, const char *alternate)
{
        struct topology_exchange *exchange = &topology->exchanges[topology->exchange_count++];
        exchange->name = name;
        exchange->type = type;
        if (alternate)
                argument_text(&exchange->arguments, "alternate-exchange", alternate);
}

/* The retry exchange has no alternate: there mandatory must return a message whose tier is missing. */
static void exchanges_add(struct topology *topology, const char *events)
{
        exchange_add(topology, EXCHANGE_UNROUTED, "fanout", NULL);
        exchange_add(topology, EXCHANGE_IN, "topic", EXCHANGE_UNROUTED);
        exchange_add(topology, EXCHANGE_RETRY, "direct", NULL);
        exchange_add(topology, EXCHANGE_RETURN, "direct", EXCHANGE_UNROUTED);
        exchange_add(topology, EXCHANGE_DLX, "direct", EXCHANGE_UNROUTED);
        if (events)
                exchange_add(topology, events, "topic", NULL);
}

static void binding_add(struct topology *topology, const char *exchange, const char *queue, const char *key)
{
        topology->bindings[topology->binding_count++] =
                (struct topology_binding){.exchange = exchange, .queue = queue, .key = key};
}

static struct topology_arguments *queue_add(struct topology *topology, const char *name)
{
        struct topology_queue *queue = &topology->queues[topology->queue_count++];
        queue->name = name;
        argument_text(&queue->arguments, "x-queue-type", "quorum");
        return &queue->arguments;
}

/* at-least-once dead-lettering needs reject-publish
 * (https://www.rabbitmq.com/quorum-queues.html#dead-lettering). */
static void dead_letter_to(struct topology_arguments *arguments, const char *exchange, const char *key)
{
        argument_text(arguments, "x-dead-letter-exchange", exchange);
        if (key) /* else the message keeps its own */
                argument_text(arguments, "x-dead-letter-routing-key", key);
        argument_text(arguments, "x-dead-letter-strategy", "at-least-once");
        argument_text(arguments, "x-overflow", "reject-publish");
}

static void dead_letter_queue_add(struct topology *topology, const char *name)
{
        struct topology_arguments *arguments = queue_add(topology, name);
        argument_text(arguments, "x-overflow", "reject-publish");
        argument_integer(arguments, "x-delivery-limit", TOPOLOGY_DLQ_DELIVERY_LIMIT);
}

/* The patterns of a queue: on leveret.in, or on somebody else's exchange. */
static void patterns_add(struct arena *arena, struct topology *topology, const struct config_queue *config)
{
        for (size_t i = 0; i < config->binding_count; i++) {
                char *binding = arena_strdup(arena, config->bindings[i]), *end = strchr(binding, '\n');
                const char *exchange = EXCHANGE_IN, *key = binding;
                if (end) {
                        *end = '\0';
                        exchange = binding;
                        key = end + 1;
                }
                binding_add(topology, exchange, arena_strdup(arena, config->name), key);
        }
}

/* The queue to which copies come back, which is the work queue itself if that is leveret's. */
static void work_queue_add(struct arena *arena, struct topology *topology, const struct config_queue *config)
{
        const char *name = arena_strdup(arena, config->name);
        const char *dlq = topology_dlq_name(arena, name);
        const char *back = config->declare ? name : topology_again_name(arena, name);
        dead_letter_queue_add(topology, dlq);
        binding_add(topology, EXCHANGE_DLX, dlq, name);
        struct topology_arguments *arguments = queue_add(topology, back);
        dead_letter_to(arguments, EXCHANGE_DLX, name);
        argument_integer(arguments, "x-delivery-limit", TOPOLOGY_DELIVERY_LIMIT);
        binding_add(topology, EXCHANGE_RETURN, back, name);
        for (size_t i = 0; i < config->tier_count; i++) {
                const char *tier = topology_tier_queue(arena, name, config->tiers[i]);
                arguments = queue_add(topology, tier);
                argument_integer(arguments, "x-message-ttl", config->tiers_ms[i]);
                dead_letter_to(arguments, EXCHANGE_RETURN, name);
                binding_add(topology, EXCHANGE_RETRY, tier, topology_tier_key(arena, name, config->tiers[i]));
        }
        if (config->declare || config->bindings_written)
                patterns_add(arena, topology, config);
}

struct topology *topology_build(struct arena *arena, const struct config *config)
{
        size_t queues = 1, bindings = 1;
        for (size_t i = 0; i < config->queue_count; i++) {
                queues += 2 + config->queues[i].tier_count;
                bindings += 2 + config->queues[i].tier_count + config->queues[i].binding_count;
        }
        struct topology *topology = arena_alloc(arena, sizeof(*topology));
        topology->exchanges = arena_alloc(arena, 6 * sizeof(*topology->exchanges));
        topology->queues = arena_alloc(arena, queues * sizeof(*topology->queues));
        topology->bindings = arena_alloc(arena, bindings * sizeof(*topology->bindings));
        exchanges_add(topology, config->events.exchange);
        dead_letter_queue_add(topology, QUEUE_UNROUTED);
        binding_add(topology, EXCHANGE_UNROUTED, QUEUE_UNROUTED, "");
        for (size_t i = 0; i < config->queue_count; i++)
                work_queue_add(arena, topology, &config->queues[i]);
        return topology;
}

/* ---- the ladder ---- */

static void rung_add(struct arena *arena, struct topology *topology, size_t rung)
{
        const char *name = ladder_rung_name(arena, rung);
        const char *below = rung > 0 ? ladder_rung_name(arena, rung - 1) : LADDER_FOOT;
        struct topology_arguments *arguments = queue_add(topology, name);
        argument_integer(arguments, "x-message-ttl", ladder_rung_ms(rung));
        dead_letter_to(arguments, below, NULL);
        binding_add(topology, name, name, ladder_rung_pattern(arena, rung, true));
        binding_add(topology, name, below, ladder_rung_pattern(arena, rung, false));
        topology->bindings[topology->binding_count - 1].to_exchange = true;
}

static void last_rung_add(struct arena *arena, struct topology *topology, const char *queue)
{
        const char *name = ladder_last_name(arena, queue);
        struct topology_arguments *arguments = queue_add(topology, name);
        argument_integer(arguments, "x-message-ttl", LADDER_FOOT_TTL_MS);
        dead_letter_to(arguments, EXCHANGE_RETURN, queue);
        binding_add(topology, LADDER_FOOT, name, ladder_last_pattern(arena, queue));
}

struct topology *topology_build_later(struct arena *arena, const struct config *config)
{
        struct topology *topology = arena_alloc(arena, sizeof(*topology));
        size_t queues = LADDER_RUNGS + config->queue_count, bindings = 2 * LADDER_RUNGS + config->queue_count;
        topology->exchanges = arena_alloc(arena, (1 + LADDER_RUNGS) * sizeof(*topology->exchanges));
        topology->queues = arena_alloc(arena, queues * sizeof(*topology->queues));
        topology->bindings = arena_alloc(arena, bindings * sizeof(*topology->bindings));
        /* What is for a work queue that is no more stands on no rung in the way of all others. */
        exchange_add(topology, LADDER_FOOT, "topic", EXCHANGE_UNROUTED);
        for (size_t i = 0; i < LADDER_RUNGS; i++)
                exchange_add(topology, ladder_rung_name(arena, i), "topic", NULL);
        for (size_t i = 0; i < LADDER_RUNGS; i++)
                rung_add(arena, topology, i);
        for (size_t i = 0; i < config->queue_count; i++)
                last_rung_add(arena, topology, arena_strdup(arena, config->queues[i].name));
        return topology;
}

/* ---- names and patterns ---- */

/* The next of the words that dots divide; NULL after the last. */
static const char *topology_word_next(const char *word)
{
        word += strcspn(word, ".");
        return *word ? word + 1 : NULL;
}

static bool word_is(const char *word, const char *wanted)
{
        size_t len = strcspn(wanted, ".");
        return strcspn(word, ".") == len && strncmp(word, wanted, len) == 0;
}

/* A topic exchange's rule (AMQP 0-9-1 section 3.1.3.3): * is one word, # none or more; both stand alone. A #
 * takes as few words as it can, and one more whenever the rest does not fit: only the last one has to. */
static bool pattern_takes(const char *pattern, const char *type)
{
        const char *rest = NULL, *from = NULL; /* behind the last #; the first word that it has not taken */
        while (type) {
                if (pattern && word_is(pattern, "#")) {
                        rest = pattern = topology_word_next(pattern);
                        from = type;
                } else if (pattern && (word_is(pattern, "*") || word_is(pattern, type))) {
                        pattern = topology_word_next(pattern);
                        type = topology_word_next(type);
                } else if (from) {
                        pattern = rest;
                        type = from = topology_word_next(from);
                } else {
                        return false;
                }
        }
        while (pattern && word_is(pattern, "#"))
                pattern = topology_word_next(pattern);
        return !pattern;
}

bool topology_routes(const struct config *config, const char *type)
{
        for (size_t i = 0; i < config->queue_count; i++)
                for (size_t j = 0; j < config->queues[i].binding_count; j++)
                        if (!strchr(config->queues[i].bindings[j], '\n') &&
                            (config->queues[i].declare || config->queues[i].bindings_written) &&
                            pattern_takes(config->queues[i].bindings[j], type))
                                return true;
        return false;
}

const char *topology_again_name(struct arena *arena, const char *queue)
{
        return arena_printf(arena, "%s.again", queue);
}

const char *topology_dlq_name(struct arena *arena, const char *queue)
{
        return arena_printf(arena, "%s.dlq", queue);
}

const char *topology_tier_queue(struct arena *arena, const char *queue, const char *tier)
{
        return arena_printf(arena, "%s.retry.%s", queue, tier);
}

const char *topology_tier_key(struct arena *arena, const char *queue, const char *tier)
{
        return arena_printf(arena, "%s.%s", queue, tier);
}

void topology_arguments_print(struct buffer *buffer, const struct topology_arguments *arguments)
{
        for (size_t i = 0; i < arguments->count; i++) {
                const struct topology_argument *argument = &arguments->items[i];
                const char *gap = i ? " " : "";
                if (argument->text)
                        buffer_printf(buffer, "%s%s=%s", gap, argument->name, argument->text);
                else
                        buffer_printf(buffer, "%s%s=%" PRId64, gap, argument->name, argument->integer);
        }
}

/* Cuts "the value '5' of type 'long'" and "'5'" down to 5; "none" and what is cut off stay. */
static struct slice broker_value(struct slice text)
{
        const char *open = memchr(text.data, '\'', text.len);
        if (!open)
                return text;
        size_t left = text.len - (size_t)(open + 1 - text.data);
        const char *close = memchr(open + 1, '\'', left);
        return (struct slice){.data = open + 1, .len = close ? (size_t)(close - open - 1) : left};
}

static bool between(const char *text, const char *before, const char *after, struct slice *found)
{
        const char *start = strstr(text, before);
        if (!start)
                return false;
        start += strlen(before);
        const char *end = after ? strstr(start, after) : start + strlen(start);
        if (!end)
                return false;
        *found = (struct slice){.data = start, .len = (size_t)(end - start)};
        return true;
}

const char *topology_difference(struct arena *arena, const struct topology_arguments *wanted,
                                const char *broker_text)
{
        struct buffer buffer = {0};
        struct slice name, received, current;
        if (between(broker_text, "inequivalent arg '", "'", &name) &&
            between(broker_text, "received ", " but current is ", &received) &&
            between(broker_text, " but current is ", NULL, &current)) {
                received = broker_value(received);
                current = broker_value(current);
                buffer_printf(&buffer, "%.*s is %.*s, wanted %.*s", SLICE_PRINT(name), SLICE_PRINT(current),
                              SLICE_PRINT(received));
        } else {
                buffer_add_text(&buffer, broker_text);
        }
        buffer_add_text(&buffer, "; wanted in all: ");
        topology_arguments_print(&buffer, wanted);
        const char *text = arena_copy(arena, buffer.data, buffer.len);
        buffer_fini(&buffer);
        return text;
}
