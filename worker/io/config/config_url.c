#include "io/config/config_url.h"
#include "io/machine/url.h"
#include "io/redis/connection/redis_address.h"

#include <string.h>

static const struct rule {
        const char *example;
        const char
                *encode;   /* what to do about a password with special characters; NULL: the URL holds none */
        const char *query; /* where to write what people write into the query; NULL: it is used */
        const char *login; /* why there must be no user; NULL: there may be */
        bool nodes, path, user_needs_password;
} rules[] = {
        [URL_BROKER] =
                {.example = "amqp://user:password@host:5672/vhost",
                 .encode = "amqp.username and amqp.password",
                 .query = "a heartbeat is amqp.heartbeat, certificates are amqp.tls, and the virtual host is "
                          "the path",
                 .nodes = true,
                 .path = true},
        [URL_REDIS] =
                {.example = "redis://user:password@host:6379/0",
                 .encode = "redis.username and redis.password",
                 .query = "the database is the path, as in redis://host:6379/2, a time-out is redis.timeout, "
                          "and TLS is rediss:// with redis.tls",
                 .nodes = true, /* of sentinels: redis_url_parse looks */
                 .path = true,
                 .user_needs_password = true},
        [URL_MAIL_API] = {.example = "https://api.example.com",
                          .query = "the key is mail.http.api_key",
                          .login = "must hold no user or password; they are settings of their own",
                          .path = true},
        [URL_MAIL_SERVER] = {.example = "smtp://mail.example.com:587",
                             .query = "TLS is mail.smtp.starttls or smtps://, the log-in mail.smtp.username",
                             .login = "must hold no user or password; they are settings of their own"},
        [URL_MANAGEMENT] = {.example = "http://user:password@host:15672",
                            .encode = "%XX for each of them",
                            .query = "it has no options",
                            .path = true},
        [URL_WEBHOOK] = {.example = "https://hooks.example.com/services/1",
                         .encode = "%XX for each of them",
                         .path = true},
        [URL_COLLECTOR] =
                {.example = "http://127.0.0.1:4318",
                 .encode = "%XX for each of them",
                 .query = "a URL that is complete is otlp.traces_url, and a key goes into otlp.headers",
                 .path = true},
};

static const char *unusable(struct arena *arena, const struct rule *rule)
{
        const char *text = arena_printf(arena, "is not a URL like %s, or holds an encoded control character",
                                        rule->example);
        if (!rule->encode)
                return text;
        return arena_printf(
                arena,
                "%s; in a password write %%40 for @, %%2F for /, %%3A for :, %%23 for #, %%25 for %%, "
                "or use %s",
                text, rule->encode);
}

static const char *node_fault(struct arena *arena, const struct rule *rule, const char *text)
{
        struct url url;
        if (!url_parse(arena, text, &url))
                return unusable(arena, rule);
        if (url.has_fragment)
                return "holds a fragment (#..), which would be ignored; write # in a password as %23";
        if (url.has_query && rule->query)
                return arena_printf(arena, "holds a query (?..), which would be ignored: %s", rule->query);
        if (rule->login && (url.user || url.password))
                return rule->login;
        if (rule->user_needs_password && url.user && url.user[0] && !url.password)
                return "holds a user without a password, which would be ignored; a password alone is written "
                       "redis://:password@host";
        if (url.has_port && url.port == 0)
                return "has the port 0, at which nobody listens";
        return rule->path || !url.path[0] ? NULL
                                          : "holds a path, which would be ignored: end it after the port";
}

const char *config_url_fault(struct arena *arena, enum url_use use, const char *text)
{
        const struct rule *rule = &rules[use];
        const char *nodes[URL_NODES_MAX];
        size_t count = url_split(arena, text, nodes);
        if (count == 0)
                return unusable(arena, rule);
        if (count > 1 && !rule->nodes)
                return arena_printf(arena, "names several hosts; it takes one, as in %s", rule->example);
        for (size_t i = 0; i < count; i++) {
                const char *fault = node_fault(arena, rule, nodes[i]);
                if (fault)
                        return fault;
        }
        struct redis_address address;
        return use == URL_REDIS ? redis_url_parse(arena, text, &address) : NULL;
}
