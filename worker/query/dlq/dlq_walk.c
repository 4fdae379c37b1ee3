#include "core/memory/memory.h"
#include "io/broker/amqp_admin.h"
#include "io/machine/clock.h"
#include "query/dlq/dlq.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A walk that moves all messages has so many in hand; one for some of them has to hold all others meanwhile.
 */
#define HOLD_MOVING 1000
/* Given back between two looks at the lock. */
#define RETURN_SLICE 3000
/* So long a wait for the next message does not see that it was stopped. */
#define LISTEN_MS 500

static int ask_depth(struct dlq *dlq, struct queue_depth *depth)
{
        *depth = (struct queue_depth){.name = dlq->source};
        struct amqp_error error = {0};
        if (!amqp_queue_depths(dlq->query.config, depth, 1, &error))
                return dlq_fail(dlq, DLQ_ERROR, "%s", error.text);
        if (!depth->exists)
                return dlq_fail(dlq, DLQ_NOT_FOUND, "the broker has no queue %s; see leveret topology verify",
                                dlq->source);
        return DLQ_OK;
}

int dlq_count(struct dlq *dlq, int64_t *count)
{
        struct queue_depth depth;
        int status = ask_depth(dlq, &depth);
        *count = depth.messages;
        return status;
}

static uint64_t hold_for(const struct dlq_walk *walk)
{
        bool moves_all = walk->dlq->all && walk->dlq->wanted == 0 && walk->bound == walk->ready;
        return moves_all && walk->ready > HOLD_MOVING ? HOLD_MOVING : (uint64_t)walk->ready;
}

int dlq_walk_open(struct dlq_walk *walk, struct dlq *dlq, const char *verb)
{
        *walk = (struct dlq_walk){.dlq = dlq};
        if (dlq->begins)
                dlq->begins(dlq);
        int status = dlq_lock_take(&walk->lock, dlq, verb);
        if (status != DLQ_OK)
                return status;
        struct queue_depth depth;
        status = ask_depth(dlq, &depth);
        walk->bound = walk->ready = depth.messages;
        walk->others = depth.consumers;
        if (dlq->wanted == 0 && dlq->limit_count > 0 && dlq->limit_count < walk->bound)
                walk->bound = dlq->limit_count;
        if (status == DLQ_OK && walk->bound > 0) {
                walk->pull = amqp_pull_open(dlq->query.config, dlq->source, hold_for(walk), &walk->error);
                if (!walk->pull)
                        status = dlq_fail(dlq, DLQ_ERROR, "%s", walk->error.text);
        }
        if (status != DLQ_OK)
                dlq_lock_give(&walk->lock);
        return status;
}

bool dlq_walk_is_over(const struct dlq_walk *walk)
{
        bool met = walk->dlq->wanted > 0 && walk->dlq->met >= dlq_index_goal(walk->dlq);
        return walk->failed || walk->looked >= walk->bound || met || dlq_is_stopped(walk->dlq);
}

static bool keep_lock(struct dlq_walk *walk)
{
        if (dlq_lock_keep(&walk->lock))
                return true;
        snprintf(walk->error.text, sizeof(walk->error.text), "the lock on the queue was lost");
        walk->failed = true;
        return false;
}

enum pull_result dlq_walk_next(struct dlq_walk *walk, int64_t timeout_ms, struct amqp_delivery *taken)
{
        int64_t until_ms = clock_boot_ms() + timeout_ms, left_ms = timeout_ms;
        enum pull_result result;
        do {
                if (!keep_lock(walk) || dlq_walk_is_over(walk))
                        return PULL_NOTHING;
                result = amqp_pull_next(walk->pull, left_ms < LISTEN_MS ? left_ms : LISTEN_MS, taken,
                                        &walk->error);
                left_ms = until_ms - clock_boot_ms();
        } while (result == PULL_NOTHING && left_ms > 0);
        walk->looked += result == PULL_MESSAGE;
        walk->failed |= result == PULL_FAILED;
        walk->starved |= result == PULL_NOTHING && timeout_ms >= DLQ_PATIENCE_MS;
        return result;
}

void dlq_walk_hold(struct dlq_walk *walk, uint64_t tag)
{
        /* What is held leaves less room for what comes: all of it may be held in the end. */
        if (walk->held_count == 0)
                amqp_pull_widen(walk->pull, (uint64_t)walk->ready);
        if (walk->held_count == walk->held_capacity) {
                walk->held_capacity = walk->held_capacity ? walk->held_capacity * 2 : 256;
                walk->held = memory_resized(walk->held, walk->held_capacity * sizeof(*walk->held));
        }
        walk->held[walk->held_count++] = tag;
}

struct message *dlq_walk_find(struct dlq_walk *walk, uint64_t *tag)
{
        struct amqp_delivery taken;
        struct message *copy = NULL;
        while (!copy && dlq_walk_next(walk, DLQ_PATIENCE_MS, &taken) == PULL_MESSAGE) {
                struct letter letter;
                letter_read(taken.arena, walk->dlq, taken.message, &letter);
                if (letter.entry && letter.entry->wanted)
                        copy = message_copy(walk->dlq->query.arena, taken.message);
                else
                        dlq_walk_hold(walk, taken.tag);
                *tag = taken.tag;
                arena_free(taken.arena);
        }
        if (!copy && !walk->failed)
                dlq_fail(walk->dlq, DLQ_NOT_FOUND, "the message is not in %s; leveret dlq sync %s cleans up",
                         walk->dlq->source, walk->dlq->queue);
        return copy;
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

/* Takes one only to give it back. */
static enum pull_result dlq_walk_take(struct dlq_walk *walk, int64_t timeout_ms)
{
        struct amqp_delivery taken;
        dlq_lock_keep(&walk->lock);
        enum pull_result result = amqp_pull_next(walk->pull, timeout_ms, &taken, &walk->error);
        if (result == PULL_MESSAGE) {
                dlq_walk_hold(walk, taken.tag);
                arena_free(taken.arena);
        }
        return result;
}

/* A quorum queue puts what is given back behind what nobody had taken: for the old order all has to be taken.
 * What others hold does not come. */
static bool take_rest(struct dlq_walk *walk)
{
        int64_t left = walk->ready - walk->looked, heard_ms = clock_boot_ms();
        amqp_pull_widen(walk->pull, (uint64_t)walk->ready);
        while (!walk->starved && left > 0 && clock_boot_ms() - heard_ms < DLQ_PATIENCE_MS) {
                enum pull_result result = dlq_walk_take(walk, LISTEN_MS);
                if (result == PULL_FAILED)
                        return false;
                if (result == PULL_MESSAGE) {
                        left--;
                        heard_ms = clock_boot_ms();
                }
        }
        return true;
}

/* Those that were on their way when the consumer was stopped stand behind the ones that are held. */
static bool give_back(struct dlq_walk *walk)
{
        enum pull_result result;
        if (!take_rest(walk) || !amqp_pull_stop(walk->pull))
                return false;
        while ((result = dlq_walk_take(walk, DLQ_PATIENCE_MS)) == PULL_MESSAGE)
                ;
        if (result == PULL_FAILED)
                return false;
        if (walk->held_count > 0)
                qsort(walk->held, walk->held_count, sizeof(*walk->held), compare_tags);
        for (size_t at = 0; at < walk->held_count; at += RETURN_SLICE) {
                size_t left = walk->held_count - at;
                dlq_lock_keep(&walk->lock);
                if (!amqp_pull_return(walk->pull, walk->held + at, left < RETURN_SLICE ? left : RETURN_SLICE,
                                      &walk->error))
                        return false;
        }
        return true;
}

int dlq_walk_close(struct dlq_walk *walk)
{
        int status = DLQ_OK;
        if (walk->failed || (walk->pull && !give_back(walk)))
                status = dlq_fail(
                        walk->dlq, DLQ_ERROR,
                        "%s; the broker has put back what was not finished, perhaps in another order",
                        walk->error.text[0] ? walk->error.text : "the connection to the broker was lost");
        else if (walk->starved)
                status = dlq_fail(walk->dlq, DLQ_ERROR,
                                  "only %" PRId64 " of %" PRId64
                                  " messages of %s came; perhaps somebody else takes them too",
                                  walk->looked, walk->bound, walk->dlq->source);
        amqp_pull_close(walk->pull);
        free(walk->held);
        dlq_lock_give(&walk->lock);
        return status;
}
