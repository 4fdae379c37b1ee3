#include "core/mail/mail_request.h"
#include "core/memory/memory.h"
#include "core/send/send_error.h"
#include "core/send/send_outcome.h"
#include "core/text/buffer.h"
#include "io/send/curl_loop.h"
#include "io/send/send_curl.h"
#include "io/send/smtp_connection.h"
#include "io/send/transports.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

/*
 * As many connections as mails may be under way at once, each with one mail at a time. libcurl would send the
 * mails too, but waits for the reply to the final dot without giving the loop back, whatever interface it is
 * used by: so it connects, and the mails are ours to hand over.
 */

/* How long a connection is kept for the next mail; and where connections are few, so that other workers may
 * have it. */
enum { IDLE_MS = 30000, IDLE_CROWDED_MS = 100, CROWDED_FOR_MS = 60000 };

/* How long no commands are sent together to a server that did not answer those that were. */
enum { ONE_BY_ONE_FOR_MS = 3600 * 1000 };

/* One connection and the mail that is on it. */
struct lane {
        struct mail_smtp *owner;
        struct smtp_connection *connection;
        bool busy;
        send_done *done;
        void *context;
        struct send_result refused; /* of a mail that was never begun */
        int64_t since_ms;           /* when it became busy or idle, by the loop's clock */
        TAILQ_ENTRY(lane) listed;
};
TAILQ_HEAD(lanes, lane);

struct mail_smtp {
        struct transport base;
        const struct config_outlet *config;
        CURLU *url;
        struct curl_loop *curl_loop;
        /* Each lane is in one of these: */
        struct lanes closed;
        struct lanes idle;  /* open; the one that was busy last is first */
        struct lanes busy;  /* the one whose time is up first is first */
        struct lanes ended; /* within transport_send: told in a turn of its own */
        uv_timer_t expire, retire, later;
        unsigned handles;   /* of libuv, still open */
        int64_t crowded_ms; /* when a connection was one too many, by the loop's clock; 0: never */
        int64_t mute_ms;    /* when commands that were sent together were not answered; 0: never */
        struct lane lanes[];
};

/* ---- time ---- */

static void timer_set(uv_timer_t *timer, uv_timer_cb callback, const struct lane *first, int64_t after_ms)
{
        if (!first || uv_is_active((uv_handle_t *)timer))
                return;
        int64_t left_ms = first->since_ms + after_ms - (int64_t)uv_now(timer->loop);
        uv_timer_start(timer, callback, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
}

static bool over(const uv_timer_t *timer, const struct lane *lane, int64_t after_ms)
{
        return lane && (int64_t)uv_now(timer->loop) - lane->since_ms >= after_ms;
}

static int64_t idle_ms(const struct mail_smtp *smtp)
{
        int64_t now_ms = (int64_t)uv_now(smtp->retire.loop);
        return smtp->crowded_ms && now_ms - smtp->crowded_ms < CROWDED_FOR_MS ? IDLE_CROWDED_MS : IDLE_MS;
}

static void on_retire(uv_timer_t *timer)
{
        struct mail_smtp *smtp = timer->data;
        struct lane *lane;
        while (over(timer, lane = TAILQ_LAST(&smtp->idle, lanes), idle_ms(smtp))) {
                TAILQ_REMOVE(&smtp->idle, lane, listed);
                smtp_connection_quit(lane->connection);
                TAILQ_INSERT_HEAD(&smtp->closed, lane, listed);
        }
        timer_set(timer, on_retire, TAILQ_LAST(&smtp->idle, lanes), idle_ms(smtp));
}

/* ---- lanes ---- */

static void lane_rest(struct lane *lane)
{
        struct mail_smtp *smtp = lane->owner;
        lane->busy = false;
        lane->since_ms = (int64_t)uv_now(smtp->retire.loop);
        if (smtp_connection_is_open(lane->connection)) {
                TAILQ_INSERT_HEAD(&smtp->idle, lane, listed);
                timer_set(&smtp->retire, on_retire, lane, idle_ms(smtp));
        } else {
                TAILQ_INSERT_HEAD(&smtp->closed, lane, listed);
        }
}

static void note_crowd(struct mail_smtp *smtp, struct send_result *result)
{
        for (size_t i = 0; i < smtp->base.capacity; i++)
                result->standing += smtp_connection_stands(smtp->lanes[i].connection);
        smtp->crowded_ms = (int64_t)uv_now(smtp->retire.loop);
        uv_timer_stop(&smtp->retire); /* those that are idle now are kept for less long */
        timer_set(&smtp->retire, on_retire, TAILQ_LAST(&smtp->idle, lanes), idle_ms(smtp));
}

/* The lane is in no list and is free for the next mail before `done` is called. */
static void lane_tell(struct lane *lane, struct send_result result)
{
        if (result.crowded)
                note_crowd(lane->owner, &result);
        send_done *done = lane->done;
        void *context = lane->context;
        lane_rest(lane);
        done(context, &result);
}

static void mail_smtp_on_later(uv_timer_t *timer)
{
        struct mail_smtp *smtp = timer->data;
        struct lane *lane, *last = TAILQ_LAST(&smtp->ended, lanes);
        do {
                lane = TAILQ_FIRST(&smtp->ended);
                TAILQ_REMOVE(&smtp->ended, lane, listed);
                lane_tell(lane, lane->refused);
        } while (lane != last);
}

static void lane_tell_later(struct lane *lane, struct send_result result)
{
        lane->refused = result;
        TAILQ_INSERT_TAIL(&lane->owner->ended, lane, listed);
        uv_timer_start(&lane->owner->later, mail_smtp_on_later, 0, 0);
}

static bool may_send_together(const struct mail_smtp *smtp)
{
        return !smtp->mute_ms || (int64_t)uv_now(smtp->expire.loop) - smtp->mute_ms >= ONE_BY_ONE_FOR_MS;
}

static void on_expire(uv_timer_t *timer)
{
        struct mail_smtp *smtp = timer->data;
        struct lane *lane;
        while (over(timer, lane = TAILQ_FIRST(&smtp->busy), smtp->config->timeout_ms)) {
                TAILQ_REMOVE(&smtp->busy, lane, listed);
                if (smtp_connection_expire(lane->connection))
                        smtp->mute_ms = (int64_t)uv_now(timer->loop);
                lane_tell(lane, *smtp_connection_result(lane->connection));
        }
        timer_set(timer, on_expire, TAILQ_FIRST(&smtp->busy), smtp->config->timeout_ms);
}

/* ---- events ---- */

static void lane_ended(struct lane *lane)
{
        struct mail_smtp *smtp = lane->owner;
        TAILQ_REMOVE(&smtp->busy, lane, listed);
        lane_tell(lane, *smtp_connection_result(lane->connection));
}

static void on_connected(CURL *easy, void *owner, CURLcode code)
{
        struct lane *lane = owner;
        (void)easy;
        if (smtp_connection_connected(lane->connection, code))
                lane_ended(lane);
}

static void on_ready(void *owner)
{
        struct lane *lane = owner;
        if (smtp_connection_ready(lane->connection)) {
                lane_ended(lane);
        } else if (!lane->busy) { /* the server has ended it */
                TAILQ_REMOVE(&lane->owner->idle, lane, listed);
                lane_rest(lane);
        }
}

static struct lane *lane_take(struct mail_smtp *smtp)
{
        struct lanes *list = TAILQ_EMPTY(&smtp->idle) ? &smtp->closed : &smtp->idle;
        struct lane *lane = TAILQ_FIRST(list);
        assert(lane); /* the caller keeps to the capacity */
        TAILQ_REMOVE(list, lane, listed);
        return lane;
}

static struct lane *lane_occupy(struct mail_smtp *smtp, send_done *done, void *context)
{
        struct lane *lane = lane_take(smtp);
        lane->busy = true;
        lane->done = done;
        lane->context = context;
        return lane;
}

static void lane_await(struct lane *lane)
{
        struct mail_smtp *smtp = lane->owner;
        lane->since_ms = (int64_t)uv_now(smtp->expire.loop);
        TAILQ_INSERT_TAIL(&smtp->busy, lane, listed);
        timer_set(&smtp->expire, on_expire, TAILQ_FIRST(&smtp->busy), smtp->config->timeout_ms);
}

/* Its connections may stand: libcurl sends no mail again by itself over SMTP. */
static void smtp_send(struct transport *transport, const struct mail_request *request,
                      struct send_terms terms, send_done *done, void *context)
{
        struct lane *lane = lane_occupy((struct mail_smtp *)transport, done, context);
        const char *problem = mail_request_problem(request);
        if (problem) {
                lane_tell_later(lane, send_outcome_invalid(problem));
                return;
        }
        if (smtp_connection_send(lane->connection, request, terms.valid_until_ms,
                                 may_send_together(lane->owner)))
                lane_tell_later(lane, *smtp_connection_result(lane->connection));
        else
                lane_await(lane);
}

static void smtp_probe(struct transport *transport, send_done *done, void *context)
{
        struct lane *lane = lane_occupy((struct mail_smtp *)transport, done, context);
        if (smtp_connection_is_open(lane->connection)) {
                lane_tell_later(lane, send_result_of(SEND_DONE));
                return;
        }
        smtp_connection_probe(lane->connection);
        lane_await(lane);
}

/* ---- open and close ---- */

static void mail_smtp_on_closed(uv_handle_t *handle)
{
        struct mail_smtp *smtp = handle->data;
        if (--smtp->handles == 0)
                free(smtp);
}

static void smtp_close(struct transport *transport)
{
        struct mail_smtp *smtp = (struct mail_smtp *)transport;
        struct lane *lane;
        while ((lane = TAILQ_FIRST(&smtp->ended))) {
                TAILQ_REMOVE(&smtp->ended, lane, listed);
                lane_tell(lane, lane->refused);
        }
        while ((lane = TAILQ_FIRST(&smtp->busy))) {
                TAILQ_REMOVE(&smtp->busy, lane, listed);
                smtp_connection_stop(lane->connection);
                lane_tell(lane, *smtp_connection_result(lane->connection));
        }
        for (size_t i = 0; i < smtp->base.capacity; i++)
                smtp_connection_free(smtp->lanes[i].connection);
        curl_loop_close(smtp->curl_loop);
        curl_url_cleanup(smtp->url);
        uv_close((uv_handle_t *)&smtp->expire, mail_smtp_on_closed);
        uv_close((uv_handle_t *)&smtp->retire, mail_smtp_on_closed);
        uv_close((uv_handle_t *)&smtp->later, mail_smtp_on_closed);
}

static void timer_open(struct mail_smtp *smtp, uv_loop_t *loop, uv_timer_t *timer)
{
        uv_timer_init(loop, timer);
        timer->data = smtp;
        smtp->handles++;
}

/* libcurl says the path of the URL in EHLO. */
static void helo_set(CURLU *url, const char *helo)
{
        struct buffer path = {0};
        if (!helo)
                return;
        buffer_printf(&path, "/%s", helo);
        if (curl_url_set(url, CURLUPART_PATH, path.data, 0) != CURLUE_OK)
                abort();
        buffer_fini(&path);
}

struct transport *mail_smtp_open(uv_loop_t *loop, const struct config_outlet *config, char *error)
{
        size_t capacity = config->smtp.connections > 0 ? (size_t)config->smtp.connections : 1;
        bool encrypted = config->smtp.starttls == SMTP_STARTTLS_REQUIRED;
        if (!send_curl_url_check(&(struct send_url_rule){"mail.smtp.url", "smtp", "smtps"}, config->smtp.url,
                                 encrypted || config->allow_plaintext, error))
                return NULL;
        curl_global_init(CURL_GLOBAL_DEFAULT);
        struct mail_smtp *smtp = memory_zeroed(1, sizeof *smtp + capacity * sizeof *smtp->lanes);
        smtp->base = (struct transport){
                .capacity = capacity, .send = smtp_send, .probe = smtp_probe, .close = smtp_close};
        smtp->config = config;
        smtp->url = send_curl_url(config->smtp.url);
        helo_set(smtp->url, config->smtp.helo);
        smtp->curl_loop = curl_loop_open(loop, capacity, on_connected, on_ready);
        TAILQ_INIT(&smtp->closed);
        TAILQ_INIT(&smtp->idle);
        TAILQ_INIT(&smtp->busy);
        TAILQ_INIT(&smtp->ended);
        for (size_t i = 0; i < capacity; i++) {
                struct lane *lane = &smtp->lanes[i];
                lane->owner = smtp;
                lane->connection = smtp_connection_new(config, smtp->url, smtp->curl_loop, i, lane);
                TAILQ_INSERT_TAIL(&smtp->closed, lane, listed);
        }
        timer_open(smtp, loop, &smtp->expire);
        timer_open(smtp, loop, &smtp->retire);
        timer_open(smtp, loop, &smtp->later);
        uv_unref((uv_handle_t *)&smtp->expire); /* a connection keeps the loop alive by itself */
        uv_unref((uv_handle_t *)&smtp->retire);
        return &smtp->base;
}
