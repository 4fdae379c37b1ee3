#ifndef LEVERET_CORE_RECORD_JSON_H
#define LEVERET_CORE_RECORD_JSON_H

#include "core/text/buffer.h"

/* Adds `"name":value` of a record's field. Redis keeps texts; who selects by numbers (jq's .attempt > 2)
 * needs numbers: those that count or are times are. */
void record_json_field(struct buffer *out, struct slice name, struct slice value);

#endif
