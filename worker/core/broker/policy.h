#ifndef LEVERET_CORE_POLICY_H
#define LEVERET_CORE_POLICY_H

#include "core/broker/topology.h"
#include "core/codec/json.h"

/*
 * What the policies of a broker do to leveret's queues. An operator's pattern like ".*" takes them in without
 * a word: the arguments of a queue go before a policy where they are texts, but of two numbers the lesser
 * counts (https://www.rabbitmq.com/docs/parameters#combining-policy-definitions).
 */
enum policy_harm {
        POLICY_UNKNOWN, /* the API does not say which policies there are */
        POLICY_HINDERS, /* messages come early, or wait */
        POLICY_LOSES,   /* messages go that were to be handled or kept */
};
const char *policy_harm_word(enum policy_harm harm); /* unknown hinders loses */

struct policy_finding {
        enum policy_harm harm;
        const char *text; /* "policy \"p\": expires=60000: .." */
};

enum { POLICY_FINDINGS_MAX = 8 };

/* What the management API says of a queue (GET /api/queues/VHOST/NAME) against what it must be. Returns how
 * many findings there are; their memory is the arena's. */
size_t policy_look(struct arena *arena, const struct topology_queue *queue, const json_t *answer,
                   struct policy_finding findings[POLICY_FINDINGS_MAX]);

#endif
