#include "core/plan/mail_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SHA256_OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const struct mail good = {.key = "k", .to = "a@b.c", .subject = "S", .text = "T", .html = "<p>"};

static void mistakes_are(const struct mail *mail, const char *expected)
{
        struct buffer out = {0};
        mail_mistakes_add(&out, mail);
        assert_string_equal(out.data ? out.data : "", expected);
        buffer_fini(&out);
}

static void a_mail_with_everything_breaks_no_rule(void **state)
{
        (void)state;
        struct mail mail = good;
        mail.from = "Shop <shop@b\xc3\xbc"
                    "cher.example>";
        mail.cc = "\"Ada, of L\" <ada@example.com>, bob@example.com";
        mail.bcc = "c@d";
        mail.reply_to = "a@b, c@d";
        mail.headers = (const struct pair[]){{"X-Campaign", "7"}, {"Precedence", "b\xc3\xbclk"}, {0}};
        mail.list_unsubscribe = (struct list_unsubscribe){.url = "https://example.com/u?id=1&x=y",
                                                          .mailto = "mailto:u@example.com?subject=off",
                                                          .one_click = true};
        mail.in_reply_to = "<a@b>";
        mail.references = (const char *const[]){"<a@b>", "<c@d>", NULL};
        mail.tags = (const char *const[]){"receipt", NULL};
        mail.metadata = (const struct pair[]){{"order", "42"}, {"note", ""}, {0}};
        mail.outlet = "fast";
        mail.attachments =
                (const struct attachment[]){{.name = "r\xc3\xa9sum\xc3\xa9.pdf",
                                             .type = "application/pdf",
                                             .content = "abc",
                                             .content_len = 3,
                                             .sha256 = SHA256_OF_ABC,
                                             .size = 3},
                                            {.name = "empty.txt", .content = ""},
                                            {.name = "a.ics",
                                             .type = "text/calendar; method=REQUEST; charset=\"utf-8\"",
                                             .content = "x",
                                             .content_len = 1},
                                            {.name = "logo.png",
                                             .url = "https://files.example.com/logo.png?x=1",
                                             .sha256 = SHA256_OF_ABC,
                                             .inline_id = "logo@1"},
                                            {0}};
        mistakes_are(&mail, "");
}

static void all_mistakes_are_named_with_their_places(void **state)
{
        (void)state;
        struct mail mail = {.from = "x", .to = "a@b, x", .cc = "", .reply_to = "x"};
        mistakes_are(&mail,
                     "/from: expected an e-mail address, or a name and <address>; /to: mailbox 2: expected "
                     "an e-mail "
                     "address, or a name and <address>; /cc: expected an e-mail address; /reply_to: expected "
                     "an e-mail "
                     "address, or a name and <address>; /subject: required; /text: neither text nor html");
}

static void recipients_are_at_most_50(void **state)
{
        (void)state;
        struct buffer to = {0};
        struct mail mail = good;
        for (int i = 0; i < 49; i++)
                buffer_printf(&to, "%sa%d@b.c", i ? "," : "", i);
        mail.to = to.data;
        mail.bcc = "x@y";
        mistakes_are(&mail, "");
        mail.cc = "z@y";
        mistakes_are(&mail, "/to: 51 recipients in to, cc and bcc; at most 50");
        buffer_fini(&to);
}

static void header_is(const char *name, const char *value, const char *expected)
{
        struct mail mail = good;
        const struct pair headers[] = {{name, value}, {0}};
        mail.headers = headers;
        mistakes_are(&mail, expected);
}

static void headers_that_leveret_writes_or_that_carry_trust_are_refused(void **state)
{
        static const char *const names[] = {
                "From",           "to",           "CC",           "Bcc",
                "Sender",         "Reply-To",     "Subject",      "date",
                "Message-Id",     "Mime-Version", "Content-Type", "content-disposition",
                "DKIM-Signature", "ARC-Seal",     "Received",     "Return-Path",
                "Resent-To",      "X-Leveret-To"};
        (void)state;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                char expected[200];
                snprintf(expected, sizeof(expected),
                         "/headers/%s: leveret writes this header itself, or it carries trust", names[i]);
                header_is(names[i], "x", expected);
        }
}

static void a_header_is_one_line_under_one_name(void **state)
{
        (void)state;
        static const char name[] = "/headers: the name of a header is 1 to 76 of [A-Za-z0-9_-]";
        static const char value[] = "/headers/X-A: expected one line of UTF-8 of 1 to 900 bytes";
        header_is("X-A:", "x", name);
        header_is("X A", "x", name);
        header_is("X-A\r\nBcc", "x", name);
        header_is("", "x", name);
        header_is(".X", "x", name);
        header_is("X-\xc3\xa4", "x", name);
        header_is("X-A", "a\r\nBcc: x@y", value);
        header_is("X-A", "a\nb", value);
        header_is("X-A",
                  "a\xe2\x80\xa8"
                  "b",
                  value);
        header_is("X-A", "\xff", value);
        header_is("X-A", "", value);
        header_is("X-A", NULL, value);
        struct mail mail = good;
        mail.headers = (const struct pair[]){{"X-A", "1"}, {"x-a", "2"}, {0}};
        mistakes_are(&mail, "/headers/x-a: given twice");
        mail.headers = (const struct pair[]){{"References", "<a@b>"}, {"list-unsubscribe", "x"}, {0}};
        mistakes_are(&mail, "");
        mail.references = (const char *const[]){"<a@b>", NULL};
        mail.list_unsubscribe.mailto = "a@b";
        mistakes_are(&mail, "/headers/References: a member of the mail writes this header; "
                            "/headers/list-unsubscribe: a member of the mail writes this header");
}

static void one_click_needs_https(void **state)
{
        (void)state;
        struct mail mail = good;
        mail.list_unsubscribe = (struct list_unsubscribe){.url = "http://example.com/u", .one_click = true};
        mistakes_are(&mail, "/list_unsubscribe/one_click: needs a url of https:// (RFC 8058)");
        mail.list_unsubscribe = (struct list_unsubscribe){.mailto = "a@b", .one_click = true};
        mistakes_are(&mail, "/list_unsubscribe/one_click: needs a url of https:// (RFC 8058)");
        mail.list_unsubscribe = (struct list_unsubscribe){.url = "https://a/>\r\n", .mailto = "mailto:<a@b>"};
        mistakes_are(&mail,
                     "/list_unsubscribe/url: expected an http:// or https:// URL of at most 800 bytes; "
                     "/list_unsubscribe/mailto: expected an e-mail address or mailto:");
}

static void ids_tags_and_metadata_are_bounded(void **state)
{
        (void)state;
        struct mail mail = good;
        mail.in_reply_to = "a@b";
        mail.references = (const char *const[]){"<a@b>", "<a@b>\r\nBcc: x", NULL};
        mail.tags = (const char *const[]){"a", "", NULL};
        mail.metadata = (const struct pair[]){{"a b", "x"}, {"a", "x\ny"}, {0}};
        mail.outlet = "Fast";
        mistakes_are(
                &mail,
                "/in_reply_to: expected a Message-ID, <id@host>; /references/1: expected a Message-ID, "
                "<id@host>; /tags/1: expected one line of UTF-8 of 1 to 128 bytes; /outlet: expected 1 to 64 "
                "of [a-z0-9._-]; /metadata: a name is 1 to 64 of [A-Za-z0-9_.-]; /metadata/a: expected one "
                "line of UTF-8 of at most 500 bytes");
}

static void file_is(struct attachment file, const char *expected)
{
        struct mail mail = good;
        const struct attachment files[] = {file, {0}};
        mail.attachments = files;
        mistakes_are(&mail, expected);
}

static void an_attachment_has_a_name_that_is_no_path(void **state)
{
        static const char *const names[] = {"",    ".", "..", "a/b", "..\\b", "a\r\nX: y", "a\xe2\x80\xa9",
                                            "\xff"};
        (void)state;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                file_is((struct attachment){.name = names[i], .content = ""},
                        "/attachments/0/name: expected 1 to 255 characters that are no path");
}

static void an_attachment_has_a_media_type(void **state)
{
        static const char *const types[] = {"",
                                            "text",
                                            "text/",
                                            "/plain",
                                            "text/plain;",
                                            "text/plain; a",
                                            "text/plain; a=",
                                            "text/plain; a=\"b",
                                            "text/plain\r\nX: y",
                                            "text/pl\xc3\xa4in",
                                            "text/plain x"};
        (void)state;
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
                file_is((struct attachment){.name = "a", .type = types[i], .content = ""},
                        "/attachments/0/type: expected a media type such as application/pdf");
        file_is((struct attachment){.name = "a", .type = "message/rfc822", .content = ""},
                "/attachments/0/type: multipart and message cannot be attached; say "
                "application/octet-stream");
}

static void an_attachment_is_content_or_a_url_with_its_hash(void **state)
{
        (void)state;
        file_is((struct attachment){.name = "a"}, "/attachments/0: expected either content or url");
        file_is((struct attachment){.name = "a", .url = "file:///etc/passwd"},
                "/attachments/0/url: expected an http:// or https:// URL of at most 2000 bytes; "
                "/attachments/0/sha256: required with a url");
        file_is((struct attachment){.name = "a", .url = "https://h/x\r\n", .sha256 = "abc", .size = -1},
                "/attachments/0/url: expected an http:// or https:// URL of at most 2000 bytes; "
                "/attachments/0/sha256: expected 64 hex digits; /attachments/0/size: expected a number of "
                "bytes");
        file_is(
                (struct attachment){
                        .name = "a", .content = "abd", .content_len = 3, .size = 4, .sha256 = SHA256_OF_ABC},
                "/attachments/0/size: the content has 3 bytes; /attachments/0/sha256: the content has "
                "another");
}

static void an_inline_file_needs_html_and_an_id_of_its_own(void **state)
{
        (void)state;
        struct mail mail = good;
        mail.html = NULL;
        mail.attachments = (const struct attachment[]){{.name = "a", .content = "", .inline_id = "a>b"},
                                                       {.name = "b", .content = "", .inline_id = "x"},
                                                       {.name = "c", .content = "", .inline_id = "x"},
                                                       {0}};
        mistakes_are(&mail, "/attachments/0/inline_id: expected 1 to 64 of [A-Za-z0-9._@-]; "
                            "/attachments/0/inline_id: there is no html to show it in; "
                            "/attachments/1/inline_id: there is no html to show it in; "
                            "/attachments/2/inline_id: given twice; "
                            "/attachments/2/inline_id: there is no html to show it in");
}

static void counts_and_sizes_are_bounded(void **state)
{
        (void)state;
        struct pair headers[32] = {0};
        struct attachment files[22] = {0};
        char names[31][8];
        struct mail mail = good;
        for (int i = 0; i < 31; i++) {
                snprintf(names[i], sizeof(names[i]), "X-%d", i);
                headers[i] = (struct pair){names[i], "x"};
        }
        for (int i = 0; i < 21; i++)
                files[i] = (struct attachment){.name = "a", .content = ""};
        mail.headers = headers;
        mail.attachments = files;
        mistakes_are(&mail, "/headers: over 30 headers; /attachments: over 20 files");
        char *large = malloc(MAIL_CONTENT_MAX + 1);
        assert_non_null(large);
        memset(large, 'x', MAIL_CONTENT_MAX + 1);
        file_is((struct attachment){.name = "a", .content = large, .content_len = MAIL_CONTENT_MAX}, "");
        file_is((struct attachment){.name = "a", .content = large, .content_len = MAIL_CONTENT_MAX + 1},
                "/attachments: over 4 MiB of content; name a url instead");
        free(large);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mail_with_everything_breaks_no_rule),
                cmocka_unit_test(all_mistakes_are_named_with_their_places),
                cmocka_unit_test(recipients_are_at_most_50),
                cmocka_unit_test(headers_that_leveret_writes_or_that_carry_trust_are_refused),
                cmocka_unit_test(a_header_is_one_line_under_one_name),
                cmocka_unit_test(one_click_needs_https),
                cmocka_unit_test(ids_tags_and_metadata_are_bounded),
                cmocka_unit_test(an_attachment_has_a_name_that_is_no_path),
                cmocka_unit_test(an_attachment_has_a_media_type),
                cmocka_unit_test(an_attachment_is_content_or_a_url_with_its_hash),
                cmocka_unit_test(an_inline_file_needs_html_and_an_id_of_its_own),
                cmocka_unit_test(counts_and_sizes_are_bounded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
