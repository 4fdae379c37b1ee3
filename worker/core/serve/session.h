#ifndef LEVERET_CORE_SERVE_SESSION_H
#define LEVERET_CORE_SERVE_SESSION_H

#include "core/memory/arena.h"
#include "core/settings/config.h"

#include <stdint.h>

/*
 * What a browser holds in place of a token: the token's name, when it expires, and an HMAC over both, keyed
 * by the token. Nothing of it is kept here: any process with the same configuration knows it, and a token
 * that is changed or taken away ends all its sessions.
 */
extern const char session_cookie_name[];

enum { SESSION_LIFE_MS = 12 * 3600 * 1000 };

/* The value of the cookie, in the arena; wall clock. */
const char *session_make(struct arena *arena, const struct config_token *token, int64_t until_ms);
/* The token for which the header `Cookie` speaks at this time, compared in constant time; NULL: none, forged
 * or over. `cookies` may be NULL. */
const struct config_token *session_read(struct arena *arena, const struct config *config, const char *cookies,
                                        int64_t now_ms, int64_t *until_ms);

/* Are both the same? Takes the same time wherever they differ, and whatever their lengths are. */
bool secret_equal(const char *given, const char *expected);
/* The token with that text, all of them compared whichever it is; NULL: none has it. */
const struct config_token *token_find(const struct config *config, const char *text);

#endif
