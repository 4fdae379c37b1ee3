#include "io/amqp/amqp_connection.h"

#include <stdio.h>
#include <string.h>

static bool amqp_settings_refuse(struct amqp_error *error, const char *text)
{
        *error = (struct amqp_error){.trouble = AMQP_TROUBLE_REFUSED};
        snprintf(error->text, sizeof(error->text), "amqp.url: %s", text);
        return false;
}

static const char *given(const char *text, const char *otherwise)
{
        return text && text[0] ? text : otherwise;
}

static void amqp_node_add(struct arena *arena, struct amqp_settings *settings, const struct url *url)
{
        struct amqp_node *node = &settings->nodes[settings->node_count++];
        node->host = url->host;
        node->port = settings->tls ? 5671 : 5672;
        if (url->port)
                node->port = url->port;
        node->place = arena_printf(arena, "%s://%s:%d/%s", url->scheme, url_host(arena, url->host),
                                   node->port, strcmp(settings->vhost, "/") == 0 ? "" : settings->vhost);
}

/* The path without its slash is the vhost (https://www.rabbitmq.com/uri-spec.html); an empty one is "/", as
 * people who write "amqp://host/" mean it. */
bool amqp_settings_parse(struct arena *arena, const struct config *config, struct amqp_settings *settings,
                         struct amqp_error *error)
{
        struct url url = {0};
        const char *urls[URL_NODES_MAX];
        int64_t heartbeat_s = (config->amqp.heartbeat_ms + 999) / 1000;
        *error = (struct amqp_error){0};
        *settings = (struct amqp_settings){
                .heartbeat_s = heartbeat_s < 1 ? 1 : (int)heartbeat_s,
                .ca_file = arena_strdup(arena, config->amqp.tls.ca_file),
                .cert_file = arena_strdup(arena, config->amqp.tls.cert_file),
                .key_file = arena_strdup(arena, config->amqp.tls.key_file),
        };
        size_t count = url_split(arena, config->amqp.url, urls);
        if (count == 0)
                return amqp_settings_refuse(error, "it is not a URL");
        for (size_t i = 0; i < count; i++) {
                if (!url_parse(arena, urls[i], &url))
                        return amqp_settings_refuse(error,
                                                    "it is not a URL, or holds an encoded control character");
                settings->tls = strcmp(url.scheme, "amqps") == 0;
                if (!settings->tls && strcmp(url.scheme, "amqp") != 0)
                        return amqp_settings_refuse(error, "the scheme must be amqp or amqps");
                settings->vhost = given(url.path, "/");
                if (strlen(settings->vhost) > 255)
                        return amqp_settings_refuse(error, "the vhost is longer than 255 bytes");
                amqp_node_add(arena, settings, &url);
        }
        settings->user = arena_strdup(arena, given(config->amqp.username, given(url.user, "guest")));
        settings->password = arena_strdup(arena, given(config->amqp.password, given(url.password, "guest")));
        return true;
}
