#include "redis/store.h"

#include "core/memory/memory.h"
#include "io/redis/connection/redis_probe.h"
#include "io/redis/redis_shards.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Those calls of hiredis that worker/io/redis makes of a connection that is open, and how one is opened:
 * io/redis/redis_connecting.h and redis_follow.h. Nobody is a cluster here.
 */

struct wire {
        redisContext context; /* first: it is what the client has */
        struct link *link;
};

static struct link *link_of(const redisContext *context)
{
        return ((const struct wire *)context)->link;
}

/* An empty sds: its length lies before it. */
static char nothing[] = {0, 0};

/* ---- what is written ---- */

/* "*3\r\n$4\r\nWAIT\r\n...": one number after its mark. */
static size_t take_number(struct slice *rest, char mark)
{
        size_t number = 0, i = 1;
        if (rest->len == 0 || rest->data[0] != mark)
                world_fail("store", "the client writes what is no command");
        for (; i < rest->len && rest->data[i] != '\r'; i++)
                number = 10 * number + (size_t)(rest->data[i] - '0');
        i = i + 2 < rest->len ? i + 2 : rest->len;
        *rest = (struct slice){.data = rest->data + i, .len = rest->len - i};
        return number;
}

static struct slice take_word(struct slice *rest)
{
        size_t len = take_number(rest, '$');
        struct slice word = {.data = rest->data, .len = len < rest->len ? len : rest->len};
        len = len + 2 < rest->len ? len + 2 : rest->len;
        *rest = (struct slice){.data = rest->data + len, .len = rest->len - len};
        return word;
}

/* What stands for the SHA of a script: which it is, and the server that has it. */
static void sha_format(char sha[41], int script, uint32_t epoch)
{
        snprintf(sha, 41, "%02d-%037u", script, epoch);
}

static const enum redis_script scripts[STORE_SCRIPT_COUNT] = {
        [STORE_CLAIM] = REDIS_SCRIPT_CLAIM,   [STORE_RENEW] = REDIS_SCRIPT_RENEW,
        [STORE_KEEP] = REDIS_SCRIPT_KEEP,     [STORE_INTEND] = REDIS_SCRIPT_INTEND,
        [STORE_RECORD] = REDIS_SCRIPT_RECORD, [STORE_COMPLETE] = REDIS_SCRIPT_COMPLETE,
        [STORE_DECIDE] = REDIS_SCRIPT_DECIDE, [STORE_SETTLE] = REDIS_SCRIPT_SETTLE,
        [STORE_KILLED] = REDIS_SCRIPT_KILLED, [STORE_DUE] = REDIS_SCRIPT_DUE,
};

/* Which script carries it out; REDIS_SCRIPT_COUNT: none. */
static enum redis_script script_of(const struct asked *asked)
{
        switch (asked->kind) {
        case ASKED_SCRIPT:
        case ASKED_DUE:
                return scripts[asked->call.request.script];
        case ASKED_RATE:
                return REDIS_SCRIPT_RATE;
        case ASKED_TICK:
                return REDIS_SCRIPT_TICK;
        case ASKED_QUEUED:
                return REDIS_SCRIPT_QUEUED;
        default:
                return REDIS_SCRIPT_COUNT;
        }
}

/* A server that was promoted knows no script that was not loaded there. */
static void check_script(struct asked *asked, struct slice verb, struct slice sha)
{
        char known[41], fast[41];
        enum redis_script script = script_of(asked);
        if (slice_is(verb, "RESTORE") && asked->kind == ASKED_SCRIPT &&
            asked->call.request.script == STORE_CLAIM) {
                asked->call.request.quick = true;
                return;
        }
        if ((script != REDIS_SCRIPT_COUNT) != slice_is(verb, "EVALSHA")) {
                world_fail("store", "the client writes %.*s where the engine asks otherwise",
                           SLICE_PRINT(verb));
                return;
        }
        if (script == REDIS_SCRIPT_COUNT)
                return;
        sha_format(known, script, asked->link->epoch);
        sha_format(fast, script == REDIS_SCRIPT_COMPLETE ? REDIS_SCRIPT_FINISH : script, asked->link->epoch);
        if (!slice_is(sha, known) && !slice_is(sha, fast))
                asked->refusal = "NOSCRIPT No matching script.";
}

/* Since when a record that is written whole is claimed, as its lease says. */
static int64_t claimed_at(struct slice dump, int64_t lease_ms)
{
        static const char name[] = "lease_until_ms";
        const char *at = memmem(dump.data, dump.len, name, sizeof name - 1);
        /* After the name its own length, that of the value, the value. */
        return at ? strtoll(at + sizeof name - 1 + 2, NULL, 10) - lease_ms - WALL_START_MS : 0;
}

/* The client's own, and not the engine's. */
static bool own_kind(struct slice verb, enum asked_kind *kind)
{
        static const struct {
                const char *verb;
                enum asked_kind kind;
        } own[] = {{"WAIT", ASKED_WAIT}, {"INFO", ASKED_KEEPS}, {"TIME", ASKED_TIME}};
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
                if (slice_is(verb, own[i].verb)) {
                        *kind = own[i].kind;
                        return true;
                }
        return false;
}

enum { WORDS_LOOKED_AT = 4 };

/* One command, which is the client's own or the next that the engine has asked for. */
static void on_command(struct link *link, const struct slice words[WORDS_LOOKED_AT])
{
        struct slice verb = words[0];
        enum asked_kind kind;
        struct asked *asked = STAILQ_FIRST(&link->said);
        if (own_kind(verb, &kind)) {
                asked = world_alloc(sizeof *asked);
                *asked = (struct asked){.kind = kind, .link = link};
        } else if (asked) {
                STAILQ_REMOVE_HEAD(&link->said, listed);
                check_script(asked, verb, words[1]);
                if (asked->call.request.quick)
                        asked->call.request.at_ms = claimed_at(words[3], asked->call.request.lease_ms);
        } else {
                world_fail("store", "the client writes %.*s, and nobody asks for it", SLICE_PRINT(verb));
                return;
        }
        STAILQ_INSERT_TAIL(&link->written, asked, listed);
}

int redisAppendFormattedCommand(redisContext *context, const char *command, size_t len)
{
        struct slice rest = {.data = command, .len = len};
        while (rest.len > 0 && !world.failure) {
                size_t count = take_number(&rest, '*');
                struct slice words[WORDS_LOOKED_AT] = {{0}};
                for (size_t i = 0; i < count; i++) {
                        struct slice word = take_word(&rest);
                        if (i < WORDS_LOOKED_AT)
                                words[i] = word;
                }
                on_command(link_of(context), words);
        }
        return REDIS_OK;
}

int redisBufferWrite(redisContext *context, int *done)
{
        struct link *link = link_of(context);
        struct asked *asked;
        (void)done;
        while ((asked = STAILQ_FIRST(&link->written))) {
                STAILQ_REMOVE_HEAD(&link->written, listed);
                server_hears(asked);
        }
        return REDIS_OK;
}

/* ---- what is read ---- */

/* Something may be read, until it is. */
static void on_readable(void *context)
{
        struct link *link = context;
        if (link->closed || (link->arrived == 0 && !link->ended))
                return;
        loop_readable(&link->process->engine->loop);
        if (!link->closed && (link->arrived > 0 || link->ended))
                process_later(link->process, 1, on_readable, link);
}

void link_answered(struct asked *asked)
{
        struct link *link = asked->link;
        if (link->closed)
                return;
        STAILQ_INSERT_TAIL(&link->answered, asked, listed);
        link->arrived++;
        on_readable(link);
}

static void on_ended(void *context)
{
        struct link *link = context;
        link->ended = true;
        on_readable(link);
}

void link_ended(struct link *link)
{
        process_later(link->process, 0, on_ended, link);
}

int redisBufferRead(redisContext *context)
{
        struct link *link = link_of(context);
        link->readable += link->arrived;
        link->arrived = 0;
        if (!link->ended)
                return REDIS_OK;
        strcpy(context->errstr, "Server closed the connection");
        return REDIS_ERR;
}

int redisGetReplyFromReader(redisContext *context, void **reply)
{
        struct link *link = link_of(context);
        struct asked *asked = STAILQ_FIRST(&link->answered);
        *reply = NULL;
        if (link->readable == 0)
                return REDIS_OK;
        STAILQ_REMOVE_HEAD(&link->answered, listed);
        link->readable--;
        *reply = server_reply(asked);
        return REDIS_OK;
}

void freeReplyObject(void *memory)
{
        redisReply *reply = memory;
        if (!reply)
                return;
        for (size_t i = 0; i < reply->elements; i++)
                freeReplyObject(reply->element[i]);
        free(reply->element);
        free(reply->str);
        free(reply);
}

/* ---- a connection ---- */

static struct link *link_new(struct process *process)
{
        struct link *link = world_alloc(sizeof *link);
        *link = (struct link){.process = process, .incarnation = process->incarnation, .epoch = world.epoch};
        STAILQ_INIT(&link->said);
        STAILQ_INIT(&link->written);
        STAILQ_INIT(&link->answered);
        return link;
}

static struct redis_connection connect_to(struct link *link)
{
        struct redis_connection connection = {0};
        struct wire *wire = memory_zeroed(1, sizeof *wire);
        wire->link = link;
        wire->context.obuf = nothing + 1;
        connection.context = &wire->context;
        for (int i = 0; i < REDIS_SCRIPT_COUNT; i++)
                sha_format(connection.sha[i], i, link->epoch);
        redis_crc_init(&connection.crc);
        connection.restores = !random_one_in(&world.random, 4);
        return connection;
}

void redis_connection_close(struct redis_connection *connection)
{
        if (!connection->context)
                return;
        struct link *link = link_of(connection->context);
        NOTE("w%d gives its store up", process_number(link->process));
        fault_mark(link->process, FAULT_STORE_CUT, -1);
        link->closed = link->mute = true;
        link->process->link = NULL;
        free(connection->context);
        connection->context = NULL;
}

struct redis_connecting {
        redis_connected *connected;
        void *context;
};

static void on_tried(void *context)
{
        struct process *process = context;
        struct redis_connecting *connecting = process->connecting;
        if (!connecting)
                return;
        process->connecting = NULL;
        struct redis_connection connection = {.error = "not now"};
        bool ok = loop_clock_ms >= world.promoted_ms && !random_one_in(&world.random, 8);
        if (ok) {
                process->link = link_new(process);
                connection = connect_to(process->link);
                NOTE("w%d has the store", process_number(process));
        }
        connecting->connected(connecting->context, &connection, ok);
        free(connecting);
}

struct redis_connecting *redis_connecting_start(uv_loop_t *loop, const struct config *config,
                                                const char *name, redis_connected *connected, void *context)
{
        (void)loop, (void)config, (void)name;
        struct process *process = process_now();
        struct redis_connecting *connecting = memory_zeroed(1, sizeof *connecting);
        *connecting = (struct redis_connecting){.connected = connected, .context = context};
        bool first = !process->connected;
        process->connected = true;
        process->connecting = connecting;
        int64_t most_ms = random_one_in(&world.random, 4) ? 2 * LEASE_MS : 500;
        process_later(process, first ? world_latency() : random_between(&world.random, 1, most_ms), on_tried,
                      process);
        return connecting;
}

void redis_connecting_abandon(struct redis_connecting *connecting)
{
        process_now()->connecting = NULL;
        free(connecting);
}

void store_hurry(struct process *process)
{
        if (process->connecting)
                loop_deliver(&process->engine->loop, on_tried, process);
}

void store_cut(struct process *process)
{
        struct link *link = process->link;
        if (!process->alive || !link)
                return;
        link->deaf = random_one_in(&world.random, 2);
        link->mute = true;
        link_ended(link);
}

/* ---- the sentinels ---- */

struct redis_follow *redis_follow_start(uv_loop_t *loop, const struct config *config,
                                        const struct redis_connection *connection, redis_moved *moved,
                                        void *context)
{
        (void)loop, (void)config;
        struct link *link = link_of(connection->context);
        link->moved = moved;
        link->follower = context;
        return NULL;
}

void redis_follow_stop(struct redis_follow *follow)
{
        (void)follow;
}

/* ---- what is the same everywhere ---- */

int64_t redis_wait_ms(const struct config *config)
{
        return config->redis.timeout_ms / 2;
}

void redis_reader_bound(redisReader *reader)
{
        (void)reader;
}

/* Of the socket, which is none; --wrap. */
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...); /* its name where offsets are said to have 64 bits */

int __wrap_fcntl(int fd, int command, ...)
{
        (void)fd, (void)command;
        return 0;
}

int __wrap_fcntl64(int fd, int command, ...)
{
        return __wrap_fcntl(fd, command);
}

bool redis_url_is_cluster(const char *url)
{
        (void)url;
        return false;
}

struct redis_shards *redis_shards_open(struct redis_store *store)
{
        (void)store;
        return NULL;
}

void redis_shards_close(struct redis_shards *shards)
{
        (void)shards;
}

struct redis_store *redis_store_of(struct redis_store *store, struct slice key)
{
        (void)key;
        return store;
}

void redis_shards_found(const struct redis_shards *shards, char text[REDIS_FOUND_SIZE])
{
        (void)shards;
        text[0] = '\0';
}

bool redis_shards_keep_unknown(const struct redis_shards *shards)
{
        (void)shards;
        return false;
}
