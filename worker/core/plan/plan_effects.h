#ifndef LEVERET_CORE_PLAN_EFFECTS_H
#define LEVERET_CORE_PLAN_EFFECTS_H

#include "core/plan/plan.h"

/* Inside core/plan only: how an effect gets into a plan. */

/* What forbids one more effect of that key, or NULL. */
const char *effect_mistake(const struct plan *plan, const char *key);
/* A zeroed effect with a copy of the key. */
struct effect *effect_add(struct plan *plan, const char *key, enum effect_kind kind);

#endif
