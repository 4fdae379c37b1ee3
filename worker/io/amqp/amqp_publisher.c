#include "io/amqp/amqp_publisher.h"
#include "core/memory/memory.h"
#include "core/text/shorten.h"
#include "io/amqp/amqp_outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
        WATCH_MAX_MS = 1000,
        STUCK_BOUND_MS = 1000, /* for the thread to notice that its socket was shut down */
};

struct amqp_publisher {
        struct outbox *outbox;
        uv_thread_t thread;
        uv_async_t ended;
        uv_timer_t watch;
        unsigned handles;
};

const char *publish_outcome_word(enum publish_outcome outcome)
{
        switch (outcome) {
        case PUBLISH_CONFIRMED:
                return "confirmed";
        case PUBLISH_RETURNED:
                return "returned";
        case PUBLISH_NACKED:
                return "nacked";
        case PUBLISH_UNKNOWN:
                return "unknown";
        case PUBLISH_UNSENT:
                return "unsent";
        case PUBLISH_UNENCODABLE:
                return "unencodable";
        }
        abort();
}

/* The record lies in the arena that is freed here. */
static void publish_report(struct publish *publish)
{
        struct arena *arena = publish->arena;
        publish->done(publish->context, publish->outcome, publish->error);
        arena_free(arena);
}

static void ended_report(struct outbox *outbox)
{
        uv_mutex_lock(&outbox->mutex);
        struct publish_list ended = outbox->ended;
        outbox->ended = (struct publish_list){0};
        uv_mutex_unlock(&outbox->mutex);
        for (struct publish *publish; (publish = publish_list_take(&ended));)
                publish_report(publish);
}

static void on_publish_ended(uv_async_t *handle)
{
        struct amqp_publisher *publisher = handle->data;
        ended_report(publisher->outbox);
}

/* Those that waited too long for a connection or an end of the alarm. They stand in the order of their times.
 */
static void waiting_expire(struct outbox *outbox, int64_t given_before_ms, const char *why)
{
        char text[AMQP_ERROR_MAX + 64];
        uv_mutex_lock(&outbox->mutex);
        struct publish_list expired = {0};
        while (outbox->waiting.head && outbox->waiting.head->given_ms <= given_before_ms)
                publish_list_add(&expired, publish_list_take(&outbox->waiting));
        snprintf(text, sizeof(text), "%s%s%s", why, outbox->trouble[0] ? ": " : "", outbox->trouble);
        uv_mutex_unlock(&outbox->mutex);
        for (struct publish *publish; (publish = publish_list_take(&expired));) {
                publish->outcome = PUBLISH_UNSENT;
                text_shorten(publish->error, sizeof(publish->error), text);
                publish_report(publish);
        }
}

/* Frees a thread that hangs in the library: reads and writes fail at once. */
static void socket_shutdown(struct outbox *outbox)
{
        uv_mutex_lock(&outbox->mutex);
        if (outbox->fd >= 0)
                shutdown(outbox->fd, SHUT_RDWR);
        uv_mutex_unlock(&outbox->mutex);
}

static void publisher_on_watch(uv_timer_t *timer)
{
        struct amqp_publisher *publisher = timer->data;
        struct outbox *outbox = publisher->outbox;
        int64_t now_ms = outbox_now_ms();
        int64_t busy_since_ms = atomic_load(&outbox->busy_since_ms);
        if (busy_since_ms && now_ms - busy_since_ms >= outbox->timeout_ms)
                socket_shutdown(outbox);
        const char *why = "not connected in time";
        if (atomic_load(&outbox->blocked))
                why = "the broker blocks publishers (resource alarm)";
        else if (atomic_load(&outbox->up))
                why = "the broker does not read it (resource alarm?)";
        waiting_expire(outbox, now_ms - outbox->timeout_ms, why);
}

static struct outbox *outbox_new(const struct config *config, int64_t timeout_ms, uv_async_t *wake_loop)
{
        struct outbox *outbox = memory_zeroed(1, sizeof(*outbox));
        arena_init(&outbox->arena);
        amqp_settings_parse(&outbox->arena, config, &outbox->settings, &outbox->settings_error);
        outbox->later = topology_build_later(&outbox->arena, config);
        outbox->later_mode = config->topology == TOPOLOGY_DECLARE ? TOPOLOGY_DECLARE : TOPOLOGY_VERIFY;
        outbox->wake_loop = wake_loop;
        outbox->fd = -1;
        outbox->timeout_ms = timeout_ms;
        outbox->wake_thread = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (uv_mutex_init(&outbox->mutex) != 0 || uv_cond_init(&outbox->thread_ended_changed) != 0)
                abort();
        if (outbox->wake_thread < 0)
                abort();
        return outbox;
}

/* What has waited too long is told of an eighth later at most. */
static uint64_t publisher_watch_ms(int64_t timeout_ms)
{
        return timeout_ms / 8 < WATCH_MAX_MS ? (uint64_t)(timeout_ms / 8) + 1 : WATCH_MAX_MS;
}

struct amqp_publisher *amqp_publisher_open(uv_loop_t *loop, const struct config *config, int64_t timeout_ms)
{
        struct amqp_publisher *publisher = memory_zeroed(1, sizeof(*publisher));
        publisher->outbox = outbox_new(config, timeout_ms, &publisher->ended);
        uv_async_init(loop, &publisher->ended, on_publish_ended);
        uv_timer_init(loop, &publisher->watch);
        publisher->ended.data = publisher->watch.data = publisher;
        publisher->handles = 2;
        uv_timer_start(&publisher->watch, publisher_on_watch, publisher_watch_ms(timeout_ms),
                       publisher_watch_ms(timeout_ms));
        const uv_thread_options_t stack = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = AMQP_STACK_BYTES};
        if (uv_thread_create_ex(&publisher->thread, &stack, outbox_run, publisher->outbox) != 0)
                abort();
        return publisher;
}

static void thread_wake(struct outbox *outbox)
{
        const uint64_t one = 1;
        if (write(outbox->wake_thread, &one, sizeof(one)) < 0)
                return; /* the counter is full: it is awake */
}

void amqp_publisher_publish(struct amqp_publisher *publisher, struct arena *arena, struct message *message,
                            publish_done *done, void *context)
{
        struct outbox *outbox = publisher->outbox;
        struct publish *publish = arena_alloc(arena, sizeof(*publish));
        *publish = (struct publish){.arena = arena,
                                    .message = message,
                                    .done = done,
                                    .context = context,
                                    .given_ms = outbox_now_ms()};
        if (message->properties.headers_unusable) {
                outbox_end(outbox, publish, PUBLISH_UNENCODABLE, "headers nested too deep or too many");
                return;
        }
        uv_mutex_lock(&outbox->mutex);
        bool first = !outbox->waiting.head;
        publish_list_add(&outbox->waiting, publish);
        uv_mutex_unlock(&outbox->mutex);
        if (first)
                thread_wake(outbox);
}

bool amqp_publisher_is_blocked(const struct amqp_publisher *publisher)
{
        return atomic_load(&publisher->outbox->blocked);
}

bool amqp_publisher_is_up(const struct amqp_publisher *publisher)
{
        return atomic_load(&publisher->outbox->up);
}

void amqp_publisher_trouble(const struct amqp_publisher *publisher, char text[AMQP_ERROR_MAX])
{
        struct outbox *outbox = publisher->outbox;
        uv_mutex_lock(&outbox->mutex);
        text_shorten(text, AMQP_ERROR_MAX, outbox->trouble);
        uv_mutex_unlock(&outbox->mutex);
}

uint64_t amqp_publisher_losses(const struct amqp_publisher *publisher)
{
        return atomic_load(&publisher->outbox->losses);
}

static bool thread_await(struct outbox *outbox, int64_t bound_ms)
{
        uv_mutex_lock(&outbox->mutex);
        while (!outbox->thread_ended && uv_cond_timedwait(&outbox->thread_ended_changed, &outbox->mutex,
                                                          (uint64_t)bound_ms * 1000000) == 0)
                continue;
        bool ended = outbox->thread_ended;
        uv_mutex_unlock(&outbox->mutex);
        return ended;
}

static void flags_set(struct outbox *outbox, bool abandoned)
{
        uv_mutex_lock(&outbox->mutex);
        outbox->stopping = true;
        outbox->abandoned = abandoned;
        uv_mutex_unlock(&outbox->mutex);
        thread_wake(outbox);
}

/* A thread that is still connecting then owns the outbox and nothing else. True: it has ended. */
static bool outbox_leave(struct outbox *outbox)
{
        uv_mutex_lock(&outbox->mutex);
        outbox->wake_loop = NULL;
        bool ended = outbox->thread_ended;
        uv_mutex_unlock(&outbox->mutex);
        return ended;
}

static void amqp_publisher_on_closed(uv_handle_t *handle)
{
        struct amqp_publisher *publisher = handle->data;
        if (--publisher->handles == 0)
                free(publisher);
}

void amqp_publisher_close(struct amqp_publisher *publisher, int64_t grace_ms)
{
        struct outbox *outbox = publisher->outbox;
        flags_set(outbox, /* abandoned = */ false);
        if (!thread_await(outbox, grace_ms)) {
                flags_set(outbox, /* abandoned = */ true);
                socket_shutdown(outbox);
                thread_await(outbox, STUCK_BOUND_MS);
        }
        waiting_expire(outbox, INT64_MAX, "the publisher was closed");
        ended_report(outbox);
        if (outbox_leave(outbox)) {
                uv_thread_join(&publisher->thread);
                outbox_free(outbox);
        } else {
                pthread_detach(publisher->thread);
        }
        uv_close((uv_handle_t *)&publisher->ended, amqp_publisher_on_closed);
        uv_close((uv_handle_t *)&publisher->watch, amqp_publisher_on_closed);
}
