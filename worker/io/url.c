#include "io/url.h"

#include <curl/curl.h>
#include <stdlib.h>

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
