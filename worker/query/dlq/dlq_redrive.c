#include "core/job/limiter.h"
#include "core/memory/memory.h"
#include "core/message/copy.h"
#include "core/text/word.h"
#include "io/amqp/amqp_publisher.h"
#include "io/machine/clock.h"
#include "query/dlq/dlq.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/*
 * Each message: publish the copy, wait for its confirm, ack the original, forget its index entry. Killed
 * anywhere between, the original comes again, and the claim finds that this generation is known.
 */

#define CONFIRM_TIMEOUT_MS 10000
/* Copies on their way, and bytes of their bodies above which no more is taken up: a broker that blocks
 * publishers confirms none. */
#define IN_FLIGHT_MAX 1000
#define IN_FLIGHT_BYTES ((size_t)32 << 20)
#define FORGET_AT 200
#define QUIET_MS DLQ_PATIENCE_MS

/* A copy that is confirmed and whose original is acked. */
struct done {
        char dead_id[DEAD_ID_SIZE], id[ENVELOPE_ID_MAX + 1];
        uint32_t redrives;
};

struct redrive {
        struct dlq *dlq;
        struct dlq_walk walk;
        struct limiter limiter;
        uv_loop_t loop;
        struct amqp_publisher *publisher;
        struct dlq_redriven *sum;
        int64_t in_flight;
        size_t in_flight_bytes;
        struct done done[FORGET_AT];
        size_t done_count;
};

/* One copy on its way. */
struct moving {
        struct redrive *redrive;
        uint64_t tag;
        size_t bytes;
        char dead_id[DEAD_ID_SIZE], id[ENVELOPE_ID_MAX + 1];
        uint32_t redrives;
};

static void dlq_redrive_forget(struct redrive *redrive)
{
        const char *ids[FORGET_AT] = {0};
        for (size_t i = 0; i < redrive->done_count; i++) {
                const struct done *done = &redrive->done[i];
                char note[200];
                ids[i] = done->dead_id;
                snprintf(note, sizeof(note), "\"event\":\"redrive\",\"dead_id\":\"%s\",\"redrives\":%" PRIu32,
                         done->dead_id, done->redrives + 1);
                if (done->id[0])
                        dlq_note(redrive->dlq, done->id, note);
        }
        redis_sync_flush(redrive->dlq->query.redis);
        dlq_index_remove(redrive->dlq, ids, redrive->done_count);
        redrive->done_count = 0;
}

static void dlq_redrive_settle(struct moving *moving)
{
        struct redrive *redrive = moving->redrive;
        if (!dlq_walk_ack(&redrive->walk, moving->tag))
                return;
        redrive->sum->moved++;
        struct done *done = &redrive->done[redrive->done_count++];
        *done = (struct done){.redrives = moving->redrives};
        snprintf(done->dead_id, sizeof(done->dead_id), "%s", moving->dead_id);
        snprintf(done->id, sizeof(done->id), "%s", moving->id);
        if (redrive->sum->settled)
                redrive->sum->settled(redrive->dlq, moving->id, moving->redrives + 1);
        if (redrive->done_count == FORGET_AT)
                dlq_redrive_forget(redrive);
}

static void dlq_redrive_on_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct moving *moving = context;
        struct redrive *redrive = moving->redrive;
        redrive->in_flight--;
        redrive->in_flight_bytes -= moving->bytes;
        if (outcome == PUBLISH_CONFIRMED) {
                dlq_redrive_settle(moving);
        } else {
                dlq_walk_hold(&redrive->walk, moving->tag);
                if (!redrive->sum->error[0])
                        snprintf(redrive->sum->error, sizeof(redrive->sum->error), "%s%s%.100s",
                                 publish_outcome_word(outcome), text_if(error && error[0], ": "),
                                 text_or(error, ""));
        }
        free(moving);
        if (redrive->dlq->moved)
                redrive->dlq->moved(redrive->dlq, redrive->sum->moved, redrive->sum->total);
}

static void letter_move(struct redrive *redrive, const struct message *message, const struct letter *letter,
                        uint64_t tag)
{
        struct arena *arena = arena_new();
        struct message *copy = copy_redrive(arena, message, redrive->dlq->target, clock_wall_ms());
        if (!copy) {
                arena_free(arena);
                dlq_walk_hold(&redrive->walk, tag);
                redrive->sum->unusable++;
                return;
        }
        struct moving *moving = memory_zeroed(1, sizeof(*moving));
        *moving = (struct moving){
                .redrive = redrive, .tag = tag, .bytes = copy->body.len, .redrives = letter->redrives};
        snprintf(moving->dead_id, sizeof(moving->dead_id), "%s", letter->dead_id);
        snprintf(moving->id, sizeof(moving->id), "%s", letter->id ? letter->id : "");
        limiter_take(&redrive->limiter, clock_boot_ms());
        redrive->in_flight++;
        redrive->in_flight_bytes += moving->bytes;
        amqp_publisher_publish(redrive->publisher, arena, copy, dlq_redrive_on_published, moving);
}

static void leave_late(struct redrive *redrive, const struct letter_entry *entry, uint64_t tag)
{
        struct dlq_walk *walk = &redrive->walk;
        dlq_walk_hold(walk, tag);
        redrive->sum->late++;
        dlq_index_pass(redrive->dlq, entry);
        if (walk->bound < walk->ready)
                walk->bound++;
}

static void redrive_consider(struct redrive *redrive, const struct amqp_delivery *taken)
{
        struct letter letter;
        letter_read(taken->arena, redrive->dlq, taken->message, &letter);
        const struct letter_entry *entry = dlq_index_meet(redrive->dlq, letter.dead_id);
        bool chosen = dlq_index_is_chosen(redrive->dlq, entry);
        if (chosen && dlq_is_late(redrive->dlq, taken->arena, taken->message))
                leave_late(redrive, entry, taken->tag);
        else if (chosen)
                letter_move(redrive, taken->message, &letter, taken->tag);
        else
                dlq_walk_hold(&redrive->walk, taken->tag);
        arena_free(taken->arena);
}

static bool must_stop(const struct redrive *redrive)
{
        return redrive->sum->error[0] || dlq_walk_is_over(&redrive->walk);
}

static void nap(int64_t ms)
{
        nanosleep(&(struct timespec){.tv_nsec = (ms < 50 ? ms : 50) * 1000000}, NULL);
}

static bool is_full(const struct redrive *redrive)
{
        return redrive->in_flight >= IN_FLIGHT_MAX || redrive->in_flight_bytes >= IN_FLIGHT_BYTES;
}

/* One step: waits for room, for the rate, or for a message. False when none has come for a while. */
static bool step(struct redrive *redrive, int64_t *heard_ms)
{
        struct amqp_delivery taken;
        int64_t wait_ms = limiter_wait_ms(&redrive->limiter, clock_boot_ms());
        if (wait_ms > 0)
                nap(wait_ms);
        uv_run(&redrive->loop, is_full(redrive) ? UV_RUN_ONCE : UV_RUN_NOWAIT);
        if (wait_ms > 0 || is_full(redrive))
                return true;
        enum pull_result result = dlq_walk_next(&redrive->walk, redrive->in_flight > 0 ? 0 : 200, &taken);
        if (result == PULL_MESSAGE) {
                *heard_ms = clock_boot_ms();
                redrive_consider(redrive, &taken);
        } else if (redrive->in_flight > 0) {
                *heard_ms = clock_boot_ms();
                uv_run(&redrive->loop, UV_RUN_ONCE);
        }
        redrive->walk.starved = clock_boot_ms() - *heard_ms >= QUIET_MS;
        return !redrive->walk.starved;
}

static void dlq_redrive_work(struct redrive *redrive)
{
        int64_t heard_ms = clock_boot_ms();
        while (!must_stop(redrive) && step(redrive, &heard_ms))
                ;
        while (redrive->in_flight > 0)
                uv_run(&redrive->loop, UV_RUN_ONCE);
        dlq_redrive_forget(redrive);
}

static int redrive_run(struct redrive *redrive)
{
        struct dlq *dlq = redrive->dlq;
        int status = dlq_walk_open(&redrive->walk, dlq, "redrive");
        if (status != DLQ_OK)
                return status;
        redrive->sum->total = dlq->wanted > 0 ? dlq_index_goal(dlq) : redrive->walk.bound;
        if (uv_loop_init(&redrive->loop) != 0)
                abort();
        redrive->publisher = amqp_publisher_open(&redrive->loop, dlq->query.config, CONFIRM_TIMEOUT_MS);
        dlq_redrive_work(redrive);
        status = dlq_walk_close(&redrive->walk);
        amqp_publisher_close(redrive->publisher, 1000);
        uv_run(&redrive->loop, UV_RUN_DEFAULT);
        uv_loop_close(&redrive->loop);
        redrive->sum->left = redrive->walk.ready - redrive->sum->moved;
        return status;
}

int dlq_redrive_run(struct dlq *dlq, struct dlq_redriven *redriven)
{
        struct redrive *redrive = memory_zeroed(1, sizeof(*redrive));
        redrive->dlq = dlq;
        redrive->sum = redriven;
        limiter_init(&redrive->limiter, redriven->rate, clock_boot_ms());
        int status = redrive_run(redrive);
        free(redrive);
        return status;
}
