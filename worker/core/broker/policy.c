#include "core/broker/policy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What a queue is for, by its arguments. */
enum use { USE_WORK = 1, USE_TIER = 2, USE_KEPT = 4 };

static const struct rule {
        const char *key;
        unsigned uses;
        const char *argument; /* the queue's own limit, harmless unless undercut; NULL: any value harms */
        enum policy_harm harm;
        const char *effect;
} rules[] = {
        {"expires", USE_WORK | USE_TIER | USE_KEPT, NULL, POLICY_LOSES,
         "the broker deletes the queue, and all that waits in it, when nobody has consumed from it for so "
         "many "
         "milliseconds"},
        {"message-ttl", USE_WORK, NULL, POLICY_LOSES,
         "messages that waited for so many milliseconds die unhandled"},
        {"message-ttl", USE_KEPT, NULL, POLICY_LOSES, "what is kept here is gone after so many milliseconds"},
        {"message-ttl", USE_TIER, "x-message-ttl", POLICY_HINDERS,
         "retries come back after so many milliseconds already"},
        {"delivery-limit", USE_KEPT, "x-delivery-limit", POLICY_LOSES,
         "a letter that was looked at so often is gone"},
        {"delivery-limit", USE_WORK, "x-delivery-limit", POLICY_HINDERS,
         "a message that was given back so often, as by restarts, dies unhandled"},
        {"max-length", USE_WORK, NULL, POLICY_HINDERS,
         "holding so many messages, the queue refuses what is published and what is retried"},
        {"max-length", USE_TIER | USE_KEPT, NULL, POLICY_HINDERS,
         "holding so many messages, the queue refuses copies, and their jobs wait unacknowledged"},
        {"max-length-bytes", USE_WORK, NULL, POLICY_HINDERS,
         "holding so many bytes, the queue refuses what is published and what is retried"},
        {"max-length-bytes", USE_TIER | USE_KEPT, NULL, POLICY_HINDERS,
         "holding so many bytes, the queue refuses copies, and their jobs wait unacknowledged"},
};

/* Policies are part of the figures that a queue sends now and then. */
static const char no_definition[] =
        "the API does not know its policies: ask again in ten seconds, or see to it "
        "that management_agent.disable_metrics_collector is not set";

const char *policy_harm_word(enum policy_harm harm)
{
        switch (harm) {
        case POLICY_UNKNOWN:
                return "unknown";
        case POLICY_HINDERS:
                return "hinders";
        case POLICY_LOSES:
                return "loses";
        }
        abort();
}

static const struct topology_argument *policy_argument_find(const struct topology_queue *queue,
                                                            const char *name)
{
        for (size_t i = 0; i < queue->arguments.count; i++)
                if (strcmp(queue->arguments.items[i].name, name) == 0)
                        return &queue->arguments.items[i];
        return NULL;
}

static enum use use_of(const struct topology_queue *queue)
{
        if (policy_argument_find(queue, "x-message-ttl"))
                return USE_TIER;
        return policy_argument_find(queue, "x-dead-letter-exchange") ? USE_WORK : USE_KEPT;
}

static bool harms(const struct rule *rule, const struct topology_queue *queue, int64_t value)
{
        const struct topology_argument *own =
                rule->argument ? policy_argument_find(queue, rule->argument) : NULL;
        return (rule->uses & use_of(queue)) && (!own || value < own->integer);
}

/* policy "p", operator policy "o", or both. */
static const char *name_of(struct arena *arena, const json_t *answer)
{
        struct slice user = json_text(json_object_get(answer, "policy"));
        struct slice operator= json_text(json_object_get(answer, "operator_policy"));
        struct buffer name = {0};
        if (user.len > 0)
                buffer_printf(&name, "policy \"%.*s\"", SLICE_PRINT(user));
        if (operator.len> 0)
                buffer_printf(&name, "%soperator policy \"%.*s\"", user.len > 0 ? " and " : "",
                              SLICE_PRINT(operator));
        if (name.len == 0)
                buffer_add_text(&name, "a policy");
        const char *copy = arena_copy(arena, name.data, name.len);
        buffer_fini(&name);
        return copy;
}

size_t policy_look(struct arena *arena, const struct topology_queue *queue, const json_t *answer,
                   struct policy_finding findings[POLICY_FINDINGS_MAX])
{
        const json_t *definition = json_object_get(answer, "effective_policy_definition");
        size_t count = 0;
        if (!definition)
                findings[count++] = (struct policy_finding){.harm = POLICY_UNKNOWN, .text = no_definition};
        for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && count < POLICY_FINDINGS_MAX; i++) {
                const json_t *value = json_object_get(definition, rules[i].key);
                if (!json_is_integer(value) || !harms(&rules[i], queue, json_integer_value(value)))
                        continue;
                findings[count++] = (struct policy_finding){
                        .harm = rules[i].harm,
                        .text = arena_printf(arena, "%s: %s=%" PRId64 ": %s", name_of(arena, answer),
                                             rules[i].key, (int64_t)json_integer_value(value),
                                             rules[i].effect)};
        }
        return count;
}
