#include "io/machine/clock.h"
#include "io/send/transport.h"
#include "smtp_peer.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct mail_request mail = {
        .key = KEY,
        .message_id = "<" KEY "@example.com>",
        .mail.from = "Shop <shop@example.com>",
        .mail.to = "ann@example.org",
        .mail.subject = "Hello",
        .mail.text = "Hello.\n.\n..\nBye.\n",
        .date_s = 1700000000,
};

struct stage {
        uv_loop_t loop;
        struct config config;
        char url[64];
        struct peer *peer;
        struct smtp_script script;
        struct transport *transport;
        struct send_result results[512];
        int ended;
};

static const struct send_terms open_terms = {.valid_until_ms = INT64_MAX};

static void stage_start(struct stage *stage)
{
        char error[256] = "";
        stage->transport = transport_open(&stage->loop, &stage->config.mail, error);
        assert_string_equal(error, "");
        assert_non_null(stage->transport);
}

static struct stage *stage_open(struct smtp_script script)
{
        struct stage *stage = calloc(1, sizeof *stage);
        assert_non_null(stage);
        stage->script = script;
        uv_loop_init(&stage->loop);
        stage->peer = peer_open(smtp_serve, &stage->script);
        snprintf(stage->url, sizeof stage->url, "smtp://127.0.0.1:%d", stage->peer->port);
        stage->config.mail.transport = TRANSPORT_SMTP;
        stage->config.mail.timeout_ms = 20000;
        stage->config.mail.smtp.url = stage->url;
        stage->config.mail.smtp.starttls = SMTP_STARTTLS_OFF;
        stage->config.mail.smtp.connections = 4;
        stage_start(stage);
        return stage;
}

static void stage_reopen(struct stage *stage)
{
        transport_close(stage->transport);
        stage_start(stage);
}

static void stage_close(struct stage *stage)
{
        if (stage->transport)
                transport_close(stage->transport);
        uv_run(&stage->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&stage->loop), 0);
        peer_close(stage->peer);
        free(stage);
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

static const struct send_result *send_one(struct stage *stage)
{
        int before = stage->ended;
        transport_send(stage->transport, &mail, open_terms, keep_result, stage);
        assert_int_equal(stage->ended, before);
        stage_wait(stage, before + 1);
        return &stage->results[before];
}

static void a_mail_goes_over_the_wire_exactly_like_this(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        const struct send_result *result = send_one(stage);
        assert_int_equal(result->outcome, SEND_DONE);
        assert_int_equal(result->status, 250);
        assert_string_equal(result->provider_id, "2.0.0 queued as X7");
        assert_string_equal(result->error, "");
        const char *log = strchr(stage->peer->log, '\n') + 1; /* behind EHLO and the host's name */
        assert_string_equal(log, "MAIL FROM:<shop@example.com> SIZE=331\r\n"
                                 "RCPT TO:<ann@example.org>\r\n"
                                 "DATA\r\n"
                                 "From: Shop <shop@example.com>\r\n"
                                 "To: ann@example.org\r\n"
                                 "Subject: Hello\r\n"
                                 "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                                 "Message-ID: <" KEY "@example.com>\r\n"
                                 "MIME-Version: 1.0\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Transfer-Encoding: quoted-printable\r\n"
                                 "\r\n"
                                 "Hello.\r\n=2E\r\n=2E.\r\nBye.\r\n"
                                 ".\r\n");
        stage_close(stage);
}

static void commands_go_together_where_the_server_allows(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){.ehlo = PIPELINING_EHLO});
        for (int i = 0; i < 3; i++)
                assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 1);
        assert_non_null(strstr(stage->peer->log, "\r\nBye.\r\n.\r\nMAIL FROM:<shop@example.com> SIZE=331\r\n"
                                                 "RCPT TO:<ann@example.org>\r\nDATA\r\nFrom: "));
        stage_close(stage);
}

/* More than any socket's buffers hold: written in many pieces. */
static void a_large_message_arrives_whole(void **state)
{
        (void)state;
        enum { TEXT_LEN = 12 * 1024 * 1024 };
        struct stage *stage = stage_open((struct smtp_script){0});
        struct mail_request large = mail;
        char *text = malloc(TEXT_LEN + 1);
        assert_non_null(text);
        memset(text, 'x', TEXT_LEN);
        text[TEXT_LEN] = '\0';
        large.mail.text = text;
        transport_send(stage->transport, &large, open_terms, keep_result, stage);
        stage_wait(stage, 1);
        assert_int_equal(stage->results[0].outcome, SEND_DONE);
        assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 1);
        free(text);
        stage_close(stage);
}

static void a_connection_is_kept_for_the_next_mail(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        for (int i = 0; i < 5; i++)
                assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 1);
        assert_int_equal(peer_count(stage->peer, &stage->peer->requests, 0), 5);
        stage_close(stage);
}

/* The table of FAILURES: six replies at six places, over a real dialogue. */
static void every_refusal_at_every_place_has_its_outcome(void **state)
{
        (void)state;
        static const int codes[] = {421, 450, 451, 452, 550, 554};
        static const char *const cells[] = {"ttttcc", "ttttcc", "ttttcc", "ttttpp", "ttttpp", "ttttpp"};
        for (int turn = 0; turn < 12; turn++) {
                int place = turn % 6; /* first without, then with commands that go together */
                for (int i = 0; i < 6; i++) {
                        struct smtp_script script = {.ehlo = turn < 6 ? PLAIN_EHLO : PIPELINING_EHLO};
                        char reply[64];
                        const char **places[] = {&script.greeting, &script.ehlo, &script.mail,
                                                 &script.rcpt,     &script.data, &script.dot};
                        snprintf(reply, sizeof reply, "%d-one\r\n%d no\r\n", codes[i], codes[i]);
                        *places[place] = reply;
                        struct stage *stage = stage_open(script);
                        const struct send_result *result = send_one(stage);
                        char cell = "stpca"[result->outcome];
                        /* after a refused EHLO libcurl tries HELO, which this server does not know */
                        if (place == 1 && codes[i] / 100 == 4)
                                cell = 't';
                        if (cell != cells[place][i])
                                fail_msg("%d at %d: %c %s", codes[i], place, cell, result->error);
                        stage_close(stage);
                }
        }
}

static void silence_or_a_cut_is_ambiguous_only_after_the_dot(void **state)
{
        (void)state;
        for (int turn = 0; turn < 4; turn++) {
                bool silent = turn % 2;
                for (int place = 0; place < 6; place++) {
                        struct smtp_script script = {.ehlo = turn < 2 ? PLAIN_EHLO : PIPELINING_EHLO};
                        const char **places[] = {&script.greeting, &script.ehlo, &script.mail,
                                                 &script.rcpt,     &script.data, &script.dot};
                        *places[place] = silent ? SILENT : CUT;
                        struct stage *stage = stage_open(script);
                        stage->config.mail.timeout_ms = silent ? 150 : 20000;
                        stage_reopen(stage);
                        const struct send_result *result = send_one(stage);
                        enum send_outcome wanted = place == 5 ? SEND_AMBIGUOUS : SEND_TRANSIENT;
                        if (result->outcome != wanted || !result->counts)
                                fail_msg("silent %d place %d: %d %s", silent, place, (int)result->outcome,
                                         result->error);
                        stage_close(stage);
                }
        }
}

static void commands_that_went_together_in_vain_go_one_by_one_from_then_on(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){.ehlo = PIPELINING_EHLO, .drops_queued = true});
        stage->config.mail.timeout_ms = 500;
        stage_reopen(stage);
        assert_int_equal(send_one(stage)->outcome, SEND_TRANSIENT);
        assert_non_null(strstr(stage->results[0].error, "at RCPT (the server offers PIPELINING"));
        for (int i = 1; i < 3; i++)
                assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 2);
        stage_close(stage);
}

static void after_a_refusal_the_next_mail_has_the_same_connection(void **state)
{
        (void)state;
        static const char *const ehlos[] = {PLAIN_EHLO, PIPELINING_EHLO};
        for (int i = 0; i < 2; i++) {
                struct stage *stage =
                        stage_open((struct smtp_script){.ehlo = ehlos[i], .dot = "550 5.7.1 spam\r\n"});
                stage->config.mail.smtp.connections = 1;
                stage_reopen(stage);
                for (int n = 0; n < 5; n++) {
                        assert_int_equal(send_one(stage)->outcome, SEND_PERMANENT);
                        assert_false(stage->results[n].counts);
                }
                assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 1);
                assert_non_null(strstr(stage->peer->log, "\r\n.\r\nRSET\r\nMAIL FROM"));
                stage_close(stage);
        }
}

static void where_a_refused_mail_cannot_be_taken_back_the_next_one_has_a_fresh_connection(void **state)
{
        (void)state;
        static const char *const resets[] = {"502 5.5.1 what?\r\n", "421 4.7.0 too many errors\r\n", CUT};
        for (int i = 0; i < 3; i++) {
                struct stage *stage = stage_open((struct smtp_script){
                        .rcpt = "550 5.1.1 no\r\n", .rset = resets[i], .first_connections = 1});
                stage->config.mail.smtp.connections = 1;
                stage_reopen(stage);
                assert_int_equal(send_one(stage)->outcome, SEND_PERMANENT);
                assert_false(stage->results[0].counts);
                assert_int_equal(send_one(stage)->outcome, SEND_DONE);
                assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 2);
                stage_close(stage);
        }
}

/* Of a connection that is closed instead of being greeted it tells how many others stand. */
static void a_connection_too_many_is_told_from_a_service_that_is_down(void **state)
{
        (void)state;
        static const char *const greetings[] = {CUT, "421 4.7.0 mx Error: too many connections\r\n"};
        for (int i = 0; i < 2; i++) {
                struct stage *stage = stage_open((struct smtp_script){.greeting = greetings[i]});
                const struct send_result *result = send_one(stage);
                assert_int_equal(result->outcome, SEND_TRANSIENT);
                assert_true(result->crowded);
                assert_int_equal(result->crowd_told, i);
                assert_int_equal(result->standing, 0);
                stage_close(stage);
        }
        struct stage *stage = stage_open((struct smtp_script){.dot = SILENT});
        transport_send(stage->transport, &mail, open_terms, keep_result, stage);
        while (peer_count(stage->peer, &stage->peer->requests, 0) == 0)
                uv_run(&stage->loop, UV_RUN_NOWAIT);
        stage->script.greeting = CUT;
        assert_int_equal(send_one(stage)->outcome, SEND_TRANSIENT);
        assert_true(stage->results[0].crowded);
        assert_int_equal(stage->results[0].standing, 1);
        stage_close(stage);
}

static void note_soonest(uv_handle_t *handle, void *context)
{
        uint64_t *soonest_ms = context;
        if (handle->type != UV_TIMER || !uv_is_active(handle))
                return;
        uint64_t due_ms = uv_timer_get_due_in((uv_timer_t *)handle);
        *soonest_ms = due_ms < *soonest_ms ? due_ms : *soonest_ms;
}

/* The first connection's mail waits at DATA until the second one is idle, and is then one too many. */
static void a_connection_too_many_shortens_the_life_of_those_that_are_idle(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){.dot = "421 4.7.0 too many connections\r\n",
                                                              .data_after_ms = INT64_MAX,
                                                              .first_connections = 1});
        transport_send(stage->transport, &mail, open_terms, keep_result, stage);
        while (peer_count(stage->peer, &stage->peer->connections, 0) == 0)
                uv_run(&stage->loop, UV_RUN_NOWAIT);
        assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        stage->script.data_after_ms = 0;
        stage_wait(stage, 2);
        assert_true(stage->results[1].crowd_told);
        uint64_t soonest_ms = UINT64_MAX;
        uv_walk(&stage->loop, note_soonest, &soonest_ms);
        assert_in_range(soonest_ms, 0, 100);
        stage_close(stage);
}

/* Sends may take longer than that, so that the timer of the idle is the soonest. */
static void a_connection_without_mails_is_given_up_after_half_a_minute(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        stage->config.mail.timeout_ms = 60000;
        stage_reopen(stage);
        assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        uint64_t soonest_ms = UINT64_MAX;
        uv_walk(&stage->loop, note_soonest, &soonest_ms);
        assert_in_range(soonest_ms, 1, 30000);
        stage_close(stage);
}

static void a_probe_connects_and_sends_nothing(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        for (int i = 0; i < 2; i++) {
                transport_probe(stage->transport, keep_result, stage);
                stage_wait(stage, i + 1);
                assert_int_equal(stage->results[i].outcome, SEND_DONE);
        }
        assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 1);
        assert_null(strstr(stage->peer->log, "MAIL"));
        stage_close(stage);
}

static void a_late_reply_is_never_taken_for_the_next_mails(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){.dot = SILENT, .first_connections = 1});
        stage->config.mail.smtp.connections = 1;
        stage->config.mail.timeout_ms = 300;
        stage_reopen(stage);
        assert_int_equal(send_one(stage)->outcome, SEND_AMBIGUOUS);
        stage->config.mail.timeout_ms = 20000; /* for the next handle */
        assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 2);
        stage_close(stage);
}

static void a_kept_connection_that_died_costs_no_try(void **state)
{
        (void)state;
        static const char *const deaths[] = {CUT, "421 4.4.2 idle for too long\r\n", "451 4.4.2 too long\r\n",
                                             "554 5.7.0 enough\r\n", "250 2.0.0 and more\r\n"};
        for (int i = 0; i < 5; i++) {
                struct stage *stage =
                        stage_open((struct smtp_script){.idle = deaths[i], .first_connections = 1});
                stage->config.mail.smtp.connections = 1;
                stage_reopen(stage);
                for (int n = 0; n < 2; n++) {
                        if (send_one(stage)->outcome != SEND_DONE)
                                fail_msg("death %d, mail %d: %s", i, n, stage->results[n].error);
                        /* its words wait to be read when the next mail begins */
                        while (deaths[i] != CUT && peer_count(stage->peer, &stage->peer->answers, 0) < 4)
                                sched_yield();
                }
                assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 2);
                assert_int_equal(peer_count(stage->peer, &stage->peer->requests, 0), 2);
                stage_close(stage);
        }
}

/* The words have crossed with MAIL. */
static void a_refusal_of_mail_on_a_kept_connection_is_asked_for_again_on_a_new_one(void **state)
{
        (void)state;
        struct stage *stage =
                stage_open((struct smtp_script){.second_mail = "554 5.7.0 enough for today\r\n"});
        stage->config.mail.smtp.connections = 1;
        stage_reopen(stage);
        for (int n = 0; n < 3; n++)
                assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 3);
        assert_int_equal(peer_count(stage->peer, &stage->peer->requests, 0), 3);
        stage_close(stage);
}

static void endless_replies_are_bounded(void **state)
{
        (void)state;
        static const char *const endless[] = {ENDLESS_LINE, ENDLESS_REPLY};
        for (int i = 0; i < 2; i++) {
                struct stage *stage = stage_open((struct smtp_script){.ehlo = endless[i]});
                stage->config.mail.timeout_ms = 3000;
                stage_reopen(stage);
                assert_int_equal(send_one(stage)->outcome, SEND_TRANSIENT);
                stage_close(stage);
        }
}

static void wrong_credentials_open_the_breaker(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){.auth = "535 5.7.8 s3cret is wrong\r\n"});
        stage->config.mail.smtp.username = "user";
        stage->config.mail.smtp.password = "s3cret";
        stage_reopen(stage);
        const struct send_result *result = send_one(stage);
        assert_int_equal(result->outcome, SEND_CONFIG);
        assert_true(result->opens);
        assert_int_equal(result->status, 535);
        assert_string_equal(result->error, "SMTP 535 at AUTH: 5.7.8 <secret> is wrong");
        stage_close(stage);
}

static void credentials_are_shown_once_and_accepted(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        stage->config.mail.smtp.username = "user";
        stage->config.mail.smtp.password = "s3cret";
        stage_reopen(stage);
        assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        assert_non_null(strstr(stage->peer->log, "AUTH PLAIN\r\nAHVzZXIAczNjcmV0\r\n"));
        stage_close(stage);
}

/* Of what a server offers. */
static bool libcurl_reads_small_letters(void)
{
        return curl_version_info(CURLVERSION_NOW)->version_num >= 0x081100;
}

static void nothing_is_sent_without_the_log_in_that_was_asked_for(void **state)
{
        (void)state;
        static const struct {
                const char *ehlo, *words;
        } cases[] = {
                {PIPELINING_EHLO, "the server offers no log-in"},
                {"250-peer\r\n250-AUTH XOAUTH2\r\n250 SIZE 100000000\r\n",
                 "mail.smtp.token_file is for XOAUTH2"},
                {"250-peer\r\n250-AUTH=LOGIN PLAIN\r\n250 SIZE 100000000\r\n", "\"AUTH=LOGIN PLAIN\""},
                {"250-peer\r\n250 auth login plain\r\n", "\"auth login plain\""},
                {"250-peer\r\n250 AUTH Plain\r\n", "\"AUTH Plain\""},
        };
        int count = libcurl_reads_small_letters() ? 3 : 5;
        for (int i = 0; i < count; i++) {
                struct stage *stage = stage_open((struct smtp_script){.ehlo = cases[i].ehlo});
                stage->config.mail.smtp.username = "user";
                stage->config.mail.smtp.password = "s3cret";
                stage_reopen(stage);
                const struct send_result *result = send_one(stage);
                assert_int_equal(result->outcome, SEND_CONFIG);
                assert_true(result->opens);
                assert_non_null(strstr(result->error, cases[i].words));
                assert_null(strstr(stage->peer->log, "MAIL"));
                stage_close(stage);
        }
}

static void a_token_of_a_file_logs_in_and_is_read_each_time(void **state)
{
        (void)state;
        char path[] = "/tmp/leveret-token-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0 && write(fd, "t0ken\n", 6) == 6 && close(fd) == 0);
        struct stage *stage = stage_open(
                (struct smtp_script){.ehlo = "250-peer\r\n250-AUTH XOAUTH2\r\n250 SIZE 100000000\r\n"});
        stage->config.mail.smtp.username = "user";
        stage->config.mail.smtp.token_file = path;
        stage_reopen(stage);
        assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        /* user=user^Aauth=Bearer t0ken^A^A */
        assert_non_null(
                strstr(stage->peer->log, "AUTH XOAUTH2\r\ndXNlcj11c2VyAWF1dGg9QmVhcmVyIHQwa2VuAQE=\r\n"));
        stage_close(stage);
        unlink(path);
}

static void the_configured_name_is_said_in_ehlo(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        stage->config.mail.smtp.helo = "worker.example.com";
        stage_reopen(stage);
        assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        assert_int_equal(strncmp(stage->peer->log, "EHLO worker.example.com\r\n", 25), 0);
        stage_close(stage);
}

static void the_key_stands_in_the_header_that_the_service_takes_it_in(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        stage->config.mail.smtp.key_header = "Resend-Idempotency-Key";
        stage_reopen(stage);
        assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        assert_int_equal(send_one(stage)->outcome, SEND_DONE);
        const char *first = strstr(stage->peer->log, "\r\nResend-Idempotency-Key: " KEY "\r\n");
        assert_non_null(first);
        assert_non_null(strstr(first + 1, "\r\nResend-Idempotency-Key: " KEY "\r\n"));
        stage_close(stage);
}

static void a_port_that_wants_the_other_kind_of_tls_is_hinted_at(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){.greeting = SILENT});
        stage->config.mail.timeout_ms = 200;
        stage_reopen(stage);
        assert_non_null(strstr(send_one(stage)->error, "wants smtps://"));
        stage_close(stage);
        stage = stage_open((struct smtp_script){0});
        snprintf(stage->url, sizeof stage->url, "smtps://127.0.0.1:%d", stage->peer->port);
        stage_reopen(stage);
        assert_non_null(strstr(send_one(stage)->error, "wants smtp://"));
        stage_close(stage);
}

static void a_server_without_starttls_gets_nothing_where_it_is_required(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        stage->config.mail.smtp.starttls = SMTP_STARTTLS_REQUIRED;
        stage->config.mail.smtp.username = "user";
        stage->config.mail.smtp.password = "s3cret";
        stage_reopen(stage);
        const struct send_result *result = send_one(stage);
        assert_int_equal(result->outcome, SEND_CONFIG);
        assert_true(result->opens);
        assert_non_null(strstr(result->error, "offers no STARTTLS: another port"));
        assert_non_null(strstr(result->error, "mail.smtp.starttls: off"));
        assert_null(strstr(stage->peer->log, "AUTH"));
        assert_null(strstr(stage->peer->log, "MAIL"));
        stage_close(stage);
}

static void a_starttls_that_libcurl_does_not_read_is_told(void **state)
{
        (void)state;
        if (libcurl_reads_small_letters())
                skip();
        struct stage *stage = stage_open((struct smtp_script){.ehlo = "250-peer\r\n250 starttls\r\n"});
        stage->config.mail.smtp.starttls = SMTP_STARTTLS_REQUIRED;
        stage_reopen(stage);
        const struct send_result *result = send_one(stage);
        assert_int_equal(result->outcome, SEND_CONFIG);
        assert_non_null(strstr(result->error, "the server offers STARTTLS in small letters"));
        assert_null(strstr(stage->peer->log, "MAIL"));
        stage_close(stage);
}

static void nothing_is_sent_behind_the_fence(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        struct send_terms terms = {.valid_until_ms = clock_boot_ms() - 1};
        transport_send(stage->transport, &mail, terms, keep_result, stage);
        stage_wait(stage, 1);
        assert_int_equal(stage->results[0].outcome, SEND_TRANSIENT);
        assert_int_equal(stage->results[0].status, -1);
        assert_false(stage->results[0].counts);
        assert_null(strstr(stage->peer->log, "MAIL"));
        stage_close(stage);
}

static void no_message_follows_when_the_fence_passes_before_it(void **state)
{
        (void)state;
        int64_t until_ms = clock_boot_ms() + 200;
        struct stage *stage = stage_open((struct smtp_script){.data_after_ms = until_ms});
        struct send_terms terms = {.valid_until_ms = until_ms};
        transport_send(stage->transport, &mail, terms, keep_result, stage);
        stage_wait(stage, 1);
        assert_int_equal(stage->results[0].outcome, SEND_TRANSIENT);
        assert_int_equal(stage->results[0].status, -1);
        assert_null(strstr(stage->peer->log, "Subject"));
        stage_close(stage);
}

static void an_invalid_mail_is_refused_without_a_connection(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        struct mail_request evil = mail;
        evil.mail.to = "a@b>\r\nRCPT TO:<x@y";
        transport_send(stage->transport, &evil, open_terms, keep_result, stage);
        stage_wait(stage, 1);
        assert_int_equal(stage->results[0].outcome, SEND_PERMANENT);
        assert_int_equal(peer_count(stage->peer, &stage->peer->connections, 0), 0);
        stage_close(stage);
}

static void an_error_names_the_place_but_no_address(void **state)
{
        (void)state;
        struct stage *stage =
                stage_open((struct smtp_script){.rcpt = "550 5.1.1 <ann@example.org>: unknown\r\n"});
        assert_string_equal(send_one(stage)->error, "SMTP 550 at RCPT: 5.1.1 <<address>>: unknown");
        stage_close(stage);
}

static void a_goodbye_does_not_hide_the_refusal_before_it(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){.rcpt = "550 5.1.1 no\r\n221 bye\r\n"});
        assert_int_equal(send_one(stage)->outcome, SEND_PERMANENT);
        assert_int_equal(stage->results[0].status, 550);
        stage_close(stage);
}

static void as_many_mails_as_the_capacity_run_at_once(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){0});
        stage->config.mail.smtp.connections = 256;
        stage_reopen(stage);
        assert_int_equal(transport_capacity(stage->transport), 256);
        for (int i = 0; i < 256; i++)
                transport_send(stage->transport, &mail, open_terms, keep_result, stage);
        stage_wait(stage, 256);
        for (int i = 0; i < 256; i++)
                assert_int_equal(stage->results[i].outcome, SEND_DONE);
        stage_close(stage);
}

static void closing_breaks_off_and_what_had_its_dot_is_ambiguous(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){.dot = SILENT});
        transport_send(stage->transport, &mail, open_terms, keep_result, stage);
        while (peer_count(stage->peer, &stage->peer->requests, 0) == 0)
                uv_run(&stage->loop, UV_RUN_NOWAIT);
        transport_close(stage->transport);
        stage->transport = NULL;
        assert_int_equal(stage->ended, 1);
        assert_int_equal(stage->results[0].outcome, SEND_AMBIGUOUS);
        stage_close(stage);
}

static void closing_while_a_greeting_is_awaited_is_quick_and_transient(void **state)
{
        (void)state;
        struct stage *stage = stage_open((struct smtp_script){.greeting = SILENT});
        for (int i = 0; i < 4; i++)
                transport_send(stage->transport, &mail, open_terms, keep_result, stage);
        int64_t start_ms = clock_boot_ms();
        transport_close(stage->transport);
        stage->transport = NULL;
        assert_true(clock_boot_ms() - start_ms < 5000);
        assert_int_equal(stage->ended, 4);
        for (int i = 0; i < 4; i++)
                assert_int_equal(stage->results[i].outcome, SEND_TRANSIENT);
        stage_close(stage);
}

static void plaintext_to_another_machine_must_be_permitted(void **state)
{
        (void)state;
        uv_loop_t loop;
        char error[256] = "";
        struct config config = {.mail.transport = TRANSPORT_SMTP};
        uv_loop_init(&loop);
        config.mail.smtp.url = "smtp://mail.example.com";
        config.mail.smtp.starttls = SMTP_STARTTLS_OFF;
        assert_null(transport_open(&loop, &config.mail, error));
        assert_non_null(strstr(error, "unencrypted"));
        uv_loop_close(&loop);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mail_goes_over_the_wire_exactly_like_this),
                cmocka_unit_test(commands_go_together_where_the_server_allows),
                cmocka_unit_test(a_connection_is_kept_for_the_next_mail),
                cmocka_unit_test(a_large_message_arrives_whole),
                cmocka_unit_test(every_refusal_at_every_place_has_its_outcome),
                cmocka_unit_test(silence_or_a_cut_is_ambiguous_only_after_the_dot),
                cmocka_unit_test(commands_that_went_together_in_vain_go_one_by_one_from_then_on),
                cmocka_unit_test(after_a_refusal_the_next_mail_has_the_same_connection),
                cmocka_unit_test(
                        where_a_refused_mail_cannot_be_taken_back_the_next_one_has_a_fresh_connection),
                cmocka_unit_test(a_connection_too_many_is_told_from_a_service_that_is_down),
                cmocka_unit_test(a_connection_too_many_shortens_the_life_of_those_that_are_idle),
                cmocka_unit_test(a_connection_without_mails_is_given_up_after_half_a_minute),
                cmocka_unit_test(a_probe_connects_and_sends_nothing),
                cmocka_unit_test(a_late_reply_is_never_taken_for_the_next_mails),
                cmocka_unit_test(a_kept_connection_that_died_costs_no_try),
                cmocka_unit_test(a_refusal_of_mail_on_a_kept_connection_is_asked_for_again_on_a_new_one),
                cmocka_unit_test(endless_replies_are_bounded),
                cmocka_unit_test(wrong_credentials_open_the_breaker),
                cmocka_unit_test(credentials_are_shown_once_and_accepted),
                cmocka_unit_test(nothing_is_sent_without_the_log_in_that_was_asked_for),
                cmocka_unit_test(a_token_of_a_file_logs_in_and_is_read_each_time),
                cmocka_unit_test(the_configured_name_is_said_in_ehlo),
                cmocka_unit_test(the_key_stands_in_the_header_that_the_service_takes_it_in),
                cmocka_unit_test(a_port_that_wants_the_other_kind_of_tls_is_hinted_at),
                cmocka_unit_test(a_server_without_starttls_gets_nothing_where_it_is_required),
                cmocka_unit_test(a_starttls_that_libcurl_does_not_read_is_told),
                cmocka_unit_test(nothing_is_sent_behind_the_fence),
                cmocka_unit_test(no_message_follows_when_the_fence_passes_before_it),
                cmocka_unit_test(an_invalid_mail_is_refused_without_a_connection),
                cmocka_unit_test(an_error_names_the_place_but_no_address),
                cmocka_unit_test(a_goodbye_does_not_hide_the_refusal_before_it),
                cmocka_unit_test(as_many_mails_as_the_capacity_run_at_once),
                cmocka_unit_test(closing_breaks_off_and_what_had_its_dot_is_ambiguous),
                cmocka_unit_test(closing_while_a_greeting_is_awaited_is_quick_and_transient),
                cmocka_unit_test(plaintext_to_another_machine_must_be_permitted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
