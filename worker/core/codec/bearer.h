#ifndef LEVERET_CORE_BEARER_H
#define LEVERET_CORE_BEARER_H

#include "core/memory/slice.h"

/*
 * The token of "Bearer TOKEN", the value of a header Authorization (RFC 6750 section 2.1), inside of it. The
 * scheme is read in any case, and any number of spaces may follow it and the token (RFC 9110 sections 5.5 and
 * 11.4). Absent if `authorization` is NULL or of another scheme; empty if there is no token.
 */
struct slice bearer_token(const char *authorization);

#endif
