#include "cli/dlq.h"
#include "core/memory.h"
#include "io/amqp_admin.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A walk over all messages takes them in portions; one for chosen messages has to hold all others meanwhile.
 */
#define PREFETCH_ALL 1000
#define PREFETCH_MAX 65535
/* So long a wait for the next message does not see Ctrl-C. */
#define LISTEN_MS 500

void message_free(struct arena *arena)
{
        arena_fini(arena);
        free(arena);
}

/* How many there are. A missing queue is told. */
static int count_messages(struct dlq *dlq, int64_t *count)
{
        struct queue_depth depth = {.name = dlq->source};
        struct amqp_error error = {0};
        if (!amqp_queue_depths(dlq->cli->config, &depth, 1, &error))
                return cli_fail(dlq->cli, CLI_ERROR, "%s", cli_safe(dlq->cli, slice_of(error.text)));
        if (!depth.exists)
                return cli_fail(dlq->cli, CLI_NOT_FOUND,
                                "the broker has no queue %s; see leveret topology verify", dlq->source);
        *count = depth.messages;
        return CLI_OK;
}

static uint16_t prefetch_for(const struct dlq_walk *walk)
{
        int64_t prefetch = walk->dlq->wanted > 0 || !walk->dlq->all ? walk->bound : PREFETCH_ALL;
        if (prefetch > PREFETCH_MAX)
                prefetch = PREFETCH_MAX;
        return (uint16_t)(prefetch > 0 ? prefetch : 1);
}

int dlq_walk_open(struct dlq_walk *walk, struct dlq *dlq, const char *verb)
{
        *walk = (struct dlq_walk){.dlq = dlq};
        int status = dlq_lock_take(&walk->lock, dlq, verb);
        if (status != CLI_OK)
                return status;
        status = count_messages(dlq, &walk->bound);
        if (status == CLI_OK && walk->bound > 0) {
                walk->pull = amqp_pull_open(dlq->cli->config, dlq->source, prefetch_for(walk), &walk->error);
                if (!walk->pull)
                        status = cli_fail(dlq->cli, CLI_ERROR, "%s",
                                          cli_safe(dlq->cli, slice_of(walk->error.text)));
        }
        if (status != CLI_OK)
                dlq_lock_give(&walk->lock);
        return status;
}

static bool all_met(const struct dlq *dlq)
{
        for (size_t i = 0; i < dlq->count; i++)
                if (dlq->entries[i].wanted && !dlq->entries[i].found)
                        return false;
        return dlq->wanted > 0;
}

bool dlq_walk_is_over(const struct dlq_walk *walk)
{
        /* Going through all entries is dear: not after each message. */
        bool met = walk->dlq->wanted > 0 && (walk->dlq->wanted < 16 || walk->looked % 256 == 0) &&
                   all_met(walk->dlq);
        return walk->failed || walk->looked >= walk->bound || met || dlq_interrupted();
}

static bool keep_lock(struct dlq_walk *walk)
{
        if (dlq_lock_keep(&walk->lock))
                return true;
        snprintf(walk->error.text, sizeof(walk->error.text), "the lock on the queue was lost");
        walk->failed = true;
        return false;
}

enum pull_result dlq_walk_next(struct dlq_walk *walk, int64_t timeout_ms, struct arena **arena,
                               struct message **message, uint64_t *tag)
{
        int64_t until_ms = clock_boot_ms() + timeout_ms, left_ms = timeout_ms;
        enum pull_result result;
        do {
                if (!keep_lock(walk) || dlq_walk_is_over(walk))
                        return PULL_NOTHING;
                result = amqp_pull_next(walk->pull, left_ms < LISTEN_MS ? left_ms : LISTEN_MS, arena, message,
                                        tag, &walk->error);
                left_ms = until_ms - clock_boot_ms();
        } while (result == PULL_NOTHING && left_ms > 0);
        walk->looked += result == PULL_MESSAGE;
        walk->failed |= result == PULL_FAILED;
        return result;
}

void dlq_walk_hold(struct dlq_walk *walk, uint64_t tag)
{
        if (walk->held_count == walk->held_capacity) {
                walk->held_capacity = walk->held_capacity ? walk->held_capacity * 2 : 256;
                walk->held = memory_resized(walk->held, walk->held_capacity * sizeof(*walk->held));
        }
        walk->held[walk->held_count++] = tag;
}

bool dlq_walk_ack(struct dlq_walk *walk, uint64_t tag)
{
        if (walk->failed || amqp_pull_ack(walk->pull, tag))
                return !walk->failed;
        snprintf(walk->error.text, sizeof(walk->error.text), "the connection was lost");
        walk->failed = true;
        return false;
}

static int compare_tags(const void *a, const void *b)
{
        uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
        return left < right ? -1 : left > right;
}

/* Those that were on their way when the consumer was stopped stand behind the ones that are held. */
static bool give_back(struct dlq_walk *walk)
{
        struct arena *arena;
        struct message *message;
        uint64_t tag;
        if (!amqp_pull_stop(walk->pull))
                return false;
        enum pull_result result;
        while ((result = amqp_pull_next(walk->pull, DLQ_PATIENCE_MS, &arena, &message, &tag, &walk->error)) ==
               PULL_MESSAGE) {
                dlq_walk_hold(walk, tag);
                message_free(arena);
        }
        if (result == PULL_FAILED)
                return false;
        if (walk->held_count > 0)
                qsort(walk->held, walk->held_count, sizeof(*walk->held), compare_tags);
        return amqp_pull_return(walk->pull, walk->held, walk->held_count, &walk->error);
}

int dlq_walk_close(struct dlq_walk *walk)
{
        int status = CLI_OK;
        if (walk->failed || (walk->pull && !give_back(walk)))
                status = cli_fail(
                        walk->dlq->cli, CLI_ERROR,
                        "%s; the broker has put back what was not finished, perhaps in another order",
                        cli_safe(walk->dlq->cli, slice_of(walk->error.text)));
        amqp_pull_close(walk->pull);
        free(walk->held);
        dlq_lock_give(&walk->lock);
        return status;
}
