#include "core/codec/json.h"
#include "core/serve/session.h"
#include "core/text/json_member.h"
#include "core/text/word.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "serve/serve.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* Log-in with a token, for browsers: a cookie speaks for it from then on. */

static bool is_encrypted(const struct config *config)
{
        const char *base = config->serve.base_url;
        return config->serve.cert_file || (base && strncasecmp(base, "https://", 8) == 0);
}

static void set_cookie(const struct serve_call *call, const char *value, int seconds)
{
        http_answer_header(call->answer, "Set-Cookie",
                           arena_printf(call->query->arena,
                                        "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
                                        session_cookie_name, value, seconds,
                                        is_encrypted(call->query->config) ? "; Secure" : ""));
}

static const char *const role_words[] = {
        [SERVE_PUBLISH] = "publish", [SERVE_READ] = "read", [SERVE_OPERATE] = "operate"};

static void serve_session_tell(const struct serve_call *call, const char *name, enum serve_role role,
                               int64_t until_ms)
{
        struct buffer *out = &call->answer->body;
        bool nobody = !name && call->query->config->serve.token_count > 0;
        buffer_add_text(out, "{");
        json_member_text(out, "token", name);
        json_member_text(out, "role", nobody ? NULL : role_words[role]);
        json_member_count(out, "expires_ms", until_ms > 0 ? until_ms : -1);
        buffer_printf(out, ",\"open\":%s}", bool_word(call->query->config->serve.token_count == 0));
}

/* The text of {"token": text} and nothing else; NULL: refused. */
static const char *token_given(const struct serve_call *call)
{
        char cause[JSON_CAUSE_MAX];
        json_t *body = json_parse(http_request_body(call->request), cause);
        struct slice text = json_text(json_object_get(body, "token"));
        const char *token = text.data && json_object_size(body) == 1
                                    ? arena_copy(call->query->arena, text.data, text.len)
                                    : NULL;
        json_decref(body);
        if (!token)
                serve_refuse(call, 400, "expected {\"token\": TEXT} and no other member");
        return token;
}

void serve_session_begin(const struct serve_call *call)
{
        const char *given = token_given(call);
        if (!given || serve_door_is_shut(call))
                return;
        const struct config_token *token = token_find(call->query->config, given);
        if (!token) {
                serve_door_failed(call);
                serve_refuse(call, 401, "the token is not one of serve.tokens");
                return;
        }
        int64_t until_ms = clock_wall_ms() + SESSION_LIFE_MS;
        set_cookie(call, session_make(call->query->arena, token, until_ms), SESSION_LIFE_MS / 1000);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "log_in", .msg = token->name});
        serve_session_tell(call, token->name, token->role, until_ms);
}

void serve_session(const struct serve_call *call)
{
        serve_session_tell(call, call->who->token, call->who->role, call->who->until_ms);
}

void serve_session_end(const struct serve_call *call)
{
        set_cookie(call, "", 0);
        buffer_add_text(&call->answer->body, "{\"ended\":true}");
}
