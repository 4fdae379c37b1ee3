#ifndef LEVERET_CORE_PLAN_H
#define LEVERET_CORE_PLAN_H

#include "core/codec/json.h"
#include "core/text/buffer.h"
#include "core/text/faults.h"
#include "handler.h"

enum {
        PLAN_EFFECTS_MAX = 32,
        PLAN_KEY_MAX = 64,
        PLAN_BYTES_MAX = 4 << 20, /* of what posts and messages carry together */
        PLAN_BATCH_MAX = 1000,    /* messages in one effect */
        PLAN_URL_MAX = 2000,
        PLAN_ERROR_MAX = 256, /* of a reason, and of what a dead letter says of a payload, with the NUL */
};

enum effect_kind { EFFECT_MAIL, EFFECT_POST, EFFECT_PUBLISH };

/* The messages of one effect; those of a batch are numbered from 0. */
struct outgoing_batch {
        struct outgoing *list;
        size_t count;
        bool numbered;
};

/* One thing to be done. What handler.h says of its struct has been checked. */
struct effect {
        const char *key; /* unique in its plan */
        enum effect_kind kind;
        union {
                struct mail mail;
                struct post post;
                struct outgoing_batch publish;
        };
};

struct template_set;

/* All memory is the arena's. */
struct plan {
        struct arena *arena;
        const struct template_set *templates; /* for plan_template; NULL: there are none */
        struct effect *effects;               /* in the order in which the handler named them */
        size_t count;
        size_t bytes;   /* PLAN_BYTES_MAX */
        bool templated; /* it depends on template files, too */
        bool rejected;  /* then count is 0 and `reason` says why; bounded, one line, UTF-8 */
        char reason[PLAN_ERROR_MAX];
};

enum plan_outcome {
        PLAN_OK,          /* carry out the effects; there may be none */
        PLAN_BAD_PAYLOAD, /* dead letter `bad_payload` */
        PLAN_REJECTED,    /* dead letter `rejected` */
        PLAN_BAD_PLAN,    /* dead letter `bad_plan`: of a planner's answer alone */
        PLAN_PLANNERS,    /* it is a planner that makes it: what is known here is that the payload is good */
};

/* How the payload of a type that is not in C is read: one of these for each way in which types come. */
struct payload_kind {
        /* False with every fault added. */
        bool (*check)(const struct handler *handler, const json_t *payload, struct faults *faults);
        /* Plans what was checked, into a fresh plan. False with faults: the payload is bad. NULL: a planner
         * does. */
        bool (*plan)(const struct handler *handler, const json_t *payload, struct plan *plan,
                     struct faults *faults);
        /* As fields_describe, and the JSON Schema without title and description, which the caller owns. */
        void (*describe)(const struct handler *handler, struct buffer *out);
        json_t *(*schema)(const struct handler *handler);
};

/* 1 to 64 of [a-z0-9._-]. NULL is none. */
bool plan_key_valid(const char *key);

/*
 * Decodes the payload for the handler and lets it plan. Pure: the same payload gives the same plan. `*plan`
 * is set in every case but PLAN_BAD_PAYLOAD and PLAN_PLANNERS (there NULL); unless PLAN_OK, `faults` has been
 * given all that is wrong. The payload is borrowed for the call only; the plan lies in the arena of `faults`.
 */
enum plan_outcome plan_build(const struct handler *handler, const json_t *payload, struct plan **plan,
                             struct faults *faults);

/* The same from the text of a payload: json_parse, then plan_build. */
enum plan_outcome plan_build_text(const struct handler *handler, struct slice payload, struct plan **plan,
                                  struct faults *faults);

/* As plan_publish, one item of many: numbered also if it stays the only one. */
void plan_publish_item(struct plan *plan, const struct outgoing *outgoing);

/* The outlet that the effect names, or NULL. */
const char *effect_outlet(const struct effect *effect);

/* Adds to `faults` what is wrong with the text of a payload, without planning. */
void plan_check(const struct handler *handler, struct slice payload, struct faults *faults);

/*
 * Appends the plan as text for people and tests, one effect after the other with its body indented by four;
 * control characters are written as \xNN, so that it is safe on a terminal. An empty plan is "nothing to do",
 * a rejected one "rejected: <reason>".
 */
void plan_render(struct buffer *out, const struct plan *plan);

#endif
