#include "io/amqp/amqp_connection.h"
#include "io/machine/url.h"

#include <stdio.h>
#include <string.h>

static bool refuse(struct amqp_error *error, const char *text)
{
        *error = (struct amqp_error){.trouble = AMQP_TROUBLE_REFUSED};
        snprintf(error->text, sizeof(error->text), "amqp.url: %s", text);
        return false;
}

static const char *given(const char *text, const char *otherwise)
{
        return text && text[0] ? text : otherwise;
}

static const char *without_brackets(struct arena *arena, const char *host)
{
        size_t len = strlen(host);
        if (len > 2 && host[0] == '[' && host[len - 1] == ']')
                return arena_copy(arena, host + 1, len - 2);
        return host;
}

/* The path without its slash is the vhost (https://www.rabbitmq.com/uri-spec.html); an empty one is "/", as
 * people who write "amqp://host/" mean it. */
bool amqp_settings_parse(struct arena *arena, const struct config *config, struct amqp_settings *settings,
                         struct amqp_error *error)
{
        struct url url;
        int64_t heartbeat_s = (config->amqp.heartbeat_ms + 999) / 1000;
        *error = (struct amqp_error){0};
        *settings = (struct amqp_settings){
                .heartbeat_s = heartbeat_s < 1 ? 1 : (int)heartbeat_s,
                .ca_file = arena_strdup(arena, config->amqp.tls.ca_file),
                .cert_file = arena_strdup(arena, config->amqp.tls.cert_file),
                .key_file = arena_strdup(arena, config->amqp.tls.key_file),
        };
        if (!url_parse(arena, config->amqp.url, &url))
                return refuse(error, "it is not a URL, or holds an encoded control character");
        settings->tls = strcmp(url.scheme, "amqps") == 0;
        if (!settings->tls && strcmp(url.scheme, "amqp") != 0)
                return refuse(error, "the scheme must be amqp or amqps");
        settings->host = without_brackets(arena, url.host);
        settings->user = given(url.user, "guest");
        settings->password = given(url.password, "guest");
        settings->port = url.port ? url.port : settings->tls ? 5671 : 5672;
        settings->vhost = given(url.path, "/");
        if (strlen(settings->vhost) > 255)
                return refuse(error, "the vhost is longer than 255 bytes");
        settings->place = arena_printf(arena, "%s://%s:%d/%s", url.scheme, settings->host, settings->port,
                                       strcmp(settings->vhost, "/") == 0 ? "" : settings->vhost);
        return true;
}
