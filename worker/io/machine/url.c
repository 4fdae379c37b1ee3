#include "io/machine/url.h"

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

static bool parts_take(struct arena *arena, CURLU *handle, struct url *url)
{
        bool ok = true;
        url->scheme = part(arena, handle, CURLUPART_SCHEME, 0, &ok);
        url->user = part(arena, handle, CURLUPART_USER, CURLU_URLDECODE, &ok);
        url->password = part(arena, handle, CURLUPART_PASSWORD, CURLU_URLDECODE, &ok);
        url->host = part(arena, handle, CURLUPART_HOST, 0, &ok);
        const char *port = part(arena, handle, CURLUPART_PORT, 0, &ok);
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
        return ok;
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
