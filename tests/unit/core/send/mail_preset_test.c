#include "core/send/mail_json.h"
#include "core/send/mail_preset.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct mail_request request = {
        .message_id = "<k@example.com>",
        .mail.from = "\"Shop \\\"A\\\"\" <shop@example.com>",
        .mail.to = "ann@example.org",
        .mail.reply_to = "help@example.com",
        .mail.subject = "T\xc3\xa9 \"x\"",
        .mail.text = "a\nb",
        .mail.html = "<p>",
};

static void expect_body(enum mail_preset preset, const char *json)
{
        struct buffer out = {0};
        mail_preset_rules(preset)->body(&out, &request);
        assert_string_equal(out.data, json);
        buffer_fini(&out);
}

static void resend_gets_its_json(void **state)
{
        (void)state;
        expect_body(MAIL_PRESET_RESEND,
                    "{\"from\":\"\\\"Shop \\\\\\\"A\\\\\\\"\\\" <shop@example.com>\","
                    "\"to\":[\"ann@example.org\"],\"subject\":\"T\xc3\xa9 \\\"x\\\"\","
                    "\"text\":\"a\\nb\",\"html\":\"<p>\",\"reply_to\":\"help@example.com\","
                    "\"headers\":{\"Message-ID\":\"<k@example.com>\"}}");
}

static void mailpit_gets_its_json(void **state)
{
        (void)state;
        expect_body(MAIL_PRESET_MAILPIT,
                    "{\"From\":{\"Email\":\"shop@example.com\",\"Name\":\"Shop \\\"A\\\"\"},"
                    "\"To\":[{\"Email\":\"ann@example.org\"}],\"Subject\":\"T\xc3\xa9 \\\"x\\\"\","
                    "\"Text\":\"a\\nb\",\"HTML\":\"<p>\",\"ReplyTo\":[{\"Email\":\"help@example.com\"}],"
                    "\"Headers\":{\"Message-ID\":\"<k@example.com>\"}}");
}

static void each_preset_shows_its_credentials_in_its_way(void **state)
{
        (void)state;
        struct buffer out = {0};
        preset_resend.authorization(&out, "re_1");
        assert_string_equal(out.data, "Bearer re_1");
        buffer_clear(&out);
        preset_mailpit.authorization(&out, "user:pass");
        assert_string_equal(out.data, "Basic dXNlcjpwYXNz");
        buffer_clear(&out);
        preset_mailpit.authorization(&out, NULL);
        assert_int_equal(out.len, 0);
        buffer_fini(&out);
}

static void a_concurrent_request_is_transient_and_another_payload_ambiguous(void **state)
{
        (void)state;
        const struct mail_preset_rules *resend = mail_preset_rules(MAIL_PRESET_RESEND);
        assert_int_equal(resend->conflict(SLICE_LITERAL("{\"name\":\"concurrent_idempotent_requests\"}")),
                         SEND_TRANSIENT);
        assert_int_equal(resend->conflict(SLICE_LITERAL("{\"name\":\"invalid_idempotent_request\"}")),
                         SEND_AMBIGUOUS);
        assert_int_equal(resend->conflict(SLICE_LITERAL("<html>")), SEND_AMBIGUOUS);
        assert_int_equal(resend->conflict((struct slice){0}), SEND_AMBIGUOUS);
}

static void a_member_is_found_in_the_outermost_object_only(void **state)
{
        (void)state;
        static const struct {
                const char *json, *value;
        } cases[] = {
                {"{\"id\":\"a-1\"}", "a-1"},
                {" { \"x\" : {\"id\":\"no\"}, \"y\":[\"id\"], \"id\" : \"yes\" , \"z", "yes"},
                {"{\"x\":\"\\\"id\\\":\",\"id\":\"q\\\"\"}", "q\\\""},
                {"{\"id\":17}", NULL},
                {"{\"id\":\"cut", NULL},
                {"{\"id\":\"cut\\", NULL},
                {"{\"id\":", NULL},
                {"{\"id\"", NULL},
                {"\"id\":\"x\"", NULL},
                {"[\"id\",\"x\"]", NULL},
                {"}}}}{\"id\":\"x\"}", "x"},
                {"", NULL},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct slice value;
                bool found = mail_json_find(slice_of(cases[i].json), "id", &value);
                assert_int_equal(found, cases[i].value != NULL);
                if (found)
                        assert_true(slice_is(value, cases[i].value));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(resend_gets_its_json),
                cmocka_unit_test(mailpit_gets_its_json),
                cmocka_unit_test(each_preset_shows_its_credentials_in_its_way),
                cmocka_unit_test(a_concurrent_request_is_transient_and_another_payload_ambiguous),
                cmocka_unit_test(a_member_is_found_in_the_outermost_object_only),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
