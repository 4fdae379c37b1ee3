#ifndef LEVERET_CORE_PAYLOAD_SCHEMA_H
#define LEVERET_CORE_PAYLOAD_SCHEMA_H

#include "core/text/buffer.h"
#include "core/text/faults.h"
#include "core/types/document.h"

/*
 * The JSON Schema of a type from a file: the keywords that `leveret type schema` writes, and
 * additionalProperties, const, format date-time; docs/types.md lists them. What leveret would not check is an
 * error, not a remark.
 */

struct payload_schema;

/* Compiles into the arena. The document must live as long. NULL with all that is wrong added to `faults`. */
const struct payload_schema *payload_schema_compile(struct arena *arena, const struct document *node,
                                                    struct file_faults *faults);
/* Gives back what lies outside the arena. NULL is taken. */
void payload_schema_release(const struct payload_schema *schema);
/* Checks a payload, in the sentences of core/plan/fields.h: true, or false with every fault added. Nothing is
 * copied. */
bool payload_check(const struct payload_schema *schema, const json_t *payload, struct faults *faults);
/* As fields_describe: the schema for people, one line a field. */
void payload_describe(struct buffer *out, const struct payload_schema *schema);
/* The schema itself as JSON; the caller owns it. */
json_t *payload_schema_json(const struct payload_schema *schema);

#endif
