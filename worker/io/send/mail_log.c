#include "core/memory/memory.h"
#include "core/send/mail_error.h"
#include "core/send/mail_outcome.h"
#include "core/send/mail_request.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/send/mail_transports.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* The transport for trying things out: a mail becomes a line of the log. */

enum { CAPACITY = 64, KEY_PREFIX_BYTES = 12 };

struct logged {
        struct mail_result result;
        mail_done *done;
        void *context;
};

struct mail_log {
        struct mail_transport base;
        uv_timer_t later; /* done is not called from inside send */
        struct logged logged[CAPACITY];
        size_t count;
};

/* The log masks the address. */
static void line_write(const struct mail_request *request)
{
        char text[LOG_VALUE_MAX];
        snprintf(text, sizeof text, "to %.150s, a subject of %zu bytes, key %.*s", request->to,
                 strlen(request->subject), KEY_PREFIX_BYTES, request->key);
        LOG(LOG_LEVEL_INFO, .event = "mail_logged", .msg = text);
}

static void all_done(struct mail_log *log)
{
        for (; log->count; log->count--) {
                struct logged first = log->logged[0];
                memmove(log->logged, log->logged + 1, (log->count - 1) * sizeof *log->logged);
                first.done(first.context, &first.result);
        }
}

static void on_later(uv_timer_t *timer)
{
        all_done(timer->data);
}

static struct mail_result log_result(const struct mail_request *request, struct mail_fence fence)
{
        const char *problem = mail_request_problem(request);
        if (problem)
                return mail_outcome_invalid(problem);
        if (clock_boot_ms() > fence.valid_until_ms)
                return mail_outcome_fenced();
        struct mail_result result = mail_result_of(MAIL_SENT);
        char id[sizeof "log:" + KEY_PREFIX_BYTES];
        snprintf(id, sizeof id, "log:%.*s", KEY_PREFIX_BYTES, request->key);
        mail_provider_id_set(&result, slice_of(id));
        line_write(request);
        return result;
}

static void tell_later(struct mail_transport *transport, struct mail_result result, mail_done *done,
                       void *context)
{
        struct mail_log *log = (struct mail_log *)transport;
        assert(log->count < CAPACITY);
        log->logged[log->count++] = (struct logged){.result = result, .done = done, .context = context};
        uv_timer_start(&log->later, on_later, 0, 0);
}

static void logged_send(struct mail_transport *transport, const struct mail_request *request, bool park,
                        struct mail_fence fence, mail_done *done, void *context)
{
        (void)park;
        tell_later(transport, log_result(request, fence), done, context);
}

static void logged_probe(struct mail_transport *transport, mail_done *done, void *context)
{
        tell_later(transport, mail_result_of(MAIL_SENT), done, context);
}

static void on_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void logged_close(struct mail_transport *transport)
{
        struct mail_log *log = (struct mail_log *)transport;
        all_done(log);
        uv_close((uv_handle_t *)&log->later, on_closed);
}

struct mail_transport *mail_log_open(uv_loop_t *loop, const struct config *config, char *error)
{
        (void)config, (void)error;
        struct mail_log *log = memory_zeroed(1, sizeof *log);
        log->base = (struct mail_transport){
                .capacity = CAPACITY, .send = logged_send, .probe = logged_probe, .close = logged_close};
        uv_timer_init(loop, &log->later);
        log->later.data = log;
        return &log->base;
}
