#include "loop.h"
#include "core/memory/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

int64_t loop_clock_ms;
void (*loop_stuck)(const char *why);

enum { TIMERS_A_TURN_MAX = 1000 };

enum kind { KIND_TIMER, KIND_IDLE, KIND_PREPARE, KIND_CHECK, KIND_SIGNAL, KIND_POLL, KIND_COUNT };

/* What this loop knows of a handle of libuv; found by the handle's `u.reserved`. */
struct node {
        uv_handle_t *handle;
        enum kind kind;
        bool active, closing;
        union {
                uv_timer_cb timer;
                uv_idle_cb idle;
                uv_prepare_cb prepare;
                uv_check_cb check;
                uv_signal_cb signal;
                uv_poll_cb poll;
        } call;
        uv_close_cb closed;
        int64_t due_ms;
        uint64_t repeat_ms, started; /* timers of one time run in the order of their starts */
        int number;                  /* of the signal */
        uint64_t seen;               /* the pass in which it was started or called last */
        TAILQ_ENTRY(node) listed;
        struct node *next_closing;
};
TAILQ_HEAD(nodes, node);

struct arrival {
        loop_call *call;
        void *context;
};

struct inner {
        struct nodes active[KIND_COUNT];
        struct node *closing; /* the last closed first, as libuv has it */
        size_t alive;         /* active or closing */
        uint64_t starts, pass;
        bool stop;
        int64_t now_ms;
        struct arrival *arrivals;
        size_t arrival_count, arrival_room;
};

static struct inner *inner_of(const uv_loop_t *loop)
{
        return loop->internal_fields;
}

static struct node *node_of(const void *handle)
{
        return ((const uv_handle_t *)handle)->u.reserved[0];
}

int uv_loop_init(uv_loop_t *loop)
{
        memset(loop, 0, sizeof *loop);
        struct inner *inner = memory_zeroed(1, sizeof *inner);
        for (int i = 0; i < KIND_COUNT; i++)
                TAILQ_INIT(&inner->active[i]);
        inner->now_ms = loop_clock_ms;
        loop->internal_fields = inner;
        return 0;
}

int uv_loop_close(uv_loop_t *loop)
{
        struct inner *inner = inner_of(loop);
        if (inner->alive > 0)
                return UV_EBUSY;
        free(inner->arrivals);
        free(inner);
        loop->internal_fields = NULL;
        return 0;
}

static int init(uv_loop_t *loop, void *memory, enum kind kind)
{
        uv_handle_t *handle = memory;
        struct node *node = memory_zeroed(1, sizeof *node);
        node->handle = handle;
        node->kind = kind;
        handle->loop = loop;
        handle->u.reserved[0] = node;
        return 0;
}

static void stop(struct node *node)
{
        struct inner *inner = inner_of(node->handle->loop);
        if (!node->active)
                return;
        node->active = false;
        inner->alive--;
        TAILQ_REMOVE(&inner->active[node->kind], node, listed);
}

/* The last one started runs first. */
static void start(struct node *node)
{
        struct inner *inner = inner_of(node->handle->loop);
        if (node->active)
                return;
        node->active = true;
        node->seen = inner->pass;
        inner->alive++;
        TAILQ_INSERT_HEAD(&inner->active[node->kind], node, listed);
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
        return init(loop, timer, KIND_TIMER);
}

int uv_idle_init(uv_loop_t *loop, uv_idle_t *idle)
{
        return init(loop, idle, KIND_IDLE);
}

int uv_prepare_init(uv_loop_t *loop, uv_prepare_t *prepare)
{
        return init(loop, prepare, KIND_PREPARE);
}

int uv_check_init(uv_loop_t *loop, uv_check_t *check)
{
        return init(loop, check, KIND_CHECK);
}

int uv_signal_init(uv_loop_t *loop, uv_signal_t *signal)
{
        return init(loop, signal, KIND_SIGNAL);
}

int uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd)
{
        (void)fd;
        return init(loop, poll, KIND_POLL);
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb call, uint64_t timeout_ms, uint64_t repeat_ms)
{
        struct node *node = node_of(timer);
        if (node->closing)
                return UV_EINVAL;
        stop(node);
        node->call.timer = call;
        node->repeat_ms = repeat_ms;
        node->due_ms = inner_of(timer->loop)->now_ms + (int64_t)timeout_ms;
        node->started = inner_of(timer->loop)->starts++;
        start(node);
        return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
        stop(node_of(timer));
        return 0;
}

void uv_timer_set_repeat(uv_timer_t *timer, uint64_t repeat_ms)
{
        node_of(timer)->repeat_ms = repeat_ms;
}

uint64_t uv_timer_get_repeat(const uv_timer_t *timer)
{
        return node_of(timer)->repeat_ms;
}

uint64_t uv_timer_get_due_in(const uv_timer_t *timer)
{
        int64_t left_ms = node_of(timer)->due_ms - inner_of(timer->loop)->now_ms;
        return left_ms > 0 ? (uint64_t)left_ms : 0;
}

int uv_idle_start(uv_idle_t *idle, uv_idle_cb call)
{
        struct node *node = node_of(idle);
        if (!node->active)
                node->call.idle = call;
        start(node);
        return 0;
}

int uv_idle_stop(uv_idle_t *idle)
{
        stop(node_of(idle));
        return 0;
}

int uv_prepare_start(uv_prepare_t *prepare, uv_prepare_cb call)
{
        node_of(prepare)->call.prepare = call;
        start(node_of(prepare));
        return 0;
}

int uv_prepare_stop(uv_prepare_t *prepare)
{
        stop(node_of(prepare));
        return 0;
}

int uv_check_start(uv_check_t *check, uv_check_cb call)
{
        node_of(check)->call.check = call;
        start(node_of(check));
        return 0;
}

int uv_check_stop(uv_check_t *check)
{
        stop(node_of(check));
        return 0;
}

int uv_signal_start(uv_signal_t *signal, uv_signal_cb call, int number)
{
        struct node *node = node_of(signal);
        node->call.signal = call;
        node->number = number;
        start(node);
        return 0;
}

int uv_signal_stop(uv_signal_t *signal)
{
        stop(node_of(signal));
        return 0;
}

int uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb call)
{
        (void)events;
        node_of(poll)->call.poll = call;
        start(node_of(poll));
        return 0;
}

int uv_poll_stop(uv_poll_t *poll)
{
        stop(node_of(poll));
        return 0;
}

int uv_is_active(const uv_handle_t *handle)
{
        return node_of(handle)->active;
}

int uv_is_closing(const uv_handle_t *handle)
{
        return node_of(handle)->closing;
}

void uv_close(uv_handle_t *handle, uv_close_cb closed)
{
        struct node *node = node_of(handle);
        struct inner *inner = inner_of(handle->loop);
        if (node->closing)
                abort(); /* as libuv asserts */
        stop(node);
        node->closing = true;
        node->closed = closed;
        node->next_closing = inner->closing;
        inner->closing = node;
        inner->alive++;
}

const char *uv_strerror(int error)
{
        (void)error;
        return "an error";
}

uint64_t uv_hrtime(void)
{
        return (uint64_t)loop_clock_ms * 1000000;
}

uint64_t uv_now(const uv_loop_t *loop)
{
        return (uint64_t)inner_of(loop)->now_ms;
}

void uv_stop(uv_loop_t *loop)
{
        inner_of(loop)->stop = true;
}

/* ---- a turn ---- */

static struct node *due_timer(const struct inner *inner)
{
        struct node *best = NULL, *node;
        TAILQ_FOREACH(node, &inner->active[KIND_TIMER], listed)
        {
                if (!best || node->due_ms < best->due_ms ||
                    (node->due_ms == best->due_ms && node->started < best->started))
                        best = node;
        }
        return best && best->due_ms <= inner->now_ms ? best : NULL;
}

static void run_timers(uv_loop_t *loop)
{
        struct node *node;
        for (int i = 0; (node = due_timer(inner_of(loop))); i++) {
                if (i == TIMERS_A_TURN_MAX)
                        loop_stuck("a timer is due for ever");
                uv_timer_t *timer = (uv_timer_t *)node->handle;
                stop(node);
                if (node->repeat_ms > 0)
                        uv_timer_start(timer, node->call.timer, node->repeat_ms, node->repeat_ms);
                node->call.timer(timer);
        }
}

static void call(struct node *node)
{
        if (node->kind == KIND_IDLE)
                node->call.idle((uv_idle_t *)node->handle);
        else if (node->kind == KIND_PREPARE)
                node->call.prepare((uv_prepare_t *)node->handle);
        else
                node->call.check((uv_check_t *)node->handle);
}

/* Those that are started meanwhile wait for the next turn; those that are stopped are not called. */
static void run_kind(uv_loop_t *loop, enum kind kind)
{
        struct inner *inner = inner_of(loop);
        uint64_t pass = ++inner->pass;
        struct node *node = TAILQ_FIRST(&inner->active[kind]);
        while (node) {
                if (node->seen == pass) {
                        node = TAILQ_NEXT(node, listed);
                        continue;
                }
                node->seen = pass;
                call(node);
                node = TAILQ_FIRST(&inner->active[kind]); /* whatever became of the list */
        }
}

/* What comes meanwhile is found, too. */
static void run_poll(uv_loop_t *loop)
{
        struct inner *inner = inner_of(loop);
        for (size_t i = 0; i < inner->arrival_count; i++)
                inner->arrivals[i].call(inner->arrivals[i].context);
        inner->arrival_count = 0;
}

void loop_readable(uv_loop_t *loop)
{
        struct inner *inner = inner_of(loop);
        uint64_t pass = ++inner->pass;
        struct node *node = TAILQ_FIRST(&inner->active[KIND_POLL]);
        while (node) {
                bool called = node->seen == pass;
                node->seen = pass;
                if (!called)
                        node->call.poll((uv_poll_t *)node->handle, 0, UV_READABLE);
                node = called ? TAILQ_NEXT(node, listed) : TAILQ_FIRST(&inner->active[KIND_POLL]);
        }
}

static void run_closing(uv_loop_t *loop)
{
        struct inner *inner = inner_of(loop);
        struct node *node = inner->closing;
        inner->closing = NULL;
        while (node) {
                struct node *next = node->next_closing;
                uv_handle_t *handle = node->handle;
                uv_close_cb closed = node->closed;
                handle->u.reserved[0] = NULL;
                free(node);
                inner->alive--;
                if (closed)
                        closed(handle);
                node = next;
        }
}

void loop_turn(uv_loop_t *loop)
{
        inner_of(loop)->now_ms = loop_clock_ms;
        run_timers(loop);
        run_kind(loop, KIND_IDLE);
        run_kind(loop, KIND_PREPARE);
        run_poll(loop);
        run_kind(loop, KIND_CHECK);
        run_closing(loop);
}

bool loop_is_over(const uv_loop_t *loop)
{
        return inner_of(loop)->stop || inner_of(loop)->alive == 0;
}

int64_t loop_wake_ms(const uv_loop_t *loop)
{
        const struct inner *inner = inner_of(loop);
        int64_t wake_ms = INT64_MAX;
        const struct node *node;
        if (inner->closing || inner->arrival_count > 0 || !TAILQ_EMPTY(&inner->active[KIND_IDLE]))
                return loop_clock_ms;
        TAILQ_FOREACH(node, &inner->active[KIND_TIMER], listed)
        {
                if (node->due_ms < wake_ms)
                        wake_ms = node->due_ms;
        }
        return wake_ms;
}

int uv_run(uv_loop_t *loop, uv_run_mode mode)
{
        struct inner *inner = inner_of(loop);
        (void)mode;
        while (inner->alive > 0 && !inner->stop) {
                int64_t wake_ms = loop_wake_ms(loop);
                if (wake_ms == INT64_MAX)
                        loop_stuck("nothing wakes it");
                if (wake_ms > loop_clock_ms)
                        loop_clock_ms = wake_ms;
                loop_turn(loop);
        }
        inner->stop = false;
        return inner->alive > 0;
}

void loop_deliver(uv_loop_t *loop, loop_call *function, void *context)
{
        struct inner *inner = inner_of(loop);
        if (inner->arrival_count == inner->arrival_room) {
                inner->arrival_room = inner->arrival_room ? 2 * inner->arrival_room : 16;
                inner->arrivals =
                        memory_resized(inner->arrivals, inner->arrival_room * sizeof *inner->arrivals);
        }
        inner->arrivals[inner->arrival_count++] = (struct arrival){.call = function, .context = context};
}

struct signalled {
        uv_signal_t *handle;
        uv_signal_cb call;
        int number;
};

static void on_signalled(void *context)
{
        struct signalled *signalled = context;
        const struct node *node = node_of(signalled->handle);
        if (node && node->active)
                signalled->call(signalled->handle, signalled->number);
        free(signalled);
}

bool loop_signal(uv_loop_t *loop, int number)
{
        bool heard = false;
        struct node *node;
        TAILQ_FOREACH(node, &inner_of(loop)->active[KIND_SIGNAL], listed)
        {
                if (node->number != number)
                        continue;
                struct signalled *signalled = memory_zeroed(1, sizeof *signalled);
                *signalled = (struct signalled){
                        .handle = (uv_signal_t *)node->handle, .call = node->call.signal, .number = number};
                loop_deliver(loop, on_signalled, signalled);
                heard = true;
        }
        return heard;
}

/* engine_run() has a thread for its loop; here nobody calls it. */

int uv_thread_create_ex(uv_thread_t *thread, const uv_thread_options_t *options, uv_thread_cb entry,
                        void *context)
{
        (void)thread, (void)options, (void)entry, (void)context;
        return UV_ENOSYS;
}

int uv_thread_join(uv_thread_t *thread)
{
        (void)thread;
        return UV_ENOSYS;
}
