#include "relay/relay.h"

#include "core/memory/memory.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/notify.h"
#include "relay/relay_state.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
        TICK_EVERY_MS = 200,
        CONFIRM_MS = 10000,  /* for the confirm of a message, and for a connection to send it on */
        CANNOT_LISTEN = 78,  /* the exit status; waiting does not mend it */
        LAST_WORDS_MS = 500, /* for the last confirms when the grace is over */
};

/* ---- the end ---- */

static void interrupt_mover(struct relay *relay)
{
        const uint64_t one = 1;
        uv_mutex_lock(&relay->mutex);
        relay->stopping = true;
        uv_mutex_unlock(&relay->mutex);
        if (write(relay->interrupt, &one, sizeof(one)) < 0)
                abort();
}

static void drain(struct relay *relay, const char *cause)
{
        relay->draining_ms = clock_boot_ms();
        notify_send("STOPPING=1");
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "draining", .msg = cause});
        interrupt_mover(relay);
}

/* Rows that are held go back when the connection dies with the process. */
static _Noreturn void relay_end_at_once(const char *event, const char *msg)
{
        log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = event, .msg = msg});
        log_close();
        _exit(1);
}

static void on_terminate(uv_signal_t *handle, int number)
{
        struct relay *relay = handle->data;
        if (relay->draining_ms > 0)
                relay_end_at_once("second_signal", "ending at once");
        drain(relay, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void on_hangup(uv_signal_t *handle, int number)
{
        (void)handle;
        (void)number;
        log_event(LOG_LEVEL_WARN,
                  &(struct log_fields){.event = "reload_refused",
                                       .msg = "the relay is restarted for a new configuration"});
}

static bool mover_has_ended(struct relay *relay)
{
        uv_mutex_lock(&relay->mutex);
        bool ended = relay->mover_ended;
        uv_mutex_unlock(&relay->mutex);
        return ended;
}

static void on_posted(uv_async_t *handle)
{
        struct relay *relay = handle->data;
        relay_batch_publish(relay);
        if (mover_has_ended(relay))
                uv_stop(&relay->loop);
}

static void relay_on_tick(uv_timer_t *timer)
{
        struct relay *relay = timer->data;
        int64_t now_ms = clock_boot_ms();
        if (relay->manager_every_ms > 0 && now_ms - relay->manager_told_ms >= relay->manager_every_ms) {
                relay->manager_told_ms = now_ms;
                notify_send("WATCHDOG=1");
        }
        log_tick();
        if (relay->draining_ms > 0 && now_ms - relay->draining_ms >= relay->config->shutdown.grace_ms)
                relay_end_at_once("drain_ended",
                                  "shutdown.grace is over; rows that were not confirmed stay in the table");
}

/* ---- the beginning ---- */

static void set_name(struct relay *relay)
{
        char host[64] = "";
        if (gethostname(host, sizeof(host) - 1) != 0)
                snprintf(host, sizeof(host), "host");
        for (char *c = host; *c; c++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *c))
                        *c = '-';
        snprintf(relay->name, sizeof(relay->name), "relay-%s-%d", host, (int)getpid());
}

static void open_signal(struct relay *relay, uv_signal_t *handle, uv_signal_cb callback, int number)
{
        uv_signal_init(&relay->loop, handle);
        handle->data = relay;
        uv_signal_start(handle, callback, number);
}

static void open_loop(struct relay *relay)
{
        if (uv_loop_init(&relay->loop) != 0 || uv_mutex_init(&relay->mutex) != 0 ||
            uv_cond_init(&relay->settled) != 0 || uv_async_init(&relay->loop, &relay->posted, on_posted) != 0)
                abort();
        relay->posted.data = relay;
        open_signal(relay, &relay->sigterm, on_terminate, SIGTERM);
        open_signal(relay, &relay->sigint, on_terminate, SIGINT);
        open_signal(relay, &relay->sighup, on_hangup, SIGHUP);
        uv_timer_init(&relay->loop, &relay->tick);
        relay->tick.data = relay;
        uv_timer_start(&relay->tick, relay_on_tick, TICK_EVERY_MS, TICK_EVERY_MS);
}

static struct relay *relay_new(const struct config *config)
{
        struct relay *relay = memory_zeroed(1, sizeof(*relay));
        relay->config = config;
        relay->started_ms = clock_wall_ms();
        relay->numbers.waiting = relay->numbers.aside = relay->numbers.oldest_ms = -1;
        relay->manager_every_ms = notify_watchdog_ms();
        relay->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (relay->interrupt < 0)
                abort();
        set_name(relay);
        log_worker(relay->name);
        open_loop(relay);
        return relay;
}

/* False: told. */
static bool open_admin(struct relay *relay)
{
        char error[ADMIN_ERROR_MAX];
        relay->pages = (struct admin_source){.render = relay_pages_render, .context = relay};
        relay->admin = admin_open(&relay->loop, relay->config, &relay->pages, error);
        if (relay->admin || !error[0])
                return true;
        log_event(LOG_LEVEL_ERROR, &(struct log_fields){.event = "cannot_start", .error = error});
        return false;
}

static void tell_start(const struct relay *relay)
{
        char text[160];
        snprintf(text, sizeof(text), "version %s, table %s, admin port %u", LEVERET_VERSION,
                 relay->config->relay.table, (unsigned)(relay->admin ? admin_port(relay->admin) : 0));
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "relay_started", .msg = text});
}

static void relay_tell_end(const struct relay *relay)
{
        char text[160];
        const uint64_t *rows = relay->numbers.rows;
        snprintf(text, sizeof(text), "moved %" PRIu64 " rows, put aside %" PRIu64, rows[OUTBOX_GONE],
                 rows[OUTBOX_ASIDE]);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "drained", .msg = text});
}

static void relay_turn_until_end(struct relay *relay)
{
        const uv_thread_options_t stack = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = 1 << 20};
        if (uv_thread_create_ex(&relay->mover, &stack, relay_mover_run, relay) != 0)
                abort();
        tell_start(relay);
        notify_send("READY=1"); /* it waits for services by itself: starting it again would not bring them */
        uv_run(&relay->loop, UV_RUN_DEFAULT);
        uv_thread_join(&relay->mover);
        relay_tell_end(relay);
}

static void relay_free(struct relay *relay)
{
        uv_close((uv_handle_t *)&relay->posted, NULL);
        uv_close((uv_handle_t *)&relay->sigterm, NULL);
        uv_close((uv_handle_t *)&relay->sigint, NULL);
        uv_close((uv_handle_t *)&relay->sighup, NULL);
        uv_close((uv_handle_t *)&relay->tick, NULL);
        while (uv_run(&relay->loop, UV_RUN_DEFAULT) != 0) {
        }
        uv_loop_close(&relay->loop);
        uv_mutex_destroy(&relay->mutex);
        uv_cond_destroy(&relay->settled);
        close(relay->interrupt);
        free(relay);
}

int relay_run(const struct config *config)
{
        struct relay *relay = relay_new(config);
        relay->publisher = amqp_publisher_open(&relay->loop, config, CONFIRM_MS);
        bool ok = open_admin(relay);
        if (ok)
                relay_turn_until_end(relay);
        admin_close(relay->admin);
        amqp_publisher_close(relay->publisher, LAST_WORDS_MS);
        relay_free(relay);
        return ok ? 0 : CANNOT_LISTEN;
}
