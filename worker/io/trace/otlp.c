#include "io/trace/otlp.h"
#include "core/job/jitter.h"
#include "core/memory/memory.h"
#include "io/log/log.h"
#include "io/trace/otlp_request.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uv.h>

enum { CLOSE_MARGIN_MS = 500 }; /* for the thread to notice that its time is over */

struct waiting {
        STAILQ_ENTRY(waiting) next;
        struct span *span;
        size_t bytes;
};
STAILQ_HEAD(waiting_list, waiting);

/* Of a request. */
struct batch {
        size_t spans, bytes; /* held */
};

struct otlp {
        uv_mutex_t mutex; /* for all up to `ended` */
        uv_cond_t ended_changed;
        struct waiting_list list;
        size_t waiting; /* on the list */
        size_t bytes;   /* of all that is held */
        int64_t waiting_since_ms;
        struct otlp_counts counts;
        int64_t closing_ms; /* when the grace is over; 0: not closing */
        bool ended, abandoned;

        /* of the thread */
        struct waiting_list taken;
        struct otlp_request request;
        uint64_t random;
};

const char *otlp_drop_word(enum otlp_drop drop)
{
        static const char *const words[] = {[OTLP_DROP_FULL] = "queue_full",
                                            [OTLP_DROP_UNREACHABLE] = "unreachable",
                                            [OTLP_DROP_REFUSED] = "refused",
                                            [OTLP_DROP_STOPPED] = "stopped"};
        return words[drop];
}

/* ---- on the thread ---- */

static int64_t otlp_deadline(void *context)
{
        struct otlp *otlp = context;
        uv_mutex_lock(&otlp->mutex);
        int64_t closing_ms = otlp->closing_ms;
        uv_mutex_unlock(&otlp->mutex);
        return closing_ms ? closing_ms : INT64_MAX;
}

/* Until `until_ms`, or a wake-up; false if the worker ends meanwhile. */
static bool otlp_pause(struct otlp *otlp, int64_t until_ms)
{
        for (;;) {
                int64_t left_ms = until_ms - otlp_now_ms();
                if (otlp_deadline(otlp) != INT64_MAX)
                        return false;
                if (left_ms <= 0)
                        return true;
                curl_multi_poll(otlp->request.multi, NULL, 0, (int)(left_ms < 60000 ? left_ms : 60000), NULL);
        }
}

static void state_note(struct otlp *otlp, const struct otlp_verdict *verdict)
{
        struct otlp_counts *counts = &otlp->counts;
        char text[OTLP_TEXT_MAX];
        bool warned = verdict->end == OTLP_TAKEN && verdict->text[0];
        log_mask(text, sizeof(text), slice_of(verdict->text)); /* may wait for the log: not with the mutex */
        uv_mutex_lock(&otlp->mutex);
        if (counts->state != verdict->end || warned)
                counts->changes++;
        counts->state = verdict->end;
        if (text[0])
                memcpy(counts->text, text, sizeof(text));
        uv_mutex_unlock(&otlp->mutex);
}

/* Nothing of the batch is held any more. */
static void batch_settle(struct otlp *otlp, const struct batch *batch, uint64_t sent, enum otlp_drop why)
{
        uv_mutex_lock(&otlp->mutex);
        otlp->bytes -= batch->bytes;
        otlp->counts.held -= batch->spans;
        otlp->counts.sent += sent;
        otlp->counts.dropped[why] += batch->spans - sent;
        uv_mutex_unlock(&otlp->mutex);
}

static void batch_send(struct otlp *otlp, const struct batch *batch)
{
        enum otlp_drop why = OTLP_DROP_UNREACHABLE;
        for (int tries = 1;; tries++) {
                struct otlp_verdict verdict = otlp_request_send(&otlp->request, otlp_deadline, otlp);
                state_note(otlp, &verdict);
                if (verdict.end == OTLP_TAKEN) {
                        uint64_t rejected = verdict.rejected < batch->spans ? verdict.rejected : batch->spans;
                        batch_settle(otlp, batch, batch->spans - rejected, OTLP_DROP_REFUSED);
                        return;
                }
                if (verdict.end == OTLP_REFUSED)
                        why = OTLP_DROP_REFUSED;
                if (verdict.end == OTLP_REFUSED || tries == OTLP_TRIES_MAX)
                        break;
                int64_t wait_ms = otlp_again_ms(tries, verdict.pause_ms, jitter_next(&otlp->random));
                if (!otlp_pause(otlp, otlp_now_ms() + wait_ms)) {
                        why = OTLP_DROP_STOPPED;
                        break;
                }
        }
        batch_settle(otlp, batch, 0, why);
}

/* Takes all that waits. */
static void otlp_waiting_take(struct otlp *otlp)
{
        uv_mutex_lock(&otlp->mutex);
        STAILQ_CONCAT(&otlp->taken, &otlp->list);
        otlp->waiting = 0;
        uv_mutex_unlock(&otlp->mutex);
}

static void waiting_free(struct waiting *waiting)
{
        free(waiting->span);
        free(waiting);
}

static struct batch batch_make(struct otlp *otlp)
{
        struct otlp_request *request = &otlp->request;
        struct waiting *waiting;
        struct batch batch = {0};
        if (STAILQ_EMPTY(&otlp->taken))
                otlp_waiting_take(otlp);
        buffer_recycle(&request->body, OTLP_BODY_MAX);
        span_request_begin(&request->body, &request->resource);
        while (batch.spans < OTLP_BATCH_SPANS && request->body.len < OTLP_BODY_MAX &&
               (waiting = STAILQ_FIRST(&otlp->taken))) {
                STAILQ_REMOVE_HEAD(&otlp->taken, next);
                span_request_add(&request->body, waiting->span, batch.spans++ == 0);
                batch.bytes += waiting->bytes;
                waiting_free(waiting);
        }
        span_request_end(&request->body);
        return batch;
}

/* When the next batch is to be made; -1: now. */
static int64_t batch_due_ms(struct otlp *otlp)
{
        uv_mutex_lock(&otlp->mutex);
        int64_t now_ms = otlp_now_ms(), due_ms = INT64_MAX;
        if (otlp->waiting > 0)
                due_ms = otlp->waiting_since_ms + OTLP_BATCH_DUE_MS;
        if (otlp->closing_ms || !STAILQ_EMPTY(&otlp->taken) ||
            otlp_is_due(otlp->waiting, now_ms - otlp->waiting_since_ms))
                due_ms = -1;
        uv_mutex_unlock(&otlp->mutex);
        return due_ms;
}

static void wait_for_batch(struct otlp *otlp)
{
        int64_t due_ms;
        while ((due_ms = batch_due_ms(otlp)) >= 0) {
                int64_t left_ms = due_ms == INT64_MAX ? INT32_MAX : due_ms - otlp_now_ms();
                curl_multi_poll(otlp->request.multi, NULL, 0, (int)(left_ms > 0 ? left_ms : 0), NULL);
        }
}

static void otlp_free(struct otlp *otlp)
{
        otlp_request_close(&otlp->request);
        uv_mutex_destroy(&otlp->mutex);
        uv_cond_destroy(&otlp->ended_changed);
        free(otlp);
}

static void otlp_run(void *context)
{
        struct otlp *otlp = context;
        struct batch batch = {0};
        while (batch.spans > 0 || otlp_deadline(otlp) == INT64_MAX) {
                wait_for_batch(otlp);
                batch = batch_make(otlp);
                if (batch.spans > 0)
                        batch_send(otlp, &batch);
                uv_mutex_lock(&otlp->mutex);
                otlp->waiting_since_ms = otlp_now_ms();
                uv_mutex_unlock(&otlp->mutex);
        }
        uv_mutex_lock(&otlp->mutex);
        otlp->ended = true;
        bool abandoned = otlp->abandoned;
        uv_cond_signal(&otlp->ended_changed);
        uv_mutex_unlock(&otlp->mutex);
        if (abandoned)
                otlp_free(otlp);
}

/* ---- on the loop ---- */

void otlp_add(struct otlp *otlp, const struct span *span)
{
        struct waiting *waiting = memory_raw(sizeof(*waiting));
        waiting->span = span_pack(span, &waiting->bytes);
        uv_mutex_lock(&otlp->mutex);
        bool room = otlp_has_room(otlp->counts.held, otlp->bytes, waiting->bytes);
        bool wake = room && (otlp->waiting == 0 || otlp->waiting + 1 == OTLP_BATCH_DUE_SPANS);
        if (room) {
                if (otlp->waiting++ == 0)
                        otlp->waiting_since_ms = otlp_now_ms();
                STAILQ_INSERT_TAIL(&otlp->list, waiting, next);
                otlp->bytes += waiting->bytes;
                otlp->counts.held++;
        } else {
                otlp->counts.dropped[OTLP_DROP_FULL]++;
        }
        uv_mutex_unlock(&otlp->mutex);
        if (wake)
                curl_multi_wakeup(otlp->request.multi);
        if (!room)
                waiting_free(waiting);
}

void otlp_count(struct otlp *otlp, struct otlp_counts *counts)
{
        uv_mutex_lock(&otlp->mutex);
        *counts = otlp->counts;
        uv_mutex_unlock(&otlp->mutex);
}

/* Signals are for the others. */
static bool otlp_thread_start(struct otlp *otlp)
{
        uv_thread_t thread;
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        bool started = uv_thread_create(&thread, otlp_run, otlp) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (started)
                pthread_detach(thread);
        return started;
}

struct otlp *otlp_open(const struct config *config, const char *instance)
{
        if (!config->otlp.url && !config->otlp.traces_url)
                return NULL;
        struct otlp *otlp = memory_zeroed(1, sizeof(*otlp));
        if (uv_mutex_init(&otlp->mutex) != 0 || uv_cond_init(&otlp->ended_changed) != 0)
                abort();
        STAILQ_INIT(&otlp->list);
        STAILQ_INIT(&otlp->taken);
        otlp->random = (uint64_t)uv_hrtime() | 1;
        otlp_request_open(&otlp->request, config, instance);
        if (otlp_thread_start(otlp))
                return otlp;
        otlp_free(otlp);
        return NULL;
}

static void waiting_drop(struct otlp *otlp)
{
        struct waiting *waiting;
        while ((waiting = STAILQ_FIRST(&otlp->list))) {
                STAILQ_REMOVE_HEAD(&otlp->list, next);
                waiting_free(waiting);
        }
        otlp->waiting = 0;
}

void otlp_close(struct otlp *otlp, int64_t grace_ms, struct otlp_counts *counts)
{
        uint64_t until_ns = uv_hrtime() + (uint64_t)(grace_ms + CLOSE_MARGIN_MS) * 1000000, now_ns;
        uv_mutex_lock(&otlp->mutex);
        otlp->closing_ms = otlp_now_ms() + grace_ms;
        curl_multi_wakeup(otlp->request.multi);
        while (!otlp->ended && (now_ns = uv_hrtime()) < until_ns)
                uv_cond_timedwait(&otlp->ended_changed, &otlp->mutex, until_ns - now_ns);
        waiting_drop(otlp);
        *counts = otlp->counts;
        counts->dropped[OTLP_DROP_STOPPED] += counts->held;
        bool ended = otlp->ended;
        otlp->abandoned = !ended;
        uv_mutex_unlock(&otlp->mutex);
        if (ended)
                otlp_free(otlp);
}

static int64_t probe_deadline(void *context)
{
        return *(const int64_t *)context;
}

struct otlp_verdict otlp_probe(const struct config *config, const char *instance)
{
        struct otlp_request request;
        int64_t until_ms = otlp_now_ms() + config->otlp.timeout_ms;
        otlp_request_open(&request, config, instance);
        span_request_begin(&request.body, &request.resource);
        span_request_end(&request.body);
        struct otlp_verdict verdict = otlp_request_send(&request, probe_deadline, &until_ms);
        otlp_request_close(&request);
        return verdict;
}
