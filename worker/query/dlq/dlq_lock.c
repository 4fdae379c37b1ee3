#include "core/codec/rfc3339.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"
#include "query/dlq/dlq.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A command that was killed blocks others for no longer than the lock lives; on its own machine not at all.
 */
#define RENEW_EVERY_MS 3000

static const char renew_script[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
                                   "return redis.call('PEXPIRE', KEYS[1], ARGV[2])";
static const char give_script[] =
        "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1";

const char *dlq_host(struct arena *arena)
{
        char host[64] = "";
        if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
                return "host";
        return arena_strdup(arena, host);
}

/* Is it a process of this machine that is gone? Its name ends in "host pid N". */
static bool owner_is_gone(struct dlq *dlq, struct slice owner)
{
        struct arena *arena = dlq->query.arena;
        const char *text = arena_copy(arena, owner.data, owner.len);
        const char *mark = arena_printf(arena, " on %s pid ", dlq_host(arena));
        const char *at = strstr(text, mark);
        if (!at)
                return false;
        long pid = strtol(at + strlen(mark), NULL, 10);
        return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static const char *lock_ttl_ms(struct arena *arena)
{
        return arena_printf(arena, "%d", RECORD_LOCK_TTL_MS);
}

static bool try_take(struct dlq_lock *lock)
{
        struct dlq *dlq = lock->dlq;
        const struct redis_value *taken =
                redis_sync_call(dlq->query.redis, dlq->query.arena, "SET", lock->key, lock->owner, "NX", "PX",
                                lock_ttl_ms(dlq->query.arena), NULL);
        return taken->kind == REDIS_TEXT;
}

static const char *lock_key(struct dlq *dlq)
{
        return record_key(dlq->query.arena, dlq->query.config->redis.prefix, KEY_LOCK, dlq->queue);
}

const char *dlq_lock_owner(struct dlq *dlq)
{
        const struct redis_value *owner =
                redis_sync_call(dlq->query.redis, dlq->query.arena, "GET", lock_key(dlq), NULL);
        bool known = owner->kind == REDIS_TEXT && !owner_is_gone(dlq, owner->text);
        return known ? query_text(&dlq->query, owner->text) : NULL;
}

int dlq_lock_take(struct dlq_lock *lock, struct dlq *dlq, const char *verb)
{
        struct arena *arena = dlq->query.arena;
        char now[RFC3339_SIZE];
        rfc3339_format(clock_wall_ms(), now);
        *lock = (struct dlq_lock){.dlq = dlq, .renewed_ms = clock_boot_ms()};
        lock->key = lock_key(dlq);
        lock->owner = arena_printf(arena, "%s: dlq %s on %s pid %d since %s", dlq->who, verb, dlq_host(arena),
                                   (int)getpid(), now);
        if (try_take(lock))
                return DLQ_OK;
        const struct redis_value *other = redis_sync_call(dlq->query.redis, arena, "GET", lock->key, NULL);
        if (other->kind == REDIS_TEXT && owner_is_gone(dlq, other->text)) {
                const char *gone = arena_copy(arena, other->text.data, other->text.len);
                redis_sync_call(dlq->query.redis, arena, "EVAL", give_script, "1", lock->key, gone, NULL);
        }
        if (try_take(lock))
                return DLQ_OK;
        lock->key = NULL;
        if (other->kind == REDIS_FAILED)
                return dlq_fail(dlq, DLQ_ERROR, "Redis: %s", query_text(&dlq->query, other->text));
        return dlq_fail(dlq, DLQ_REFUSED, "somebody works on %s: %s. Wait for its end", dlq->source,
                        query_text(&dlq->query, other->text));
}

bool dlq_lock_keep(struct dlq_lock *lock)
{
        if (clock_boot_ms() - lock->renewed_ms < RENEW_EVERY_MS)
                return true;
        struct arena arena;
        arena_init(&arena);
        redis_sync_flush(lock->dlq->query.redis); /* what a verb may have queued; nothing may be run before */
        const struct redis_value *kept =
                redis_sync_call(lock->dlq->query.redis, &arena, "EVAL", renew_script, "1", lock->key,
                                lock->owner, lock_ttl_ms(lock->dlq->query.arena), NULL);
        bool ok = kept->kind == REDIS_INTEGER && kept->integer == 1;
        arena_fini(&arena);
        lock->renewed_ms = clock_boot_ms();
        return ok;
}

void dlq_lock_give(struct dlq_lock *lock)
{
        if (lock->key)
                redis_sync_call(lock->dlq->query.redis, lock->dlq->query.arena, "EVAL", give_script, "1",
                                lock->key, lock->owner, NULL);
        lock->key = NULL;
}
