#include "io/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static const char *part(struct arena *arena, CURLU *handle, CURLUPart which, unsigned flags)
{
        char *text = NULL;
        if (curl_url_get(handle, which, &text, flags) != CURLUE_OK)
                return NULL;
        const char *copy = arena_strdup(arena, text);
        curl_free(text);
        return copy;
}

bool url_parse(struct arena *arena, const char *text, struct url *url)
{
        *url = (struct url){0};
        CURLU *handle = curl_url();
        if (!handle)
                abort();
        bool ok = curl_url_set(handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
        if (ok) {
                url->scheme = part(arena, handle, CURLUPART_SCHEME, 0);
                url->user = part(arena, handle, CURLUPART_USER, CURLU_URLDECODE);
                url->password = part(arena, handle, CURLUPART_PASSWORD, CURLU_URLDECODE);
                url->host = part(arena, handle, CURLUPART_HOST, 0);
                const char *port = part(arena, handle, CURLUPART_PORT, 0);
                url->port = port ? (uint16_t)strtoul(port, NULL, 10) : 0;
                const char *path = part(arena, handle, CURLUPART_PATH, CURLU_URLDECODE);
                url->path = path && path[0] == '/' ? path + 1 : "";
                ok = url->scheme && url->host;
        }
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
