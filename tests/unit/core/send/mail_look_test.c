#include "core/send/mail_look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct mail_request mail = {
        .key = "k7", .message_id = "<k7@x.test>", .mail.to = "Ann <ann+x@example.org>"};

static struct config_outlet outlet_of(enum mail_preset preset)
{
        return (struct config_outlet){.kind = OUTLET_MAIL,
                                      .transport = TRANSPORT_HTTP,
                                      .http.preset = preset,
                                      .http.domain = "mg.x.test"};
}

static struct look_result judged(enum mail_preset preset, int status, const char *body)
{
        struct config_outlet outlet = outlet_of(preset);
        struct look_reply reply = {.status = status, .body = slice_of(body), .retry_after_max_ms = 300000};
        return mail_look_judge(&outlet, &mail, &reply);
}

static void a_mail_is_asked_for_by_what_its_tries_carry(void **state)
{
        (void)state;
        static const struct {
                enum mail_preset preset;
                const char *url;
        } cases[] = {
                {MAIL_PRESET_POSTMARK,
                 "https://api.postmarkapp.com/messages/outbound?count=1&offset=0&metadata_leveret=k7"},
                {MAIL_PRESET_MAILJET, "https://api.mailjet.com/v3/REST/message?Limit=1&CustomID=k7"},
                {MAIL_PRESET_MAILGUN,
                 "https://api.mailgun.net/v3/mg.x.test/events?limit=1&message-id=k7@x.test"},
                {MAIL_PRESET_MAILPIT, "/api/v1/search?limit=1&query=message-id%3Ak7@x.test"},
                {MAIL_PRESET_BREVO,
                 "https://api.brevo.com/v3/smtp/emails?limit=100&sort=desc&email=ann%2Bx@example.org"},
                {MAIL_PRESET_SENDGRID, "https://api.sendgrid.com/v3/"
                                       "messages?limit=1&query=unique_args%5B%27leveret%27%5D%3D%22k7%22"},
                {MAIL_PRESET_RESEND, NULL},
                {MAIL_PRESET_SES, NULL},
                {MAIL_PRESET_SPARKPOST, NULL},
                {MAIL_PRESET_CUSTOM, NULL},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct config_outlet outlet = outlet_of(cases[i].preset);
                struct buffer url = {0};
                assert_int_equal(mail_look_url(&url, &outlet, &mail), cases[i].url != NULL);
                assert_int_equal(mail_look_possible(&outlet), cases[i].url != NULL);
                if (cases[i].url)
                        assert_string_equal(url.data, cases[i].url);
                buffer_fini(&url);
        }
}

static void an_answer_counts_only_in_the_shape_that_is_documented(void **state)
{
        (void)state;
        static const struct {
                enum mail_preset preset;
                int status;
                const char *body;
                enum look_answer answer;
                const char *id;
        } cases[] = {
                {MAIL_PRESET_POSTMARK, 200,
                 "{\"TotalCount\":1,\"Messages\":[{\"MessageID\":\"m-1\",\"Metadata\":{\"leveret\":\"k7\"}}]"
                 "}",
                 LOOK_FOUND, "m-1"},
                /* its filter was not understood: these are somebody's mails */
                {MAIL_PRESET_POSTMARK, 200,
                 "{\"TotalCount\":812,\"Messages\":[{\"MessageID\":\"m-1\",\"Metadata\":{}}]}", LOOK_UNKNOWN,
                 ""},
                {MAIL_PRESET_POSTMARK, 200, "{\"TotalCount\":0,\"Messages\":[]}", LOOK_NOT_FOUND, ""},
                {MAIL_PRESET_POSTMARK, 200, "{\"TotalCount\":3,\"Messages\":[]}", LOOK_UNKNOWN, ""},
                {MAIL_PRESET_POSTMARK, 401, "{\"TotalCount\":0,\"Messages\":[]}", LOOK_UNKNOWN, ""},
                {MAIL_PRESET_POSTMARK, 204, "", LOOK_UNKNOWN, ""},
                {MAIL_PRESET_POSTMARK, 200, "", LOOK_UNKNOWN, ""},
                {MAIL_PRESET_POSTMARK, 200, "<html>", LOOK_UNKNOWN, ""},
                {MAIL_PRESET_POSTMARK, 200, "[]", LOOK_UNKNOWN, ""},
                {MAIL_PRESET_POSTMARK, 200, "{}", LOOK_UNKNOWN, ""},
                {MAIL_PRESET_POSTMARK, 200, "{\"TotalCount\":0,\"Messages\":[", LOOK_UNKNOWN, ""},
                {MAIL_PRESET_MAILJET, 200, "{\"Count\":1,\"Data\":[{\"ID\":288230}]}", LOOK_FOUND, "288230"},
                {MAIL_PRESET_MAILJET, 200, "{\"Count\":0,\"Data\":[]}", LOOK_NOT_FOUND, ""},
                {MAIL_PRESET_MAILPIT, 200, "{\"messages_count\":0,\"messages\":null}", LOOK_NOT_FOUND, ""},
                {MAIL_PRESET_MAILPIT, 200, "{\"messages_count\":0}", LOOK_NOT_FOUND, ""},
                {MAIL_PRESET_MAILPIT, 200,
                 "{\"messages_count\":2,\"messages\":[{\"ID\":\"a\",\"MessageID\":\"k7@x.test\"}]}",
                 LOOK_FOUND, "a"},
                {MAIL_PRESET_MAILGUN, 200,
                 "{\"items\":[{\"message\":{\"headers\":{\"message-id\":\"k7@x.test\"}}}]}", LOOK_FOUND,
                 "k7@x.test"},
                {MAIL_PRESET_MAILGUN, 200, "{\"items\":[]}", LOOK_NOT_FOUND, ""},
                {MAIL_PRESET_MAILGUN, 200,
                 "{\"items\":[{\"message\":{\"headers\":{\"message-id\":\"other@x.test\"}}}]}", LOOK_UNKNOWN,
                 ""},
                {MAIL_PRESET_MAILGUN, 200, "{\"items\":{}}", LOOK_UNKNOWN, ""},
                {MAIL_PRESET_BREVO, 200,
                 "{\"count\":2,\"transactionalEmails\":[{\"messageId\":\"b-0\",\"tags\":[\"k6\"]},"
                 "{\"messageId\":\"b-1\",\"tags\":[\"k7\"]}]}",
                 LOOK_FOUND, "b-1"},
                {MAIL_PRESET_BREVO, 200,
                 "{\"transactionalEmails\":[{\"messageId\":\"b-0\",\"tags\":[\"k6\"]}]}", LOOK_NOT_FOUND, ""},
                {MAIL_PRESET_SENDGRID, 200, "{\"messages\":[{\"msg_id\":\"s-1\"}]}", LOOK_FOUND, "s-1"},
                {MAIL_PRESET_SENDGRID, 200, "{\"messages\":[]}", LOOK_NOT_FOUND, ""},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct look_result result = judged(cases[i].preset, cases[i].status, cases[i].body);
                if (result.answer != cases[i].answer)
                        print_message("case %zu\n", i);
                assert_int_equal(result.answer, cases[i].answer);
                assert_string_equal(result.provider_id, cases[i].id ? cases[i].id : "");
                assert_int_equal(result.error[0] != 0, result.answer == LOOK_UNKNOWN);
        }
}

/* Whoever got more mails than an answer lists may have got this one too. */
static void a_list_that_may_go_on_proves_nothing(void **state)
{
        (void)state;
        for (int count = 99; count <= 100; count++) {
                struct buffer body = {0};
                buffer_add_text(&body, "{\"transactionalEmails\":[");
                for (int i = 0; i < count; i++)
                        buffer_printf(&body, "%s{\"messageId\":\"b-%d\",\"tags\":[\"o%d\"]}", i ? "," : "", i,
                                      i);
                buffer_add_text(&body, "]}");
                assert_int_equal(judged(MAIL_PRESET_BREVO, 200, body.data).answer,
                                 count < 100 ? LOOK_NOT_FOUND : LOOK_UNKNOWN);
                buffer_fini(&body);
        }
}

static void a_refusal_is_told_from_a_bad_day(void **state)
{
        (void)state;
        static const struct {
                int status;
                const char *body;
                bool refused;
        } cases[] = {
                {401, "{\"Message\":\"bad token\"}", true},
                {403, "", true},
                {404, "", true},
                {422, "", true},
                {408, "", false},
                {429, "", false},
                {500, "", false},
                {503, "", false},
                {302, "", true},
                {200, "ok", true},
                {200, "{}", false},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct look_result result = judged(MAIL_PRESET_POSTMARK, cases[i].status, cases[i].body);
                assert_int_equal(result.answer, LOOK_UNKNOWN);
                assert_int_equal(result.refused, cases[i].refused);
        }
        assert_string_equal(judged(MAIL_PRESET_POSTMARK, 401, "{\"Message\":\"bad token\"}").error,
                            "looked up: HTTP 401: bad token");
        struct look_result result = mail_look_unanswered("could not connect");
        assert_string_equal(result.error, "looked up: no answer: could not connect");
        assert_false(result.refused);
}

static void a_pause_is_kept_to_within_bounds(void **state)
{
        (void)state;
        struct config_outlet outlet = outlet_of(MAIL_PRESET_BREVO);
        struct look_reply reply = {.status = 429, .retry_after = slice_of("7"), .retry_after_max_ms = 300000};
        assert_int_equal(mail_look_judge(&outlet, &mail, &reply).retry_after_ms, 7000);
        reply.retry_after = slice_of("86400");
        assert_int_equal(mail_look_judge(&outlet, &mail, &reply).retry_after_ms, 300000);
        reply.retry_after = (struct slice){0};
        assert_int_equal(mail_look_judge(&outlet, &mail, &reply).retry_after_ms, -1);
}

static void the_default_is_to_ask_where_that_is_free(void **state)
{
        (void)state;
        static const struct {
                enum mail_preset preset;
                enum on_ambiguous unset;
        } cases[] = {
                {MAIL_PRESET_RESEND, ON_AMBIGUOUS_RESEND},   {MAIL_PRESET_POSTMARK, ON_AMBIGUOUS_LOOKUP},
                {MAIL_PRESET_SENDGRID, ON_AMBIGUOUS_RESEND}, {MAIL_PRESET_MAILGUN, ON_AMBIGUOUS_LOOKUP},
                {MAIL_PRESET_SES, ON_AMBIGUOUS_RESEND},      {MAIL_PRESET_BREVO, ON_AMBIGUOUS_LOOKUP},
                {MAIL_PRESET_MAILJET, ON_AMBIGUOUS_LOOKUP},  {MAIL_PRESET_SPARKPOST, ON_AMBIGUOUS_RESEND},
                {MAIL_PRESET_SCALEWAY, ON_AMBIGUOUS_RESEND}, {MAIL_PRESET_MAILPIT, ON_AMBIGUOUS_LOOKUP},
                {MAIL_PRESET_CUSTOM, ON_AMBIGUOUS_RESEND},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct config_outlet outlet = outlet_of(cases[i].preset);
                assert_int_equal(mail_look_policy(&outlet), cases[i].unset);
                outlet.has_on_ambiguous = true;
                outlet.on_ambiguous = ON_AMBIGUOUS_PARK;
                assert_int_equal(mail_look_policy(&outlet), ON_AMBIGUOUS_PARK);
                outlet.on_ambiguous = ON_AMBIGUOUS_LOOKUP;
                assert_int_equal(mail_look_policy(&outlet),
                                 mail_look_possible(&outlet) ? ON_AMBIGUOUS_LOOKUP : ON_AMBIGUOUS_RESEND);
                outlet.has_on_ambiguous = false;
                outlet.transport = TRANSPORT_SMTP;
                assert_int_equal(mail_look_policy(&outlet), ON_AMBIGUOUS_RESEND);
        }
}

static void the_trial_is_a_mail_as_any(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        struct config_outlet outlet = outlet_of(MAIL_PRESET_BREVO);
        struct buffer url = {0};
        outlet.from = "Shop <shop@example.com>";
        struct mail_request trial = mail_look_trial(&arena, &outlet);
        assert_true(mail_look_url(&url, &outlet, &trial));
        assert_non_null(strstr(url.data, "email=shop@example.com"));
        assert_int_equal(strlen(trial.key), 64);
        buffer_fini(&url);
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mail_is_asked_for_by_what_its_tries_carry),
                cmocka_unit_test(an_answer_counts_only_in_the_shape_that_is_documented),
                cmocka_unit_test(a_list_that_may_go_on_proves_nothing),
                cmocka_unit_test(a_refusal_is_told_from_a_bad_day),
                cmocka_unit_test(a_pause_is_kept_to_within_bounds),
                cmocka_unit_test(the_default_is_to_ask_where_that_is_free),
                cmocka_unit_test(the_trial_is_a_mail_as_any),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
