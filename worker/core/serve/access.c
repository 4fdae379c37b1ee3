#include "core/serve/access.h"

#include "core/codec/bearer.h"
#include "core/message/content_type.h"
#include "core/serve/session.h"

#include <string.h>
#include <strings.h>

/* The host in "host:port", "[::1]:8080" or "https://host:port/path", in the arena. */
static const char *host_of(struct arena *arena, const char *text)
{
        const char *scheme = strstr(text, "://");
        text = scheme ? scheme + 3 : text;
        size_t len = text[0] == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":/");
        return arena_copy(arena, text, len < strlen(text) ? len : strlen(text));
}

/* Digits and dots, or an address in brackets: no name that a foreign name server could point here. */
static bool is_address(const char *host)
{
        return host[0] == '[' || (host[0] && strspn(host, "0123456789.") == strlen(host));
}

static bool listens_everywhere(const char *listen)
{
        return listen[0] == ':' || strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0;
}

const char serve_host_unknown[] = "the Host is none of serve.listen, localhost and serve.base_url";

bool serve_host_is_known(struct arena *arena, const struct config *config, const char *given)
{
        const char *host = given ? host_of(arena, given) : "";
        if (strcasecmp(host, "localhost") == 0 || strcasecmp(host, host_of(arena, config->serve.listen)) == 0)
                return host[0] != '\0';
        if (config->serve.base_url && strcasecmp(host, host_of(arena, config->serve.base_url)) == 0)
                return true;
        return is_address(host) && (listens_everywhere(config->serve.listen) ||
                                    strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0);
}

/* A token in the request is meant: a session counts only without one. */
static const struct config_token *token_of(struct arena *arena, const struct config *config,
                                           const struct serve_asked *asked, int64_t *until_ms)
{
        const char *said = asked->authorization;
        if (!said)
                return session_read(arena, config, asked->cookie, asked->now_ms, until_ms);
        struct slice token = bearer_token(said);
        return token.data ? token_find(config, arena_copy(arena, token.data, token.len)) : NULL;
}

/* An Origin is "https://host:port". Behind what ends TLS the scheme is that of base_url. */
static bool origin_is_own(const struct config *config, const struct serve_asked *asked)
{
        const char *base = config->serve.base_url, *scheme = strstr(asked->origin, "://");
        size_t len = strlen(asked->origin);
        if (base && strncasecmp(base, asked->origin, len) == 0 && (base[len] == '\0' || base[len] == '/'))
                return true;
        return scheme && asked->host && strcasecmp(scheme + 3, asked->host) == 0;
}

static struct serve_verdict access_refusal(int status, const char *detail)
{
        return (struct serve_verdict){.status = status, .detail = detail};
}

static struct serve_verdict judge_change(const struct config *config, const struct serve_route *route,
                                         const struct serve_asked *asked, struct serve_verdict allowed)
{
        struct slice type = slice_of(asked->content_type);
        if (strcmp(route->method, "GET") == 0)
                return allowed;
        if (asked->origin && !origin_is_own(config, asked))
                return access_refusal(403, "the Origin is another site's");
        bool absent = !asked->content_type && !route->body; /* nothing is sent that could be another thing */
        if (!absent && (type.len == 0 || content_type_parse(type) != CONTENT_JSON))
                return access_refusal(415, "expected Content-Type: application/json");
        return allowed;
}

static const char *stranger_told(const struct serve_asked *asked)
{
        if (asked->authorization)
                return "the token is not one of serve.tokens";
        return asked->cookie && strstr(asked->cookie, session_cookie_name)
                       ? "the session is over; log in again"
                       : "expected Authorization: Bearer TOKEN, or a session";
}

struct serve_verdict serve_judge(struct arena *arena, const struct config *config,
                                 const struct serve_route *route, const struct serve_asked *asked)
{
        struct serve_verdict allowed = {.role = SERVE_READ};
        if (route->access == SERVE_FOR_ALL)
                return allowed;
        if (!serve_host_is_known(arena, config, asked->host))
                return access_refusal(421, serve_host_unknown);
        const struct config_token *token =
                config->serve.token_count > 0 ? token_of(arena, config, asked, &allowed.until_ms) : NULL;
        /* Nobody is a guest, but who comes with a token that is none is told so. */
        bool guest = route->access == SERVE_FOR_GUESTS && !asked->authorization;
        if (config->serve.token_count > 0 && !token && !guest)
                return access_refusal(401, stranger_told(asked));
        if (token) {
                allowed.token = token->name;
                allowed.types = &token->types;
                allowed.role = token->role;
        }
        if (!serve_may(allowed.role, route->access))
                return access_refusal(403, config->serve.token_count > 0
                                                   ? "the token's role may not do this"
                                                   : "without serve.tokens it only reads");
        return judge_change(config, route, asked, allowed);
}
