#include "io/machine/notify.h"
#include "io/serve/http_server.h"

#include <signal.h>
#include <stdlib.h>

static void server_on_signal(uv_signal_t *handle, int number)
{
        (void)number;
        uv_stop(handle->loop);
}

static void http_server_run_watch(uv_loop_t *loop, uv_signal_t *handle, int number)
{
        if (uv_signal_init(loop, handle) || uv_signal_start(handle, server_on_signal, number))
                abort();
}

static void on_manager_due(uv_timer_t *timer)
{
        (void)timer;
        notify_send("WATCHDOG=1");
}

/* The service manager is told that the loop turns, as often as it asks for. */
static void tell_manager(uv_loop_t *loop, uv_timer_t *timer)
{
        int64_t every_ms = notify_watchdog_ms();
        uv_timer_init(loop, timer);
        if (every_ms > 0)
                uv_timer_start(timer, on_manager_due, (uint64_t)every_ms, (uint64_t)every_ms);
}

bool http_server_run(const struct http_server_options *options,
                     void (*listening)(void *context, uint16_t port), char *error)
{
        uv_loop_t loop;
        uv_signal_t term, interrupt;
        uv_timer_t manager;
        if (uv_loop_init(&loop))
                abort();
        http_server_run_watch(&loop, &term, SIGTERM);
        http_server_run_watch(&loop, &interrupt, SIGINT);
        tell_manager(&loop, &manager);
        options->opened(options->context, &loop);
        struct http_server *server = http_server_open(&loop, options, error);
        if (server) {
                listening(options->context, http_server_port(server));
                notify_send("READY=1");
                uv_run(&loop, UV_RUN_DEFAULT);
                notify_send("STOPPING=1");
                options->closing(options->context);
                http_server_drain(server);
                http_server_close(server);
        }
        options->closed(options->context);
        uv_close((uv_handle_t *)&term, NULL);
        uv_close((uv_handle_t *)&interrupt, NULL);
        uv_close((uv_handle_t *)&manager, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        return server != NULL;
}
