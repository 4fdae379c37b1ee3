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

static void everything_that_a_mail_can_have_is_taken(void **state)
{
        (void)state;
        assert_plan(
                email_send_v1,
                "{\"to\":[\"Ada <a@b.c>\",{\"email\":\"g@b.c\",\"name\":\"Hopper, Grace\"}],"
                "\"cc\":{\"email\":\"c@b.c\"},\"bcc\":\"d@b.c\",\"reply_to\":[\"r@b.c\"],"
                "\"subject\":\"S\",\"html\":\"<p>H\",\"text\":null,"
                "\"headers\":{\"X-Campaign\":\"7\"},"
                "\"list_unsubscribe\":{\"url\":\"https://b.c/u\",\"mailto\":\"u@b.c\",\"one_click\":true},"
                "\"in_reply_to\":\"<1@b.c>\",\"references\":[\"<0@b.c>\",\"<1@b.c>\"],"
                "\"tags\":[\"receipt\"],\"metadata\":{\"order\":\"42\"},"
                "\"attachments\":[{\"name\":\"a.txt\",\"type\":\"text/plain\",\"content\":\"QQo=\"},"
                "{\"name\":\"l.png\",\"content\":\"\",\"inline_id\":\"logo\"}]}",
                "mail mail\n"
                "  to: Ada <a@b.c>, \"Hopper, Grace\" <g@b.c>\n"
                "  cc: c@b.c\n"
                "  bcc: d@b.c\n"
                "  reply_to: r@b.c\n"
                "  subject: S\n"
                "  in_reply_to: <1@b.c>\n"
                "  references: <0@b.c>\n"
                "  references: <1@b.c>\n"
                "  list_unsubscribe (one click): https://b.c/u\n"
                "  list_unsubscribe: u@b.c\n"
                "  header: X-Campaign: 7\n"
                "  tag: receipt\n"
                "  metadata: order: 42\n"
                "  attachment: a.txt, text/plain, 2 bytes\n"
                "  attachment: l.png, application/octet-stream, 0 bytes, inline as logo\n"
                "  html:\n"
                "    <p>H\n");
}

static void with_html_alone_a_text_is_made_of_it(void **state)
{
        (void)state;
        assert_plan(email_send_v1,
                    "{\"to\":\"a@b.c\",\"subject\":\"S\",\"html\":\"<p>One &amp; <a "
                    "href='https://b.c'>two</a>\"}",
                    "mail mail\n  to: a@b.c\n  subject: S\n  text:\n    One & two (https://b.c)\n"
                    "  html:\n    <p>One &amp; <a href='https://b.c'>two</a>\n");
        assert_plan(email_send_v1, "{\"to\":\"a@b.c\",\"subject\":\"S\",\"html\":\"<img>\"}",
                    "mail mail\n  to: a@b.c\n  subject: S\n  html:\n    <img>\n");
}

static void a_string_is_one_mailbox(void **state)
{
        (void)state;
        assert_bad_payload(email_send_v1, "{\"to\":\"a@b.c, d@e.f\",\"subject\":\"S\",\"text\":\"T\"}",
                           "/to: expected one mailbox, not a list");
}

static void a_list_of_nobody_is_none_where_nobody_is_needed(void **state)
{
        (void)state;
        assert_plan(
                email_send_v1,
                "{\"to\":\"a@b.c\",\"cc\":[],\"bcc\":[],\"reply_to\":[],\"subject\":\"S\",\"text\":\"T\"}",
                "mail mail\n  to: a@b.c\n  subject: S\n  text:\n    T\n");
        assert_bad_payload(email_send_v1, "{\"to\":[],\"subject\":\"S\",\"text\":\"T\"}",
                           "/to: expected 1 to 50 mailboxes");
}

static void a_member_that_is_misspelt_is_refused(void **state)
{
        (void)state;
        assert_bad_payload(email_send_v1,
                           "{\"to\":{\"email\":\"a@b.c\",\"nmae\":\"A\"},\"subject\":\"S\",\"text\":\"T\","
                           "\"atachments\":[]}",
                           "/to/nmae: unknown field; /atachments: unknown field; did you mean attachments?");
}

static void rules_between_fields_are_told_by_their_place(void **state)
{
        (void)state;
        assert_rejected(email_send_v1, "{\"to\":\"a@b.c\",\"subject\":\"S\",\"text\":null}",
                        "mail mail: /text: neither text nor html");
        assert_rejected(email_send_v1,
                        "{\"to\":\"a@b.c\",\"subject\":\"S\",\"text\":\"T\",\"headers\":{\"Bcc\":\"e@v.il\"},"
                        "\"attachments\":[{\"name\":\"../a\",\"url\":\"https://b.c/a\"}]}",
                        "mail mail: /headers/Bcc: leveret writes this header itself, or it carries trust; "
                        "/attachments/0/name: expected 1 to 255 characters that are no path; "
                        "/attachments/0/sha256: required with a url");
}

/* A form is filled in with empty strings. */
static void an_empty_string_is_as_good_as_none_where_none_is_allowed(void **state)
{
        (void)state;
        assert_plan(email_send_v1,
                    "{\"to\":\"a@b.c\",\"cc\":\"\",\"bcc\":\"\",\"reply_to\":\"\",\"subject\":\"S\",\"text\":"
                    "\"T\","
                    "\"html\":\"\"}",
                    "mail mail\n  to: a@b.c\n  subject: S\n  text:\n    T\n");
        assert_plan(email_send_v1, "{\"to\":\"a@b.c\",\"subject\":\"S\",\"text\":\"\",\"html\":\"<p>H\"}",
                    "mail mail\n  to: a@b.c\n  subject: S\n  text:\n    H\n  html:\n    <p>H\n");
        assert_rejected(email_send_v1, "{\"to\":\"a@b.c\",\"subject\":\"S\",\"text\":\"\",\"html\":\"\"}",
                        "mail mail: /text: neither text nor html");
        assert_bad_payload(email_send_v1,
                           "{\"to\":[\"a@b.c\",\"\"],\"cc\":[\"\"],\"subject\":\"\",\"text\":\"T\"}",
                           "/to/1: expected an e-mail address, or a name and <address>; "
                           "/cc/0: expected an e-mail address, or a name and <address>; "
                           "/subject: expected 1 to 200 characters");
        assert_bad_payload(email_send_v1, "{\"to\":\"\",\"subject\":\"S\",\"text\":\"T\"}",
                           "/to: expected an e-mail address, or a name and <address>");
}

static void an_empty_subject_is_refused(void **state)
{
        (void)state;
        assert_bad_payload(email_send_v1, "{\"to\":\"a@b.c\",\"subject\":\"\",\"text\":\"T\"}",
                           "/subject: expected 1 to 200 characters");
}

static void a_header_cannot_be_smuggled(void **state)
{
        (void)state;
        assert_bad_payload(email_send_v1,
                           "{\"to\":\"a@b.c\\r\\nBcc: e@v.il\",\"subject\":\"S\",\"text\":\"T\"}",
                           "/to: expected one line without control characters");
        assert_bad_payload(email_send_v1, "{\"to\":\"a@b.c\",\"subject\":\"S\\nBcc: e@v.il\",\"text\":\"T\"}",
                           "/subject: expected one line without control characters");
        assert_bad_payload(email_send_v1,
                           "{\"to\":\"a@b.c\",\"subject\":\"S\",\"text\":\"T\",\"reply_to\":\"x\"}",
                           "/reply_to: expected an e-mail address, or a name and <address>");
        assert_bad_payload(email_send_v1,
                           "{\"to\":{\"email\":\"a@b.c\",\"name\":\"A\\r\\nBcc: e@v.il\"},\"subject\":\"S\","
                           "\"text\":\"T\",\"headers\":{\"X-A\":\"1\\nBcc: e@v.il\"},"
                           "\"attachments\":[{\"name\":\"a\\nb\",\"content\":\"Q\"}]}",
                           "/to/name: expected one line without control characters; "
                           "/headers/X-A: expected one line without control characters; "
                           "/attachments/0/name: expected one line without control characters; "
                           "and 1 more");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mail_is_sent_as_given),
                cmocka_unit_test(html_and_reply_to_are_optional),
                cmocka_unit_test(everything_that_a_mail_can_have_is_taken),
                cmocka_unit_test(with_html_alone_a_text_is_made_of_it),
                cmocka_unit_test(a_string_is_one_mailbox),
                cmocka_unit_test(a_list_of_nobody_is_none_where_nobody_is_needed),
                cmocka_unit_test(a_member_that_is_misspelt_is_refused),
                cmocka_unit_test(rules_between_fields_are_told_by_their_place),
                cmocka_unit_test(an_empty_string_is_as_good_as_none_where_none_is_allowed),
                cmocka_unit_test(an_empty_subject_is_refused),
                cmocka_unit_test(a_header_cannot_be_smuggled),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
