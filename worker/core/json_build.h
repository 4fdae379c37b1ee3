#ifndef LEVERET_CORE_JSON_BUILD_H
#define LEVERET_CORE_JSON_BUILD_H

#include "core/json.h"

/*
 * jansson's tree made by a lexer that takes a tenth of the instructions of jansson's own (which reads byte by
 * byte through a callback). Text that passed json_parse's scan only: UTF-8 whole, nesting and number bounded,
 * no control characters in strings. NULL for whatever is not the plain case (a syntax error, a duplicate key,
 * \u, a fraction or exponent, an integer of more than 18 digits): jansson then decides. What it builds is
 * what jansson would have built. The caller owns the tree.
 */
json_t *json_build(struct slice text);

#endif
