#include "core/mail/mail_request.h"
#include "core/memory/memory.h"
#include "core/send/send_error.h"
#include "core/send/send_outcome.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/send/transports.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* The transport for trying things out: a mail becomes a line of the log. */

enum { CAPACITY = 64, KEY_PREFIX_BYTES = 12 };

struct logged {
        struct send_result result;
        send_done *done;
        void *context;
};

struct mail_log {
        struct transport base;
        uv_timer_t later; /* done is not called from inside send */
        struct logged logged[CAPACITY];
        size_t count;
};

/* The log masks the address. */
static void mail_line_write(const struct mail_request *request)
{
        char text[LOG_VALUE_MAX];
        snprintf(text, sizeof text, "to %.150s, a subject of %zu bytes, key %.*s", request->mail.to,
                 strlen(request->mail.subject), KEY_PREFIX_BYTES, request->key);
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

static void mail_log_on_later(uv_timer_t *timer)
{
        all_done(timer->data);
}

static struct send_result log_result(const struct mail_request *request, struct send_terms terms)
{
        const char *problem = mail_request_problem(request);
        if (problem)
                return send_outcome_invalid(problem);
        if (clock_boot_ms() > terms.valid_until_ms)
                return send_outcome_fenced();
        struct send_result result = send_result_of(SEND_DONE);
        char id[sizeof "log:" + KEY_PREFIX_BYTES];
        snprintf(id, sizeof id, "log:%.*s", KEY_PREFIX_BYTES, request->key);
        send_provider_id_set(&result, slice_of(id));
        mail_line_write(request);
        return result;
}

static void tell_later(struct transport *transport, struct send_result result, send_done *done, void *context)
{
        struct mail_log *log = (struct mail_log *)transport;
        assert(log->count < CAPACITY);
        log->logged[log->count++] = (struct logged){.result = result, .done = done, .context = context};
        uv_timer_start(&log->later, mail_log_on_later, 0, 0);
}

static void logged_send(struct transport *transport, const struct mail_request *request,
                        struct send_terms terms, send_done *done, void *context)
{
        tell_later(transport, log_result(request, terms), done, context);
}

static void logged_probe(struct transport *transport, send_done *done, void *context)
{
        tell_later(transport, send_result_of(SEND_DONE), done, context);
}

static void mail_log_on_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void logged_close(struct transport *transport)
{
        struct mail_log *log = (struct mail_log *)transport;
        all_done(log);
        uv_close((uv_handle_t *)&log->later, mail_log_on_closed);
}

struct transport *mail_log_open(uv_loop_t *loop, const struct config_outlet *config, char *error)
{
        (void)config, (void)error;
        struct mail_log *log = memory_zeroed(1, sizeof *log);
        log->base = (struct transport){
                .capacity = CAPACITY, .send = logged_send, .probe = logged_probe, .close = logged_close};
        uv_timer_init(loop, &log->later);
        log->later.data = log;
        return &log->base;
}
