#include "plan_text.h"

extern const struct handler email_send_v1;

static void a_mail_is_sent_as_given(void **state)
{
        (void)state;
        assert_plan(email_send_v1,
                    "{\"to\":\"ada@example.com\",\"subject\":\"Gr\xc3\xbc\xc3\x9f"
                    "e\",\"text\":\"One\\nTwo\",\"html\":\"<p>One\",\"reply_to\":\"r@example.com\"}",
                    "mail mail\n"
                    "  to: ada@example.com\n"
                    "  reply_to: r@example.com\n"
                    "  subject: Gr\xc3\xbc\xc3\x9f"
                    "e\n"
                    "  text:\n"
                    "    One\n"
                    "    Two\n"
                    "  html:\n"
                    "    <p>One\n");
}

static void html_and_reply_to_are_optional(void **state)
{
        (void)state;
        assert_plan(email_send_v1, "{\"to\":\"a@b.c\",\"subject\":\"S\",\"text\":\"T\",\"html\":null}",
                    "mail mail\n  to: a@b.c\n  subject: S\n  text:\n    T\n");
}

static void an_empty_subject_or_text_is_refused(void **state)
{
        (void)state;
        assert_bad_payload(email_send_v1, "{\"to\":\"a@b.c\",\"subject\":\"\",\"text\":\"T\"}",
                           "/subject: expected 1 to 200 characters");
        assert_bad_payload(email_send_v1, "{\"to\":\"a@b.c\",\"subject\":\"S\",\"text\":\"\"}",
                           "/text: expected 1 to 200000 characters");
}

static void a_header_cannot_be_smuggled(void **state)
{
        (void)state;
        assert_bad_payload(email_send_v1,
                           "{\"to\":\"a@b.c\\r\\nBcc: e@v.il\",\"subject\":\"S\",\"text\":\"T\"}",
                           "/to: expected an e-mail address");
        assert_bad_payload(email_send_v1, "{\"to\":\"a@b.c\",\"subject\":\"S\\nBcc: e@v.il\",\"text\":\"T\"}",
                           "/subject: expected one line without control characters");
        assert_bad_payload(email_send_v1,
                           "{\"to\":\"a@b.c\",\"subject\":\"S\",\"text\":\"T\",\"reply_to\":\"x\"}",
                           "/reply_to: expected an e-mail address");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mail_is_sent_as_given),
                cmocka_unit_test(html_and_reply_to_are_optional),
                cmocka_unit_test(an_empty_subject_or_text_is_refused),
                cmocka_unit_test(a_header_cannot_be_smuggled),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
