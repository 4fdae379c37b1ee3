#include "io/amqp_connection.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A part of the URL, percent-decoded, or the default if it is missing or empty. */
static const char *part_get(struct arena *arena, CURLU *url, CURLUPart part, const char *otherwise)
{
        char *text = NULL;
        if (curl_url_get(url, part, &text, CURLU_URLDECODE) != CURLUE_OK || !*text) {
                curl_free(text);
                return otherwise;
        }
        const char *copy = arena_strdup(arena, text);
        curl_free(text);
        return copy;
}

static const char *host_get(struct arena *arena, CURLU *url)
{
        const char *host = part_get(arena, url, CURLUPART_HOST, "localhost");
        size_t len = strlen(host);
        if (len > 2 && host[0] == '[' && host[len - 1] == ']')
                return arena_copy(arena, host + 1, len - 2);
        return host;
}

static bool refuse(struct amqp_error *error, const char *text)
{
        *error = (struct amqp_error){.trouble = AMQP_TROUBLE_REFUSED};
        snprintf(error->text, sizeof(error->text), "amqp.url: %s", text);
        return false;
}

/* The path without its slash is the vhost (https://www.rabbitmq.com/uri-spec.html); an empty one is "/", as
 * people who write "amqp://host/" mean it. */
static bool settings_fill(struct arena *arena, CURLU *url, struct amqp_settings *settings,
                          struct amqp_error *error)
{
        const char *scheme = part_get(arena, url, CURLUPART_SCHEME, "");
        settings->tls = strcmp(scheme, "amqps") == 0;
        if (!settings->tls && strcmp(scheme, "amqp") != 0)
                return refuse(error, "the scheme must be amqp or amqps");
        settings->host = host_get(arena, url);
        settings->user = part_get(arena, url, CURLUPART_USER, "guest");
        settings->password = part_get(arena, url, CURLUPART_PASSWORD, "guest");
        settings->port = atoi(part_get(arena, url, CURLUPART_PORT, settings->tls ? "5671" : "5672"));
        const char *path = part_get(arena, url, CURLUPART_PATH, "/");
        settings->vhost = path[0] == '/' && path[1] ? path + 1 : "/";
        if (strlen(settings->vhost) > 255)
                return refuse(error, "the vhost is longer than 255 bytes");
        settings->place = arena_printf(arena, "%s://%s:%d/%s", scheme, settings->host, settings->port,
                                       strcmp(settings->vhost, "/") == 0 ? "" : settings->vhost);
        return true;
}

bool amqp_settings_parse(struct arena *arena, const struct config *config, struct amqp_settings *settings,
                         struct amqp_error *error)
{
        *error = (struct amqp_error){0};
        *settings = (struct amqp_settings){
                .heartbeat_s = (int)((config->amqp.heartbeat_ms + 999) / 1000),
                .ca_file = arena_strdup(arena, config->amqp.tls.ca_file),
                .cert_file = arena_strdup(arena, config->amqp.tls.cert_file),
                .key_file = arena_strdup(arena, config->amqp.tls.key_file),
        };
        if (settings->heartbeat_s < 1)
                settings->heartbeat_s = 1;
        CURLU *url = curl_url();
        if (!url)
                abort();
        CURLUcode code = curl_url_set(url, CURLUPART_URL, config->amqp.url,
                                      CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);
        bool ok = code == CURLUE_OK ? settings_fill(arena, url, settings, error)
                                    : refuse(error, curl_url_strerror(code));
        curl_url_cleanup(url);
        return ok;
}
