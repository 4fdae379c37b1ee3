#ifndef LEVERET_CORE_OTLP_PAIRS_H
#define LEVERET_CORE_OTLP_PAIRS_H

#include "core/memory/arena.h"
#include "core/settings/config.h"

#include <stdbool.h>

/*
 * Lists of names and values as the environment of OpenTelemetry writes them: `name=value,name=value` with
 * percent-encoding in the values, which is the form of W3C Baggage
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
 */

/* Adds each pair of the texts to `pairs` as "name\nvalue", in the arena: a text with a line end in it is one
 * such pair already, any other is a list. False with the number of the text that is neither in `bad`. */
bool otlp_pairs(struct arena *arena, const struct config_texts *texts, struct config_texts *pairs,
                size_t *bad);
/* The value of the pair with that name; NULL if there is none. */
const char *otlp_pair(const struct config_texts *pairs, const char *name);

/* Is it an attribute of the resource that leveret writes itself (service.name, .version, .instance.id)? */
bool otlp_is_own(const char *pair);

/* May a name and value stand in a header of HTTP (RFC 9110 section 5)? */
bool otlp_header_valid(const char *pair);

/* Where spans go, in the arena: otlp.traces_url as it is; else otlp.url and /v1/traces, unless it ends in
 * that. NULL: nowhere. */
const char *otlp_target(struct arena *arena, const struct config *config);

#endif
