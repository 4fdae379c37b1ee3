#include "io/admin/loop_ask.h"
#include "core/memory/memory.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum ask_state {
        ASK_IDLE,
        ASK_ASKED,     /* the loop has not seen it yet */
        ASK_ANSWERING, /* the loop is at it; `question` is the loop's */
        ASK_ANSWERED,  /* `question` is the asker's */
};

struct loop_ask {
        uv_async_t async;
        uv_prepare_t turn;
        int handles; /* not closed yet */
        const struct loop_ask_events *events;
        void *context;
        _Atomic uint64_t turned_ns; /* uv_hrtime */
        size_t size;
        uv_mutex_t mutex; /* over all below */
        uv_cond_t changed;
        enum ask_state state;
        bool abandoned; /* the asker went away before the answer */
        bool shut;
        void *question;
};

static void on_turn(uv_prepare_t *handle)
{
        struct loop_ask *ask = handle->data;
        atomic_store_explicit(&ask->turned_ns, uv_hrtime(), memory_order_relaxed);
}

/* The mutex is not held while the answer is made: the asker must be able to give up. */
static void on_asked(uv_async_t *handle)
{
        struct loop_ask *ask = handle->data;
        uv_mutex_lock(&ask->mutex);
        bool asked = ask->state == ASK_ASKED;
        bool wanted = asked && !ask->abandoned;
        if (asked)
                ask->state = wanted ? ASK_ANSWERING : ASK_IDLE;
        uv_mutex_unlock(&ask->mutex);
        if (!wanted)
                return;
        ask->events->answer(ask->context, ask->question);
        uv_mutex_lock(&ask->mutex);
        bool late = ask->abandoned;
        if (late)
                ask->events->drop(ask->context, ask->question);
        ask->state = late ? ASK_IDLE : ASK_ANSWERED;
        uv_cond_signal(&ask->changed);
        uv_mutex_unlock(&ask->mutex);
}

struct loop_ask *loop_ask_open(uv_loop_t *loop, size_t size, const struct loop_ask_events *events,
                               void *context)
{
        struct loop_ask *ask = memory_zeroed(1, sizeof *ask);
        void *question = memory_zeroed(1, size);
        if (uv_mutex_init(&ask->mutex) || uv_cond_init(&ask->changed))
                abort();
        ask->events = events;
        ask->context = context;
        ask->size = size;
        ask->question = question;
        ask->turned_ns = uv_hrtime();
        if (uv_async_init(loop, &ask->async, on_asked) || uv_prepare_init(loop, &ask->turn) ||
            uv_prepare_start(&ask->turn, on_turn))
                abort();
        ask->handles = 2;
        ask->async.data = ask->turn.data = ask;
        uv_unref((uv_handle_t *)&ask->async);
        uv_unref((uv_handle_t *)&ask->turn);
        return ask;
}

/* With the mutex held. */
static enum loop_ask_end wait_for_answer(struct loop_ask *ask, int64_t limit_ms)
{
        uint64_t deadline_ns = uv_hrtime() + (uint64_t)limit_ms * 1000000;
        while (ask->state != ASK_ANSWERED && !ask->shut) {
                uint64_t now_ns = uv_hrtime();
                if (now_ns >= deadline_ns)
                        return LOOP_SILENT;
                uv_cond_timedwait(&ask->changed, &ask->mutex, deadline_ns - now_ns);
        }
        return ask->state == ASK_ANSWERED ? LOOP_ANSWERED : LOOP_CLOSED;
}

enum loop_ask_end loop_ask(struct loop_ask *ask, void *question, int64_t limit_ms)
{
        uv_mutex_lock(&ask->mutex);
        if (ask->shut || ask->state != ASK_IDLE) {
                enum loop_ask_end end = ask->shut ? LOOP_CLOSED : LOOP_SILENT;
                uv_mutex_unlock(&ask->mutex);
                return end;
        }
        memcpy(ask->question, question, ask->size);
        ask->state = ASK_ASKED;
        ask->abandoned = false;
        uv_async_send(&ask->async);
        enum loop_ask_end end = wait_for_answer(ask, limit_ms);
        if (end == LOOP_ANSWERED) {
                memcpy(question, ask->question, ask->size);
                ask->state = ASK_IDLE;
        } else {
                ask->abandoned = true;
        }
        uv_mutex_unlock(&ask->mutex);
        return end;
}

int64_t loop_ask_since_turn_ms(const struct loop_ask *ask)
{
        uint64_t turned_ns = atomic_load_explicit(&ask->turned_ns, memory_order_relaxed),
                 now_ns = uv_hrtime();
        return now_ns > turned_ns ? (int64_t)((now_ns - turned_ns) / 1000000) : 0;
}

void loop_ask_shut(struct loop_ask *ask)
{
        uv_mutex_lock(&ask->mutex);
        ask->shut = true;
        uv_cond_signal(&ask->changed);
        uv_mutex_unlock(&ask->mutex);
}

static void loop_ask_on_closed(uv_handle_t *handle)
{
        struct loop_ask *ask = handle->data;
        if (--ask->handles > 0)
                return;
        uv_cond_destroy(&ask->changed);
        uv_mutex_destroy(&ask->mutex);
        free(ask->question);
        free(ask);
}

void loop_ask_close(struct loop_ask *ask)
{
        assert(ask->shut);
        uv_close((uv_handle_t *)&ask->async, loop_ask_on_closed);
        uv_close((uv_handle_t *)&ask->turn, loop_ask_on_closed);
}
