#ifndef LEVERET_QUERY_AUDIT_H
#define LEVERET_QUERY_AUDIT_H

#include "core/text/buffer.h"
#include "query/query.h"

/* What was changed over HTTP, by whom: the latest RECORD_AUDIT_MAX in Redis, and each as a log line. */

/* `target` names what was changed. False: Redis does not take it, so nothing may be changed. */
bool audit_write(const struct query *query, const char *token, const char *action, const char *target);
/* Adds at most `limit` entries, the latest first, as the items of a JSON array. NULL, or what Redis said. */
const char *audit_add_items(const struct query *query, size_t limit, struct buffer *out);

#endif
