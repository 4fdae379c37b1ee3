#ifndef LEVERET_CORE_PLAN_JSON_H
#define LEVERET_CORE_PLAN_JSON_H

#include "core/plan/plan.h"
#include "core/text/buffer.h"

/* Adds the plan of a type as one JSON object: {"type", "effects": [..]}. Attachments are shown by their size
 * alone. */
void plan_json(struct buffer *out, const char *type, const struct plan *plan);

#endif
