#include "core/serve/access.h"

#include "core/codec/sha256.h"
#include "core/message/content_type.h"

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

static bool host_is_known(struct arena *arena, const struct config *config, const char *given)
{
        const char *host = given ? host_of(arena, given) : "";
        if (strcasecmp(host, "localhost") == 0 || strcasecmp(host, host_of(arena, config->serve.listen)) == 0)
                return host[0] != '\0';
        if (config->serve.base_url && strcasecmp(host, host_of(arena, config->serve.base_url)) == 0)
                return true;
        return is_address(host) && (listens_everywhere(config->serve.listen) ||
                                    strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0);
}

/* Takes the same time wherever the first difference is, and whatever the lengths are. */
static bool equal_in_constant_time(const char *given, const char *expected)
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

/* All of them are compared, whichever it is. */
static const struct config_token *token_of(const struct config *config, const char *authorization)
{
        const struct config_token *found = NULL;
        if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
                return NULL;
        for (size_t i = 0; i < config->serve.token_count; i++)
                if (equal_in_constant_time(authorization + 7, config->serve.tokens[i].token))
                        found = &config->serve.tokens[i];
        return found;
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

static struct serve_verdict refusal(int status, const char *detail)
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
                return refusal(403, "the Origin is another site's");
        bool absent = !asked->content_type && !route->body; /* nothing is sent that could be another thing */
        if (!absent && (type.len == 0 || content_type_parse(type) != CONTENT_JSON))
                return refusal(415, "expected Content-Type: application/json");
        return allowed;
}

struct serve_verdict serve_judge(struct arena *arena, const struct config *config,
                                 const struct serve_route *route, const struct serve_asked *asked)
{
        if (route->access == SERVE_FOR_ALL)
                return (struct serve_verdict){.role = SERVE_READ};
        if (!host_is_known(arena, config, asked->host))
                return refusal(421, "the Host is none of serve.listen, localhost and serve.base_url");
        struct serve_verdict allowed = {.role = SERVE_READ};
        if (config->serve.token_count > 0) {
                const struct config_token *token = token_of(config, asked->authorization);
                if (!token)
                        return refusal(401, asked->authorization ? "the token is not one of serve.tokens"
                                                                 : "expected Authorization: Bearer TOKEN");
                allowed = (struct serve_verdict){
                        .token = token->name, .types = &token->types, .role = token->role};
        }
        if (!serve_may(allowed.role, route->access))
                return refusal(403, config->serve.token_count > 0 ? "the token's role may not do this"
                                                                  : "without serve.tokens it only reads");
        return judge_change(config, route, asked, allowed);
}
