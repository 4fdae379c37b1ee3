#include "io/machine/clock.h"
#include "io/send/transport.h"
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <strings.h>

#include <cmocka.h>

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define STATE "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"id\":\"abc-1\"}"

/* What the service does with its n-th request: the text, or one of these. */
static const char CUT[] = "cut", SILENT[] = "silent", ENDLESS[] = "endless";

struct http_script {
        const char *answers[8]; /* the last one again and again */
};

static char *request_read(struct peer *peer, int fd, char *data, size_t size)
{
        size_t len = 0;
        for (;;) {
                ssize_t n = recv(fd, data + len, size - 1 - len, 0);
                if (n <= 0)
                        return NULL;
                len += (size_t)n;
                data[len] = '\0';
                char *body = strstr(data, "\r\n\r\n"), *length = strcasestr(data, "content-length:");
                if (!body || !length)
                        continue;
                if (len >= (size_t)(body + 4 - data) + strtoul(length + 15, NULL, 10))
                        break;
        }
        peer_log(peer, data, len);
        return data;
}

static void endless_write(int fd)
{
        peer_write(fd, "HTTP/1.1 500 Oops\r\n\r\n");
        while (peer_write(fd, "for ever and ever and ever and ever and ever and ever and ever "))
                continue;
}

static void http_serve(struct peer *peer, int fd, int connection)
{
        const struct http_script *script = peer->script;
        char *data = malloc(65536);
        (void)connection;
        while (request_read(peer, fd, data, 65536)) {
                size_t last = 0, number = (size_t)peer_count(peer, &peer->requests, 1);
                while (last + 1 < 8 && script->answers[last + 1])
                        last++;
                const char *answer = script->answers[number < last ? number : last];
                if (answer == CUT)
                        break;
                if (answer == SILENT)
                        peer_wait_end(fd);
                else if (answer == ENDLESS)
                        endless_write(fd);
                else
                        peer_write(fd, answer);
                if (answer == SILENT || answer == ENDLESS || strstr(answer, "Connection: close"))
                        break;
        }
        free(data);
}

/* Cuts one connection after its request, closes the next after its answer, keeps the third. */
static void wild_serve(struct peer *peer, int fd, int connection)
{
        char *data = malloc(65536);
        while (request_read(peer, fd, data, 65536)) {
                peer_count(peer, &peer->requests, 1);
                if (connection % 3 == 0 || !peer_write(fd, OK_REPLY) || connection % 3 == 1)
                        break;
        }
        free(data);
}

static const struct mail_request mail = {
        .key = KEY,
        .message_id = "<" KEY "@example.com>",
        .mail.from = "Shop <shop@example.com>",
        .mail.to = "ann@example.org",
        .mail.subject = "Hello",
        .mail.text = "Hello.\n",
        .traceparent = TRACE,
        .tracestate = STATE,
};

struct stage {
        uv_loop_t loop;
        struct config config;
        char url[64];
        struct peer *peer;
        struct http_script script;
        struct transport *transport;
        struct send_result results[64];
        int ended;
};

static const struct send_terms open_terms = {.valid_until_ms = INT64_MAX};

static void stage_open(struct stage *stage, const char *first, const char *second)
{
        char error[256] = "";
        *stage = (struct stage){.script.answers = {first, second}};
        uv_loop_init(&stage->loop);
        stage->peer = peer_open(http_serve, &stage->script);
        snprintf(stage->url, sizeof stage->url, "http://127.0.0.1:%d/", stage->peer->port);
        stage->config.mail.transport = TRANSPORT_HTTP;
        stage->config.mail.timeout_ms = 20000;
        stage->config.mail.retry_after_max_ms = 300000;
        stage->config.mail.http.url = stage->url;
        stage->config.mail.http.api_key = "s3cret";
        stage->config.mail.http.connections = 8;
        stage->transport = transport_open(&stage->loop, &stage->config.mail, error);
        assert_string_equal(error, "");
        assert_non_null(stage->transport);
}

static void stage_reopen(struct stage *stage)
{
        char error[256];
        transport_close(stage->transport);
        stage->transport = transport_open(&stage->loop, &stage->config.mail, error);
        assert_non_null(stage->transport);
}

static void stage_close(struct stage *stage)
{
        if (stage->transport)
                transport_close(stage->transport);
        uv_run(&stage->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&stage->loop), 0);
        peer_close(stage->peer);
}

static void keep_result(void *context, const struct send_result *result)
{
        struct stage *stage = context;
        stage->results[stage->ended++] = *result;
}

static void stage_wait(struct stage *stage, int ended)
{
        while (stage->ended < ended)
                uv_run(&stage->loop, UV_RUN_ONCE);
}

static const struct send_result *send_one(struct stage *stage, bool park)
{
        int before = stage->ended;
        struct send_terms terms = {.valid_until_ms = INT64_MAX, .park = park};
        transport_send(stage->transport, &mail, terms, keep_result, stage);
        assert_int_equal(stage->ended, before);
        stage_wait(stage, before + 1);
        return &stage->results[before];
}

static void an_accepted_mail_is_sent_with_the_id_of_the_service(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, OK_REPLY, NULL);
        const struct send_result *result = send_one(&stage, false);
        assert_int_equal(result->outcome, SEND_DONE);
        assert_int_equal(result->status, 200);
        assert_string_equal(result->provider_id, "abc-1");
        assert_string_equal(result->error, "");
        assert_false(result->counts);
        stage_close(&stage);
}

static void the_request_carries_key_trace_credentials_and_no_expect(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, OK_REPLY, NULL);
        send_one(&stage, false);
        const char *log = stage.peer->log;
        assert_int_equal(strncmp(log, "POST /emails HTTP/1.1\r\n", 23), 0);
        assert_non_null(strstr(log, "\r\nIdempotency-Key: " KEY "\r\n"));
        assert_non_null(strstr(log, "\r\ntraceparent: " TRACE "\r\n"));
        assert_non_null(strstr(log, "\r\ntracestate: " STATE "\r\n"));
        assert_non_null(strstr(log, "\r\nAuthorization: Bearer s3cret\r\n"));
        assert_non_null(strstr(log, "\r\nContent-Type: application/json\r\n"));
        assert_null(strcasestr(log, "expect:"));
        assert_null(strcasestr(log, "accept-encoding:"));
        assert_non_null(strstr(log, "\r\n\r\n{\"from\":\"Shop <shop@example.com>\""));
        stage_close(&stage);
}

static void connections_are_kept_and_parked_mails_go_on_fresh_ones(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, OK_REPLY, NULL);
        for (int i = 0; i < 5; i++)
                send_one(&stage, false);
        assert_int_equal(peer_count(stage.peer, &stage.peer->connections, 0), 1);
        for (int i = 0; i < 3; i++)
                send_one(&stage, true);
        assert_int_equal(peer_count(stage.peer, &stage.peer->connections, 0), 4);
        stage_close(&stage);
}

static void as_many_mails_as_the_capacity_run_at_once(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, OK_REPLY, NULL);
        assert_int_equal(transport_capacity(stage.transport), 8);
        for (int round = 0; round < 4; round++) {
                for (int i = 0; i < 8; i++)
                        transport_send(stage.transport, &mail, open_terms, keep_result, &stage);
                stage_wait(&stage, 8 * (round + 1));
        }
        for (int i = 0; i < 32; i++)
                assert_int_equal(stage.results[i].outcome, SEND_DONE);
        assert_true(peer_count(stage.peer, &stage.peer->connections, 0) <= 8);
        stage_close(&stage);
}

struct tally {
        int sent, ambiguous, timed_out, ended;
};

static void count_result(void *context, const struct send_result *result)
{
        struct tally *tally = context;
        tally->sent += result->outcome == SEND_DONE;
        tally->ambiguous += result->outcome == SEND_AMBIGUOUS;
        tally->timed_out += strstr(result->error, "imeout") != NULL;
        tally->ended++;
}

/* More than share a multi handle, over sockets whose numbers go from one handle to another: what happens on
 * each reaches the handle that waits for it. */
static void connections_that_end_leave_those_of_other_places_alone(void **state)
{
        enum { PLACES = 150, ROUNDS = 3 };
        (void)state;
        struct stage stage;
        struct tally tally = {0};
        stage_open(&stage, OK_REPLY, NULL);
        peer_close(stage.peer);
        stage.peer = peer_open(wild_serve, NULL);
        snprintf(stage.url, sizeof stage.url, "http://localhost:%d", stage.peer->port);
        stage.config.mail.http.connections = PLACES;
        stage.config.mail.timeout_ms = 5000; /* what never hears of its socket is timed out */
        stage_reopen(&stage);
        for (int round = 0; round < ROUNDS; round++) {
                for (int i = 0; i < PLACES; i++)
                        transport_send(stage.transport, &mail, open_terms, count_result, &tally);
                while (tally.ended < (round + 1) * PLACES)
                        uv_run(&stage.loop, UV_RUN_ONCE);
        }
        assert_int_equal(tally.timed_out, 0);
        assert_int_equal(tally.sent + tally.ambiguous, ROUNDS * PLACES);
        assert_true(tally.sent >= PLACES && tally.ambiguous > 0);
        stage_close(&stage);
}

static void answers_become_outcomes(void **state)
{
        (void)state;
        static const struct {
                const char *answer;
                enum send_outcome outcome;
                int64_t retry_after_ms;
                bool throttled, counts, opens;
                const char *error;
        } cases[] = {
                {"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", SEND_TRANSIENT, 7000,
                 true, false, false, "HTTP 429"},
                {"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n", SEND_TRANSIENT, -1, false, true, false,
                 "HTTP 503"},
                {"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", SEND_AMBIGUOUS, -1, false, true, false,
                 "HTTP 500"},
                {"HTTP/1.1 401 No\r\nContent-Length: 40\r\n\r\n{\"message\":\"key s3cret of a@b is wrong\"}",
                 SEND_CONFIG, -1, false, false, true, "HTTP 401: key <secret> of <address> is wrong"},
                {"HTTP/1.1 401 No\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nForbidden",
                 SEND_CONFIG, -1, false, false, true, "HTTP 401: Forbidden"},
                {"HTTP/1.1 422 Bad\r\nContent-Length: 15\r\n\r\n{\"message\":\"x\"}", SEND_PERMANENT, -1,
                 false, false, false, "HTTP 422: x"},
                {"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", SEND_CONFIG, -1,
                 false, false, true, "HTTP 302"},
                {"HTTP/1.1 409 C\r\nContent-Length: 41\r\n\r\n{\"name\":\"concurrent_idempotent_requests\"}",
                 SEND_AMBIGUOUS, -1, false, true, false, "HTTP 409"},
                {"HTTP/1.1 409 C\r\nContent-Length: 37\r\n\r\n{\"name\":\"invalid_idempotent_request\"}",
                 SEND_AMBIGUOUS, -1, false, true, false, "HTTP 409"},
                {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Fine\r\nContent-Length: 10\r\n\r\n{\"id\":\"x\"}",
                 SEND_DONE, -1, false, false, false, ""},
                {"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n\xef\xbb\xbf{\"id\":\"x\"}", SEND_DONE, -1,
                 false, false, false, ""},
                {"HTTP/1.1 200 OK\r\nContent-Encoding: UTF-8\r\nContent-Length: 10\r\n\r\n{\"id\":\"x\"}",
                 SEND_DONE, -1, false, false, false, ""},
                {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n{\"id\":\"x\"}",
                 SEND_DONE, -1, false, false, false, ""},
                {"HTTP/1.1 202 Fine\r\nContent-Length: 0\r\n\r\n", SEND_AMBIGUOUS, -1, false, true, false,
                 "HTTP 202 without the id of the mail"},
                {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"id\":",
                 SEND_AMBIGUOUS, -1, false, true, false, "HTTP 200 without the id of the mail"},
                {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: "
                 "20\r\n\r\n<html>Welcome</html>",
                 SEND_CONFIG, -1, false, false, true, "HTTP 200, but not by the service: is the URL right?"},
                {"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
                 SEND_CONFIG, -1, false, false, true, "HTTP 404"},
                {"HTTP/1.1 429 Slow\r\nRetry-After: 1700000000\r\nContent-Length: "
                 "15\r\n\r\n{\"message\":\"x\"}",
                 SEND_TRANSIENT, 300000, true, false, false,
                 "HTTP 429 (asks for a pause of 1700000000 s, is given 300 s: mail.retry_after_max): x"},
                {"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n", SEND_AMBIGUOUS, -1, false, true, false,
                 NULL},
                {"SSH-2.0-nonsense\r\nConnection: close\r\n\r\n", SEND_AMBIGUOUS, -1, false, true, false,
                 NULL},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct stage stage;
                stage_open(&stage, cases[i].answer, NULL);
                const struct send_result *result = send_one(&stage, true);
                if (result->outcome != cases[i].outcome)
                        fail_msg("case %zu: %d %s", i, (int)result->outcome, result->error);
                assert_int_equal(result->retry_after_ms, cases[i].retry_after_ms);
                assert_int_equal(result->throttled, cases[i].throttled);
                assert_int_equal(result->counts, cases[i].counts);
                assert_int_equal(result->opens, cases[i].opens);
                if (cases[i].error)
                        assert_string_equal(result->error, cases[i].error);
                assert_int_equal(peer_count(stage.peer, &stage.peer->requests, 0), 1);
                stage_close(&stage);
        }
}

static void a_cut_before_the_answer_is_ambiguous(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, CUT, NULL);
        assert_int_equal(send_one(&stage, true)->outcome, SEND_AMBIGUOUS);
        assert_true(stage.results[0].counts);
        stage_close(&stage);
}

static void silence_ends_ambiguous_at_the_time_limit(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, SILENT, NULL);
        stage.config.mail.timeout_ms = 100;
        stage_reopen(&stage);
        assert_int_equal(send_one(&stage, false)->outcome, SEND_AMBIGUOUS);
        stage_close(&stage);
}

static void an_endless_answer_is_cut_off_and_judged_by_its_status(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, ENDLESS, NULL);
        const struct send_result *result = send_one(&stage, false);
        assert_int_equal(result->status, 500);
        assert_int_equal(result->outcome, SEND_AMBIGUOUS);
        stage_close(&stage);
}

static void nobody_listening_is_transient(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, OK_REPLY, NULL);
        int unused = socket(AF_INET, SOCK_STREAM, 0); /* bound, not listening: refuses */
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof address;
        assert_int_equal(bind(unused, (struct sockaddr *)&address, sizeof address), 0);
        getsockname(unused, (struct sockaddr *)&address, &len);
        snprintf(stage.url, sizeof stage.url, "http://127.0.0.1:%d", ntohs(address.sin_port));
        stage_reopen(&stage);
        const struct send_result *result = send_one(&stage, false);
        assert_int_equal(result->outcome, SEND_TRANSIENT);
        assert_true(result->counts);
        assert_int_equal(result->status, 0);
        close(unused);
        stage_close(&stage);
}

static void nothing_is_sent_behind_the_fence(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, OK_REPLY, NULL);
        send_one(&stage, false); /* also on a kept connection */
        for (int park = 0; park < 2; park++) {
                struct send_terms terms = {.valid_until_ms = clock_boot_ms() - 1, .park = park};
                transport_send(stage.transport, &mail, terms, keep_result, &stage);
                stage_wait(&stage, 2 + park);
                const struct send_result *result = &stage.results[1 + park];
                assert_int_equal(result->outcome, SEND_TRANSIENT);
                assert_int_equal(result->status, -1);
                assert_false(result->counts);
                assert_string_equal(result->error, "fence passed");
        }
        assert_int_equal(peer_count(stage.peer, &stage.peer->requests, 0), 1);
        stage_close(&stage);
}

static void an_invalid_mail_is_refused_later_without_a_connection(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, OK_REPLY, NULL);
        struct mail_request evil = mail;
        evil.mail.subject = "x\r\nBcc: y@z";
        transport_send(stage.transport, &evil, open_terms, keep_result, &stage);
        assert_int_equal(stage.ended, 0);
        stage_wait(&stage, 1);
        assert_int_equal(stage.results[0].outcome, SEND_PERMANENT);
        assert_int_equal(peer_count(stage.peer, &stage.peer->connections, 0), 0);
        stage_close(&stage);
}

static void an_injected_traceparent_is_not_sent(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, OK_REPLY, NULL);
        struct mail_request evil = mail;
        evil.traceparent = TRACE "\r\nX-Evil: 1";
        transport_send(stage.transport, &evil, open_terms, keep_result, &stage);
        stage_wait(&stage, 1);
        assert_int_equal(stage.results[0].outcome, SEND_DONE);
        assert_null(strstr(stage.peer->log, "Evil"));
        assert_null(strstr(stage.peer->log, "traceparent"));
        assert_null(strstr(stage.peer->log, "tracestate"));
        stage_close(&stage);
}

static void an_injected_tracestate_is_not_sent(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, OK_REPLY, NULL);
        struct mail_request evil = mail;
        evil.tracestate = STATE "\r\nX-Evil: 1";
        transport_send(stage.transport, &evil, open_terms, keep_result, &stage);
        stage_wait(&stage, 1);
        assert_int_equal(stage.results[0].outcome, SEND_DONE);
        assert_null(strstr(stage.peer->log, "Evil"));
        assert_null(strstr(stage.peer->log, "tracestate"));
        assert_non_null(strstr(stage.peer->log, "\r\ntraceparent: " TRACE "\r\n"));
        stage_close(&stage);
}

static void closing_breaks_off_and_what_was_sent_is_ambiguous(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, SILENT, NULL);
        transport_send(stage.transport, &mail, open_terms, keep_result, &stage);
        while (peer_count(stage.peer, &stage.peer->requests, 0) == 0)
                uv_run(&stage.loop, UV_RUN_NOWAIT);
        transport_send(stage.transport, &mail, open_terms, keep_result, &stage);
        transport_close(stage.transport);
        stage.transport = NULL;
        assert_int_equal(stage.ended, 2);
        enum send_outcome a = stage.results[0].outcome, b = stage.results[1].outcome;
        assert_true((a == SEND_AMBIGUOUS && b == SEND_TRANSIENT) ||
                    (a == SEND_TRANSIENT && b == SEND_AMBIGUOUS));
        assert_false(stage.results[0].counts || stage.results[1].counts);
        stage_close(&stage);
}

static void bad_settings_are_told_at_the_start(void **state)
{
        (void)state;
        static const struct {
                const char *url, *key, *error;
        } cases[] = {
                {"ftp://127.0.0.1/", "k", "mail.http.url has the wrong scheme"},
                {"not a url", "k", "mail.http.url is no URL"},
                {"http://mail.example.com/", "k",
                 "mail.http.url would send mails and credentials unencrypted (mail.allow_plaintext permits "
                 "it)"},
                {"http://127.0.0.1/", "k\r\nX: y", "mail.http.api_key holds a space or a control character"},
        };
        uv_loop_t loop;
        uv_loop_init(&loop);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct config config = {.mail.transport = TRANSPORT_HTTP};
                char error[256] = "";
                config.mail.http.url = cases[i].url;
                config.mail.http.api_key = cases[i].key;
                assert_null(transport_open(&loop, &config.mail, error));
                assert_string_equal(error, cases[i].error);
        }
        uv_loop_close(&loop);
}

static void the_log_transport_sends_everything(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, OK_REPLY, NULL);
        stage.config.mail.transport = TRANSPORT_LOG;
        stage_reopen(&stage);
        assert_int_equal(send_one(&stage, false)->outcome, SEND_DONE);
        assert_string_equal(stage.results[0].provider_id, "log:0123456789ab");
        stage_close(&stage);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_accepted_mail_is_sent_with_the_id_of_the_service),
                cmocka_unit_test(the_request_carries_key_trace_credentials_and_no_expect),
                cmocka_unit_test(connections_are_kept_and_parked_mails_go_on_fresh_ones),
                cmocka_unit_test(as_many_mails_as_the_capacity_run_at_once),
                cmocka_unit_test(connections_that_end_leave_those_of_other_places_alone),
                cmocka_unit_test(answers_become_outcomes),
                cmocka_unit_test(a_cut_before_the_answer_is_ambiguous),
                cmocka_unit_test(silence_ends_ambiguous_at_the_time_limit),
                cmocka_unit_test(an_endless_answer_is_cut_off_and_judged_by_its_status),
                cmocka_unit_test(nobody_listening_is_transient),
                cmocka_unit_test(nothing_is_sent_behind_the_fence),
                cmocka_unit_test(an_invalid_mail_is_refused_later_without_a_connection),
                cmocka_unit_test(an_injected_traceparent_is_not_sent),
                cmocka_unit_test(an_injected_tracestate_is_not_sent),
                cmocka_unit_test(closing_breaks_off_and_what_was_sent_is_ambiguous),
                cmocka_unit_test(bad_settings_are_told_at_the_start),
                cmocka_unit_test(the_log_transport_sends_everything),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
