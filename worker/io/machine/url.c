#include "io/machine/url.h"
#include "core/text/word.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* A part, NULL if there is none. One that cannot be decoded must not pass for one that is missing: *ok. */
static const char *part(struct arena *arena, CURLU *handle, CURLUPart which, unsigned flags, bool *ok)
{
        char *text = NULL;
        CURLUcode code = curl_url_get(handle, which, &text, flags);
        if (code == CURLUE_URLDECODE)
                *ok = false;
        if (code != CURLUE_OK)
                return NULL;
        const char *copy = arena_strdup(arena, text);
        curl_free(text);
        return copy;
}

/* libcurl gives an IPv6 address in its brackets and without its zone; getaddrinfo(3) wants it the other way.
 */
static const char *host_take(struct arena *arena, CURLU *handle, bool *ok)
{
        const char *host = part(arena, handle, CURLUPART_HOST, 0, ok);
        size_t len = host ? strlen(host) : 0;
        if (len < 2 || host[0] != '[')
                return host;
        const char *zone = part(arena, handle, CURLUPART_ZONEID, 0, ok);
        return arena_printf(arena, "%.*s%s%s", (int)len - 2, host + 1, text_if(zone, "%"), text_or(zone, ""));
}

static bool parts_take(struct arena *arena, CURLU *handle, struct url *url)
{
        bool ok = true;
        url->scheme = part(arena, handle, CURLUPART_SCHEME, 0, &ok);
        url->user = part(arena, handle, CURLUPART_USER, CURLU_URLDECODE, &ok);
        url->password = part(arena, handle, CURLUPART_PASSWORD, CURLU_URLDECODE, &ok);
        url->host = host_take(arena, handle, &ok);
        const char *port = part(arena, handle, CURLUPART_PORT, 0, &ok);
        url->has_port = port;
        url->port = port ? (uint16_t)strtoul(port, NULL, 10) : 0;
        const char *path = part(arena, handle, CURLUPART_PATH, CURLU_URLDECODE, &ok);
        url->path = path && path[0] == '/' ? path + 1 : "";
        return ok && url->scheme && url->host;
}

bool url_parse(struct arena *arena, const char *text, struct url *url)
{
        *url = (struct url){0};
        CURLU *handle = curl_url();
        if (!handle)
                abort();
        bool ok = curl_url_set(handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS) ==
                          CURLUE_OK &&
                  parts_take(arena, handle, url);
        curl_url_cleanup(handle);
        const char *fragment = strchr(text, '#'), *query = strchr(text, '?');
        url->has_fragment = fragment;
        url->has_query = query && (!fragment || query < fragment);
        return ok;
}

const char *url_host(struct arena *arena, const char *host)
{
        return strchr(host, ':') ? arena_printf(arena, "[%s]", host) : host;
}

/* What stands between "://" and the path, behind the userinfo: from *hosts to *rest. */
static bool hosts_find(const char *text, const char **hosts, const char **rest)
{
        const char *authority = strstr(text, "://");
        if (!authority)
                return false;
        authority += 3;
        *rest = authority + strcspn(authority, "/?#");
        *hosts = authority;
        for (const char *at = authority; at < *rest; at++)
                if (*at == '@')
                        *hosts = at + 1;
        return true;
}

size_t url_split(struct arena *arena, const char *text, const char *urls[URL_NODES_MAX])
{
        const char *hosts, *rest;
        if (!hosts_find(text, &hosts, &rest))
                return 0;
        size_t count = 0;
        for (const char *at = hosts; at <= rest; count++) {
                const char *comma = memchr(at, ',', (size_t)(rest - at)), *end = comma ? comma : rest;
                if (count == URL_NODES_MAX || end == at)
                        return 0;
                urls[count] = arena_printf(arena, "%.*s%.*s%s", (int)(hosts - text), text, (int)(end - at),
                                           at, rest);
                at = end + 1;
        }
        return count;
}

bool url_is_loopback(struct arena *arena, const char *text)
{
        const char *urls[URL_NODES_MAX];
        size_t count = url_split(arena, text, urls);
        for (size_t i = 0; i < count; i++) {
                struct url url;
                if (!url_parse(arena, urls[i], &url) || !host_is_loopback(url.host))
                        return false;
        }
        return count > 0;
}

bool host_is_loopback(const char *host)
{
        struct in_addr four;
        struct in6_addr six;
        char bare[64] = "";
        size_t len = strlen(host);
        bool bracketed = len > 2 && host[0] == '[' && host[len - 1] == ']';
        if (len >= sizeof(bare))
                return false;
        memcpy(bare, host + bracketed, len - 2 * (size_t)bracketed);
        if (inet_pton(AF_INET, bare, &four) == 1)
                return ntohl(four.s_addr) >> 24 == 127;
        if (inet_pton(AF_INET6, bare, &six) == 1)
                return IN6_IS_ADDR_LOOPBACK(&six);
        return strcasecmp(bare, "localhost") == 0;
}
