#include "io/redis/connection/redis_address.h"

#include <string.h>

enum { SERVER_PORT = 6379, SENTINEL_PORT = 26379 };

static const struct way {
        const char *scheme;
        enum redis_way way;
        bool encrypted;
} ways[] = {
        {"redis", REDIS_SERVER, false},
        {"rediss", REDIS_SERVER, true},
        {"redis+sentinel", REDIS_BY_SENTINELS, false},
        {"rediss+sentinel", REDIS_BY_SENTINELS, true},
        {"redis+cluster", REDIS_CLUSTER, false},
        {"rediss+cluster", REDIS_CLUSTER, true},
};
enum { WAY_COUNT = sizeof(ways) / sizeof(*ways) };

static const struct way *way_find(const char *url)
{
        for (size_t i = 0; i < WAY_COUNT; i++) {
                size_t len = strlen(ways[i].scheme);
                if (strncasecmp(url, ways[i].scheme, len) == 0 && strncmp(url + len, "://", 3) == 0)
                        return &ways[i];
        }
        return NULL;
}

bool redis_url_is_cluster(const char *url)
{
        const struct way *way = way_find(url);
        return way && way->way == REDIS_CLUSTER;
}

bool redis_url_is_encrypted(const char *url)
{
        const struct way *way = way_find(url);
        return way && way->encrypted;
}

static bool is_database(const char *text)
{
        return text[strspn(text, "0123456789")] == '\0' && strlen(text) <= 5;
}

/* The path: "0", or "NAME/0" behind sentinels. */
static const char *path_take(struct arena *arena, const char *path, struct redis_address *address)
{
        const char *number = path;
        if (address->way == REDIS_BY_SENTINELS) {
                const char *slash = strchr(path, '/');
                size_t len = slash ? (size_t)(slash - path) : strlen(path);
                if (len == 0)
                        return "must name the primary that the sentinels watch, as in "
                               "redis+sentinel://h1:26379,h2:26379/mymaster/0";
                address->name = arena_copy(arena, path, len);
                number = slash ? slash + 1 : "";
        }
        if (!is_database(number))
                return "must end with the number of a database, as in redis://host:6379/2";
        if (address->way == REDIS_CLUSTER && number[strspn(number, "0")])
                return "must not name a database: a cluster has none but 0";
        address->database = number[0] ? number : "0";
        return NULL;
}

static const char *nodes_take(struct arena *arena, const char *text, struct redis_address *address,
                              struct url *url)
{
        static const char unusable[] = "is not a URL like redis://user:password@host:6379/0";
        const char *urls[URL_NODES_MAX];
        size_t count = url_split(arena, text, urls);
        uint16_t port = address->way == REDIS_BY_SENTINELS ? SENTINEL_PORT : SERVER_PORT;
        if (count == 0)
                return unusable;
        if (count > 1 && address->way == REDIS_SERVER)
                return "names several hosts; it takes one, as in redis://user:password@host:6379/0, or "
                       "several as in redis+sentinel://h1:26379,h2:26379/mymaster/0 or "
                       "redis+cluster://h1:6379,h2:6379";
        for (size_t i = 0; i < count; i++) {
                if (!url_parse(arena, urls[i], url))
                        return unusable;
                address->nodes[address->count++] =
                        (struct redis_node){.host = url->host, .port = url->port ? url->port : port};
        }
        return NULL;
}

const char *redis_url_parse(struct arena *arena, const char *text, struct redis_address *address)
{
        const struct way *way = way_find(text);
        struct url url = {0};
        *address = (struct redis_address){0};
        if (!way)
                return "expected a URL that begins with redis://, rediss://, redis+sentinel://, "
                       "rediss+sentinel://, redis+cluster:// or rediss+cluster://";
        address->way = way->way;
        address->encrypted = way->encrypted;
        const char *fault = nodes_take(arena, text, address, &url);
        if (fault)
                return fault;
        address->user = url.user && url.user[0] ? url.user : NULL;
        address->password = url.password;
        return path_take(arena, url.path, address);
}

const char *redis_address_of(struct arena *arena, const struct config *config, struct redis_address *address)
{
        const char *fault = redis_url_parse(arena, config->redis.url, address);
        if (config->redis.username)
                address->user = config->redis.username;
        if (config->redis.password)
                address->password = config->redis.password;
        return fault;
}

const char *redis_node_text(struct arena *arena, const struct redis_node *node)
{
        return arena_printf(arena, "%s:%d", url_host(arena, node->host), node->port);
}
