#ifndef LEVERET_CORE_PLANNED_TYPE_H
#define LEVERET_CORE_PLANNED_TYPE_H

#include "core/plan/plan.h"
#include "core/settings/config.h"
#include "core/types/payload_schema.h"

/*
 * A type whose plan is made outside of leveret, by a service or a program: what is known of it here is its
 * payload, if it has a schema. plan_build answers PLAN_PLANNERS for it.
 */
struct planned_type {
        struct handler handler;              /* the first: a handler of a registry is one of these */
        const struct payload_schema *schema; /* NULL: any payload */
        struct config_handler settings;      /* who plans it */
};

/* In the arena, with a copy of the settings; the schema is released by planned_type_release. */
struct planned_type *planned_type_new(struct arena *arena, const struct config_handler *settings,
                                      const struct payload_schema *schema);
void planned_type_release(struct planned_type *type);

/* Is its plan made by a planner? */
bool handler_is_planned(const struct handler *handler);
/* By whom, of one that is. */
const struct config_handler *handler_planner(const struct handler *handler);

#endif
