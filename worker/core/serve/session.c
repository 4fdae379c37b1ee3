#include "core/serve/session.h"

#include "core/codec/base64.h"
#include "core/codec/sha256.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char session_cookie_name[] = "leveret";

bool secret_equal(const char *given, const char *expected)
{
        char one[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
        struct sha256 hash;
        sha256_init(&hash);
        sha256_add(&hash, given, strlen(given));
        sha256_final_hex(&hash, one);
        sha256_init(&hash);
        sha256_add(&hash, expected, strlen(expected));
        sha256_final_hex(&hash, other);
        volatile unsigned char difference = 0;
        for (size_t i = 0; i < sizeof(one); i++)
                difference |= (unsigned char)(one[i] ^ other[i]);
        return difference == 0;
}

const struct config_token *token_find(const struct config *config, const char *text)
{
        const struct config_token *found = NULL;
        for (size_t i = 0; i < config->serve.token_count; i++)
                if (secret_equal(text, config->serve.tokens[i].token))
                        found = &config->serve.tokens[i];
        return found;
}

static const char *in_base64(struct arena *arena, const void *data, size_t len)
{
        struct buffer out = {0};
        base64_add(&out, data, len);
        const char *text = arena_copy(arena, out.data, out.len);
        buffer_fini(&out);
        return text;
}

const char *session_make(struct arena *arena, const struct config_token *token, int64_t until_ms)
{
        unsigned char mac[SHA256_SIZE];
        const char *said = arena_printf(arena, "%s.%" PRId64,
                                        in_base64(arena, token->name, strlen(token->name)), until_ms);
        const char *text = arena_printf(arena, "leveret session %s", said);
        sha256_hmac(slice_of(token->token), slice_of(text), mac);
        return arena_printf(arena, "%s.%s", said, in_base64(arena, mac, sizeof(mac)));
}

/* The value of our cookie; the first one counts. */
static const char *cookie_value(struct arena *arena, const char *cookies)
{
        size_t len = strlen(session_cookie_name);
        for (const char *at = cookies; at && *at; at += strcspn(at, ";"), at += *at == ';') {
                at += strspn(at, " ");
                if (strncmp(at, session_cookie_name, len) == 0 && at[len] == '=')
                        return arena_copy(arena, at + len + 1, strcspn(at + len + 1, "; "));
        }
        return NULL;
}

const struct config_token *session_read(struct arena *arena, const struct config *config, const char *cookies,
                                        int64_t now_ms, int64_t *until_ms)
{
        const struct config_token *found = NULL;
        const char *value = cookie_value(arena, cookies), *dot = value ? strchr(value, '.') : NULL;
        if (!dot)
                return NULL;
        *until_ms = strtoll(dot + 1, NULL, 10);
        for (size_t i = 0; i < config->serve.token_count; i++)
                if (secret_equal(value, session_make(arena, &config->serve.tokens[i], *until_ms)))
                        found = &config->serve.tokens[i];
        return *until_ms > now_ms && *until_ms <= now_ms + SESSION_LIFE_MS ? found : NULL;
}
