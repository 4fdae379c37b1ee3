#include "core/send/send_error.h"
#include "core/send/send_outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const int64_t now_s = 946684800; /* Sat, 01 Jan 2000 00:00:00 GMT */

static struct send_result of_http(int status, enum send_outcome conflict, const char *retry_after)
{
        return send_outcome_http(&(struct http_answer){.status = status,
                                                       .judged = status == 409,
                                                       .verdict = conflict,
                                                       .retry_after = slice_of(retry_after),
                                                       .retry_after_max_ms = 300000,
                                                       .now_s = now_s});
}

static void every_http_status_has_its_outcome(void **state)
{
        (void)state;
        static const struct {
                int from, to;
                enum send_outcome outcome;
                bool counts, opens;
        } cases[] = {
                {200, 299, SEND_DONE, false, false},      {300, 399, SEND_CONFIG, false, true},
                {400, 400, SEND_PERMANENT, false, false}, {401, 405, SEND_CONFIG, false, true},
                {406, 406, SEND_PERMANENT, false, false}, {407, 407, SEND_CONFIG, false, true},
                {408, 408, SEND_TRANSIENT, false, false}, {409, 409, SEND_AMBIGUOUS, true, false},
                {410, 424, SEND_PERMANENT, false, false}, {425, 425, SEND_TRANSIENT, false, false},
                {426, 428, SEND_PERMANENT, false, false}, {429, 429, SEND_TRANSIENT, false, false},
                {430, 499, SEND_PERMANENT, false, false}, {500, 502, SEND_AMBIGUOUS, true, false},
                {503, 503, SEND_TRANSIENT, true, false},  {504, 510, SEND_AMBIGUOUS, true, false},
                {511, 511, SEND_CONFIG, true, true},      {512, 599, SEND_AMBIGUOUS, true, false},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                for (int status = cases[i].from; status <= cases[i].to; status++) {
                        struct send_result r = of_http(status, SEND_AMBIGUOUS, NULL);
                        assert_int_equal(r.outcome, cases[i].outcome);
                        assert_int_equal(r.counts, cases[i].counts);
                        assert_int_equal(r.opens, cases[i].opens);
                        assert_int_equal(r.doubtful, cases[i].opens);
                        assert_int_equal(r.likeness != 0, r.outcome == SEND_PERMANENT);
                        assert_int_equal(r.status, status);
                        assert_int_equal(r.throttled, status == 429);
                        assert_int_equal(r.error[0] == '\0', status < 300);
                }
        }
}

static void what_is_left_until_when_is_read_of_the_answer(void **state)
{
        (void)state;
        static const struct {
                const char *left, *reset;
                int64_t wanted_left, wanted_ms;
        } cases[] = {
                {"3", "2", 3, 2000},
                {" 0", "1 ", 0, 1000},
                {"7", "946684860", 7, 60000}, /* a time since 1970, of SendGrid */
                {"7", "946684700", 7, 0},     /* ... which is over */
                {"7", "86400", 7, 300000},    /* bounded */
                {"7", NULL, 0, 0},
                {NULL, "7", 0, 0},
                {"many", "7", 0, 0},
                {"7", "soon", 0, 0},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                for (int status = 200; status <= 429; status += 229) {
                        struct http_answer answer = {.status = status,
                                                     .limit_left = slice_of(cases[i].left),
                                                     .limit_reset = slice_of(cases[i].reset),
                                                     .retry_after_max_ms = 300000,
                                                     .now_s = now_s};
                        struct send_result result = send_outcome_http(&answer);
                        assert_int_equal(result.limit_left, cases[i].wanted_left);
                        assert_int_equal(result.limit_reset_ms, cases[i].wanted_ms);
                }
}

static void a_conflict_is_what_the_preset_says_and_a_concurrent_one_does_not_count(void **state)
{
        (void)state;
        struct send_result r = of_http(409, SEND_TRANSIENT, NULL);
        assert_int_equal(r.outcome, SEND_TRANSIENT);
        assert_false(r.counts);
}

static void retry_after_is_read_as_seconds_or_date(void **state)
{
        (void)state;
        static const struct {
                const char *value;
                int64_t ms;
        } cases[] = {
                {"0", 0},
                {" 7 ", 7000},
                {"3600", 3600000},
                {"3601", 3601000},
                {"1000000000", 1000000000000},
                {"99999999999999999999999999999", (INT64_C(1) << 43) * 1000},
                {"Sat, 01 Jan 2000 00:01:00 GMT", 60000},
                {"Sat, 01 Jan 2000 02:00:00 GMT", 7200000},
                {"Fri, 31 Dec 1999 00:00:00 GMT", 0},
                /* RFC 9110 section 5.6.7: a recipient must take these two as well */
                {"Saturday, 01-Jan-00 00:01:00 GMT", 60000},
                {"Friday, 31-Dec-99 00:00:00 GMT", 0},
                {"Tuesday, 01-Jan-50 00:00:00 GMT", INT64_C(1577923200000)},
                {"Friday, 01-Jan-71 00:00:00 GMT", 0}, /* more than 50 years ahead: it was 1971 */
                {"Saturday, 1-Jan-00 00:01:00 GMT", -1},
                {"Saturday, 01-Jan-xx 00:01:00 GMT", -1},
                {"Sat Jan  1 00:01:00 2000", 60000},
                {"Sat Jan 15 00:01:00 2000", 1209660000},
                {"Sat Jan    00:01:00 2000", -1},
                {"Sat Jan 01 00:01:00 20x0", -1},
                {"Sat, 01 Jan 2000 00:01:00 CET", -1},
                {"Sat, 32 Jan 2000 00:01:00 GMT", -1},
                {"Wed, 30 Feb 2000 00:01:00 GMT", -1},
                {"-1", -1},
                {"1.5", -1},
                {"soon", -1},
                {"", -1},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                if (send_retry_after_ms(slice_of(cases[i].value), now_s) != cases[i].ms)
                        fail_msg("%s: %lld ms", cases[i].value,
                                 (long long)send_retry_after_ms(slice_of(cases[i].value), now_s));
        assert_int_equal(send_retry_after_ms((struct slice){0}, now_s), -1);
}

/* 1700000000 is a time, not a pause: all mail of a worker would wait until 2077. */
static void a_pause_beyond_the_limit_is_cut_and_told(void **state)
{
        (void)state;
        struct send_result r = of_http(429, SEND_AMBIGUOUS, "1700000000");
        assert_int_equal(r.retry_after_ms, 300000);
        assert_string_equal(r.error, "HTTP 429 (asks for a pause of 1700000000 s, is given 300 s: "
                                     "mail.retry_after_max)");
        r = of_http(429, SEND_AMBIGUOUS, "300");
        assert_int_equal(r.retry_after_ms, 300000);
        assert_string_equal(r.error, "HTTP 429");
}

static void a_success_without_the_promised_id_is_none(void **state)
{
        (void)state;
        struct http_answer answer = {.status = 200, .nameless = true, .retry_after_max_ms = 1000};
        struct send_result r = send_outcome_http(&answer);
        assert_int_equal(r.outcome, SEND_AMBIGUOUS);
        assert_string_equal(r.error, "HTTP 200 without the id of the mail");
        answer.foreign = true;
        r = send_outcome_http(&answer);
        assert_int_equal(r.outcome, SEND_CONFIG);
        assert_true(r.opens);
}

static void who_answers_html_is_not_the_service(void **state)
{
        (void)state;
        static const struct {
                const char *type, *body;
                bool foreign;
        } cases[] = {
                {"text/html; charset=utf-8", "", true},
                {"TEXT/HTML", "{}", true},
                {NULL, "\r\n <!doctype html>", true},
                {"application/xml", "<Error/>", true},
                {"text/plain", "Mailgun Magnificent API", true},
                {"text/plain", "{\"id\":\"1\"}", false},
                {"application/json", "{}", false},
                {"application/problem+json", "{}", false},
                {"application/json", "Forbidden", false},
                {NULL, "{}", false},
                {NULL, "", false},
                {"text/plain", "", false},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                assert_int_equal(http_answer_is_foreign(slice_of(cases[i].type), slice_of(cases[i].body)),
                                 cases[i].foreign);
}

static void a_foreign_refusal_is_of_the_settings_unless_it_is_of_the_size_or_the_pace(void **state)
{
        (void)state;
        static const struct {
                int status;
                enum send_outcome outcome;
        } cases[] = {{400, SEND_CONFIG},    {422, SEND_CONFIG},    {413, SEND_PERMANENT},
                     {429, SEND_TRANSIENT}, {503, SEND_TRANSIENT}, {502, SEND_AMBIGUOUS}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct http_answer answer = {.status = cases[i].status, .foreign = true};
                assert_int_equal(send_outcome_http(&answer).outcome, cases[i].outcome);
        }
}

static void refusals_are_alike_if_their_words_are(void **state)
{
        (void)state;
        struct send_result a = of_http(422, SEND_AMBIGUOUS, NULL), b = a, c = a;
        send_error_add(&a, SLICE_LITERAL("no quota left for ann@example.org, request 4f1c22aa"), NULL);
        send_error_add(&b, SLICE_LITERAL("no quota left for bob@example.org, request 99ab01"), NULL);
        send_error_add(&c, SLICE_LITERAL("the subject is missing"), NULL);
        assert_true(a.likeness == b.likeness);
        assert_true(a.likeness != c.likeness);
        b = of_http(400, SEND_AMBIGUOUS, NULL);
        send_error_add(&b, SLICE_LITERAL("no quota left for bob@example.org, request 99ab01"), NULL);
        assert_true(a.likeness != b.likeness);
}

static void a_named_wait_throttles_and_503_with_one_still_counts(void **state)
{
        (void)state;
        struct send_result r = of_http(503, SEND_AMBIGUOUS, "9");
        assert_true(r.throttled);
        assert_true(r.counts);
        assert_int_equal(r.retry_after_ms, 9000);
        r = of_http(500, SEND_AMBIGUOUS, "9");
        assert_false(r.throttled);
}

static void a_cut_is_ambiguous_only_after_the_request_was_sent(void **state)
{
        (void)state;
        struct send_result before = send_outcome_cut(false, "connection refused");
        struct send_result after = send_outcome_cut(true, "time-out");
        assert_int_equal(before.outcome, SEND_TRANSIENT);
        assert_int_equal(after.outcome, SEND_AMBIGUOUS);
        assert_true(before.counts && after.counts);
        assert_string_equal(before.error, "not sent: connection refused");
}

/* t transient, p permanent, c config; a capital counts against the breaker, config always opens it. */
static void the_36_cells_of_smtp(void **state)
{
        (void)state;
        static const int codes[] = {421, 450, 451, 452, 550, 554};
        static const struct {
                enum smtp_phase phase;
                const char *cells;
        } rows[] = {
                {SMTP_CONNECT, "TTTTCC"}, {SMTP_EHLO, "TTTTCC"}, {SMTP_MAIL, "TTTTCC"},
                {SMTP_RCPT, "Ttttpp"},    {SMTP_DATA, "TTTTpp"}, {SMTP_DOT, "TTTTpp"},
        };
        for (size_t row = 0; row < 6; row++) {
                for (size_t i = 0; i < 6; i++) {
                        struct smtp_reply reply = {.code = codes[i]};
                        struct send_result r = send_outcome_smtp(rows[row].phase, &reply);
                        char cell = "?tpc?"[r.outcome];
                        if (r.counts)
                                cell = (char)(cell - 'a' + 'A');
                        assert_int_equal(cell, rows[row].cells[i]);
                        assert_int_equal(r.opens, r.outcome == SEND_CONFIG);
                        assert_int_equal(r.status, codes[i]);
                }
        }
}

static enum send_outcome outcome_of(enum smtp_phase phase, const char *line)
{
        struct smtp_reply reply;
        bool last;
        assert_true(smtp_reply_parse(slice_of(line), &reply, &last));
        assert_true(last);
        return send_outcome_smtp(phase, &reply).outcome;
}

/* RFC 5321 section 4.2.1. */
static void the_first_digit_decides_and_the_enhanced_code_refines_within_its_class(void **state)
{
        (void)state;
        assert_int_equal(outcome_of(SMTP_RCPT, "450 5.1.1 no such user"), SEND_TRANSIENT);
        assert_int_equal(outcome_of(SMTP_RCPT, "451 5.7.1 Greylisting in action"), SEND_TRANSIENT);
        assert_int_equal(outcome_of(SMTP_RCPT, "552 4.2.2 mailbox full"), SEND_PERMANENT);
        assert_int_equal(outcome_of(SMTP_RCPT, "550 4 is no enhanced code"), SEND_PERMANENT);
        assert_int_equal(outcome_of(SMTP_RCPT, "550 5.4.5 Daily user sending limit exceeded"), SEND_CONFIG);
        assert_int_equal(outcome_of(SMTP_RCPT, "450 5.4.5 in the wrong class"), SEND_TRANSIENT);
}

/* Until a recipient is named, only the sender can be refused: but for the size that MAIL announces. */
static void a_refusal_at_mail_is_of_the_account(void **state)
{
        (void)state;
        assert_int_equal(outcome_of(SMTP_MAIL, "550 5.7.1 policy"), SEND_CONFIG);
        assert_int_equal(outcome_of(SMTP_MAIL, "553 sorry, your envelope sender is not allowed"),
                         SEND_CONFIG);
        assert_int_equal(outcome_of(SMTP_MAIL, "552 5.3.4 Message size exceeds fixed limit"), SEND_PERMANENT);
        assert_int_equal(outcome_of(SMTP_MAIL, "451 4.3.5 Server configuration problem"), SEND_TRANSIENT);
        assert_int_equal(outcome_of(SMTP_MAIL, "451 5.7.3 STARTTLS is required to send mail"), SEND_CONFIG);
}

static void the_log_in_is_meant_by_its_codes_only_in_reply_to_auth(void **state)
{
        (void)state;
        static const char *const lines[] = {
                "554 5.7.8 x", "554 5.7.9 Message not accepted for policy reasons", "554 5.7.11 x"};
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                assert_int_equal(outcome_of(SMTP_AUTH, lines[i]), SEND_CONFIG);
                assert_int_equal(outcome_of(SMTP_RCPT, lines[i]), SEND_PERMANENT);
                assert_int_equal(outcome_of(SMTP_DOT, lines[i]), SEND_PERMANENT);
        }
}

static struct send_result result_of(enum smtp_phase phase, const char *line)
{
        struct smtp_reply reply;
        bool last;
        assert_true(smtp_reply_parse(slice_of(line), &reply, &last));
        return send_outcome_smtp(phase, &reply);
}

static void too_many_connections_is_of_their_number(void **state)
{
        (void)state;
        assert_true(
                result_of(SMTP_CONNECT, "421 4.7.0 mx Error: too many connections from 192.0.2.1").crowded);
        assert_true(result_of(SMTP_CONNECT, "421 4.7.0 mx Error: too many connections").crowd_told);
        assert_true(result_of(SMTP_CONNECT, "450 come back").crowded);
        assert_false(result_of(SMTP_CONNECT, "450 come back").crowd_told);
        assert_true(result_of(SMTP_DOT, "432 4.3.2 Concurrent connections limit exceeded").crowded);
        assert_true(result_of(SMTP_MAIL, "421 Too many concurrent SMTP connections").crowded);
        assert_false(result_of(SMTP_CONNECT, "554 no").crowded);
        assert_false(result_of(SMTP_MAIL, "421 4.3.2 shutting down").crowded);
        assert_false(result_of(SMTP_RCPT, "550 too many connections").crowded);
}

static void too_fast_throttles_unless_it_is_for_one_mailbox(void **state)
{
        (void)state;
        assert_true(result_of(SMTP_DOT, "454 Throttling failure: Maximum sending rate exceeded.").throttled);
        assert_true(result_of(SMTP_MAIL, "450 4.7.1 Error: too much mail from 192.0.2.1").throttled);
        assert_false(result_of(SMTP_RCPT, "450 4.2.1 receiving mail at a rate that prevents more").throttled);
        assert_false(result_of(SMTP_RCPT, "450 4.7.1 Greylisted").throttled);
}

static void what_is_said_of_a_recipient_is_like_nothing_else(void **state)
{
        (void)state;
        assert_true(result_of(SMTP_RCPT, "550 5.1.1 no such user").likeness == 0);
        assert_true(result_of(SMTP_RCPT, "552 5.2.2 mailbox full").likeness == 0);
        assert_true(result_of(SMTP_RCPT, "550 unknown user").likeness == 0);
        assert_true(result_of(SMTP_RCPT, "450 later").likeness == 0);
        assert_true(result_of(SMTP_RCPT, "550 5.1.0 no").likeness == 0);
        assert_true(result_of(SMTP_RCPT, "550 5.5.0 no such user").likeness == 0);
        assert_true(result_of(SMTP_RCPT, "550 5.5.1 no user is logged in").likeness != 0);
        assert_true(result_of(SMTP_RCPT, "504 5.5.2 need fully-qualified hostname").likeness != 0);
        assert_true(result_of(SMTP_DOT, "554 5.7.1 Message rejected as spam").likeness != 0);
}

static void bad_credentials_are_our_settings_in_every_phase(void **state)
{
        (void)state;
        for (enum smtp_phase phase = SMTP_CONNECT; phase <= SMTP_DOT; phase++) {
                assert_int_equal(outcome_of(phase, "530 5.7.0 Must issue a STARTTLS command first"),
                                 SEND_CONFIG);
                assert_int_equal(outcome_of(phase, "535 wrong"), SEND_CONFIG);
        }
        assert_int_equal(outcome_of(SMTP_AUTH, "454 4.7.0 try later"), SEND_TRANSIENT);
}

static void only_a_2xx_to_the_message_is_sent_and_nonsense_there_is_ambiguous(void **state)
{
        (void)state;
        assert_int_equal(outcome_of(SMTP_DOT, "250 2.0.0 queued as X"), SEND_DONE);
        assert_int_equal(outcome_of(SMTP_RCPT, "250 ok"), SEND_TRANSIENT);
        assert_int_equal(outcome_of(SMTP_DOT, "354 go on"), SEND_AMBIGUOUS);
}

static void reply_lines_are_taken_apart(void **state)
{
        (void)state;
        struct smtp_reply reply;
        bool last;
        assert_true(smtp_reply_parse(SLICE_LITERAL("250-PIPELINING\r\n"), &reply, &last));
        assert_false(last);
        assert_true(smtp_reply_parse(SLICE_LITERAL("250\r\n"), &reply, &last));
        assert_true(last);
        assert_true(smtp_reply_parse(SLICE_LITERAL("550 5.1.1 gone\r\n"), &reply, &last));
        assert_int_equal(reply.enhanced * 100 + reply.enhanced_subject * 10 + reply.enhanced_detail, 511);
        assert_true(slice_is(reply.text, "5.1.1 gone"));
        assert_false(smtp_reply_parse(SLICE_LITERAL("25"), &reply, &last));
        assert_false(smtp_reply_parse(SLICE_LITERAL("2500 x"), &reply, &last));
        assert_false(smtp_reply_parse(SLICE_LITERAL("HTTP/1.1 200"), &reply, &last));
}

static void an_error_holds_no_address_no_secret_and_no_line_end(void **state)
{
        (void)state;
        struct send_result r = send_result_of(SEND_PERMANENT);
        send_error_set(&r, "SMTP 550",
                       SLICE_LITERAL("<bob@example.org>:\r\nno\x01 key s3cret,xs3crety \xff\r\n"), "s3cret");
        assert_string_equal(r.error, "SMTP 550: <<address>>:  no  key <secret>,x<secret>y ?");
}

static void an_error_is_bounded_without_cutting_a_character(void **state)
{
        (void)state;
        struct send_result r = send_result_of(SEND_PERMANENT);
        char text[4000];
        for (size_t i = 0; i + 1 < sizeof text; i += 2)
                memcpy(text + i, "\xc3\xbc", 2);
        send_error_set(&r, "x", (struct slice){.data = text, .len = sizeof text}, NULL);
        assert_int_equal(strlen(r.error), 255);
        send_error_set(&r, "xx", (struct slice){.data = text, .len = sizeof text}, NULL);
        assert_int_equal(strlen(r.error), 254);
}

static void the_words_of_outcomes_are_those_of_the_contract(void **state)
{
        (void)state;
        assert_string_equal(send_outcome_word(SEND_DONE), "sent");
        assert_string_equal(send_outcome_word(SEND_TRANSIENT), "transient");
        assert_string_equal(send_outcome_word(SEND_PERMANENT), "permanent");
        assert_string_equal(send_outcome_word(SEND_CONFIG), "config");
        assert_string_equal(send_outcome_word(SEND_AMBIGUOUS), "ambiguous");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_http_status_has_its_outcome),
                cmocka_unit_test(what_is_left_until_when_is_read_of_the_answer),
                cmocka_unit_test(a_conflict_is_what_the_preset_says_and_a_concurrent_one_does_not_count),
                cmocka_unit_test(retry_after_is_read_as_seconds_or_date),
                cmocka_unit_test(a_named_wait_throttles_and_503_with_one_still_counts),
                cmocka_unit_test(a_cut_is_ambiguous_only_after_the_request_was_sent),
                cmocka_unit_test(the_36_cells_of_smtp),
                cmocka_unit_test(the_first_digit_decides_and_the_enhanced_code_refines_within_its_class),
                cmocka_unit_test(a_refusal_at_mail_is_of_the_account),
                cmocka_unit_test(the_log_in_is_meant_by_its_codes_only_in_reply_to_auth),
                cmocka_unit_test(too_many_connections_is_of_their_number),
                cmocka_unit_test(too_fast_throttles_unless_it_is_for_one_mailbox),
                cmocka_unit_test(what_is_said_of_a_recipient_is_like_nothing_else),
                cmocka_unit_test(a_pause_beyond_the_limit_is_cut_and_told),
                cmocka_unit_test(a_success_without_the_promised_id_is_none),
                cmocka_unit_test(who_answers_html_is_not_the_service),
                cmocka_unit_test(a_foreign_refusal_is_of_the_settings_unless_it_is_of_the_size_or_the_pace),
                cmocka_unit_test(refusals_are_alike_if_their_words_are),
                cmocka_unit_test(bad_credentials_are_our_settings_in_every_phase),
                cmocka_unit_test(only_a_2xx_to_the_message_is_sent_and_nonsense_there_is_ambiguous),
                cmocka_unit_test(reply_lines_are_taken_apart),
                cmocka_unit_test(an_error_holds_no_address_no_secret_and_no_line_end),
                cmocka_unit_test(an_error_is_bounded_without_cutting_a_character),
                cmocka_unit_test(the_words_of_outcomes_are_those_of_the_contract),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
