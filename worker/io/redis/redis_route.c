#include "io/redis/redis_route.h"
#include "core/memory/memory.h"
#include "io/redis/connection/redis_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOPS_MAX = 100, AGAIN_US = 20000, WORDS_MAX = 512 };

struct redis_route {
        const struct config *config;
        char name[64];
        struct redis_slots slots;
        struct redis_connection nodes[REDIS_NODES_MAX]; /* by index in slots.nodes; some have no context */
};

static void nodes_close(struct redis_route *route)
{
        for (size_t i = 0; i < route->slots.count; i++)
                redis_connection_close(&route->nodes[i]);
        redis_slots_init(&route->slots);
}

static bool node_open(struct redis_route *route, struct arena *arena, size_t index, char *error)
{
        struct redis_connection *node = &route->nodes[index];
        const struct redis_cluster_reach *reach =
                redis_cluster_reach(arena, route->config, &route->slots, index, route->name);
        if (!reach || redis_connection_open(node, &reach->config, reach->name))
                return true;
        snprintf(error, 256, "%s", node->error);
        return false;
}

/* Asks who serves what, and connects to all. */
static bool nodes_open(struct redis_route *route, char *error)
{
        struct redis_connection asked = {0};
        struct redis_address address;
        struct arena arena;
        arena_init(&arena);
        const char *fault = redis_address_of(&arena, route->config, &address);
        bool ok = fault ? redis_connection_fail(&asked, true, "redis.url", fault)
                        : redis_cluster_find(route->config, &address, &route->slots, &asked);
        if (!ok)
                snprintf(error, 256, "%s", asked.error);
        memset(route->nodes, 0, sizeof(route->nodes));
        for (size_t i = 0; ok && i < route->slots.count; i++)
                ok = node_open(route, &arena, i, error);
        arena_fini(&arena);
        if (!ok)
                nodes_close(route);
        return ok;
}

struct redis_route *redis_route_open(const struct config *config, const char *name, char *error)
{
        struct redis_route *route = memory_zeroed(1, sizeof(*route));
        route->config = config;
        snprintf(route->name, sizeof(route->name), "%s", name);
        redis_slots_init(&route->slots);
        if (nodes_open(route, error))
                return route;
        free(route);
        return NULL;
}

void redis_route_close(struct redis_route *route)
{
        nodes_close(route);
        free(route);
}

struct redis_connection *redis_route_node(struct redis_route *route, size_t index)
{
        for (size_t i = 0; i < route->slots.count; i++)
                if (route->nodes[i].context && index-- == 0)
                        return &route->nodes[i];
        return NULL;
}

void redis_route_found(const struct redis_route *route, char text[REDIS_FOUND_SIZE])
{
        const char *server = "";
        for (size_t i = route->slots.count; i-- > 0;)
                if (route->nodes[i].context)
                        server = route->nodes[i].found;
        snprintf(text, REDIS_FOUND_SIZE, "a cluster of %zu primaries, %.300s", route->slots.count, server);
}

/* ---- one command ---- */

static redisReply *redis_route_ask(struct redis_connection *node, const struct slice *words, size_t count,
                                   bool asking)
{
        const char *texts[WORDS_MAX];
        size_t lengths[WORDS_MAX];
        void *reply = NULL;
        for (size_t i = 0; i < count; i++) {
                texts[i] = words[i].data ? words[i].data : "";
                lengths[i] = words[i].len;
        }
        if (asking && !(reply = redisCommand(node->context, "ASKING")))
                return NULL;
        if (reply)
                freeReplyObject(reply);
        return redisCommandArgv(node->context, (int)count, texts, lengths);
}

static int node_first(const struct redis_route *route)
{
        for (size_t i = 0; i < route->slots.count; i++)
                if (route->nodes[i].context)
                        return (int)i;
        return -1;
}

/* Where the redirection leads; -1: nobody knows. */
static int follow(struct redis_route *route, int from, struct redis_redirect *redirect, char *error)
{
        if (redirect->kind == REDIRECT_AGAIN) {
                usleep(AGAIN_US);
                return from;
        }
        const char *host = redirect->host[0] ? redirect->host : route->slots.nodes[from].host;
        int node = redis_slots_find(&route->slots, host, redirect->port);
        if (node >= 0 && route->nodes[node].context) {
                if (redirect->kind == REDIRECT_MOVED)
                        redis_slots_assign(&route->slots, redirect->slot, redirect->slot, node);
                return node;
        }
        nodes_close(route); /* a node that we did not know */
        return nodes_open(route, error) ? route->slots.owner[redirect->slot] : -1;
}

static redisReply *run_at(struct redis_route *route, int node, const struct slice *words, size_t count,
                          char *error)
{
        struct redis_redirect redirect = {.kind = REDIRECT_NONE};
        for (int hop = 0; node >= 0 && route->nodes[node].context && hop < HOPS_MAX; hop++) {
                redisContext *context = route->nodes[node].context;
                redisReply *reply = context->err ? NULL
                                                 : redis_route_ask(&route->nodes[node], words, count,
                                                                   redirect.kind == REDIRECT_ASK);
                if (!reply) {
                        snprintf(error, 256, "%.200s", context->errstr);
                        return NULL;
                }
                redirect.kind = REDIRECT_NONE;
                if (reply->type == REDIS_REPLY_ERROR)
                        redirect =
                                redis_redirect_parse((struct slice){.data = reply->str, .len = reply->len});
                if (redirect.kind == REDIRECT_NONE)
                        return reply;
                freeReplyObject(reply);
                snprintf(error, 256, "the cluster sends it from node to node");
                node = follow(route, node, &redirect, error);
        }
        return NULL;
}

static size_t next_node(const struct redis_route *route, size_t node)
{
        while (node < route->slots.count && !route->nodes[node].context)
                node++;
        return node;
}

redisReply *redis_route_scan(struct redis_route *route, const struct slice *words, size_t count,
                             struct redis_cursor *cursor)
{
        struct slice at[WORDS_MAX];
        char *colon = strchr(cursor->text, ':');
        size_t node = next_node(route, colon ? strtoul(cursor->text, NULL, 10) : 0);
        if (node == route->slots.count || count > WORDS_MAX)
                return NULL;
        memcpy(at, words, count * sizeof(*at));
        at[1] = slice_of(colon ? colon + 1 : "0");
        redisReply *reply = run_at(route, (int)node, at, count, cursor->error);
        if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !reply->element[0]->str)
                return reply;
        bool through = strcmp(reply->element[0]->str, "0") == 0;
        node = through ? next_node(route, node + 1) : node;
        bool all = node == route->slots.count;
        if (all)
                snprintf(cursor->text, sizeof(cursor->text), "0");
        else
                snprintf(cursor->text, sizeof(cursor->text), "%zu:%.40s", node, reply->element[0]->str);
        return reply;
}

redisReply *redis_route_run(struct redis_route *route, const struct slice *words, size_t count, char *error)
{
        size_t key = redis_key_index(words, count);
        snprintf(error, 256, "the node is not connected");
        if (count > WORDS_MAX)
                return NULL;
        int node = key > 0 ? route->slots.owner[redis_slot(words[key])] : node_first(route);
        return run_at(route, node, words, count, error);
}
