#include "core/mail/mail_date.h"
#include "core/mail/mail_request.h"
#include "core/mail/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct mail_request plain = {
        .key = KEY,
        .message_id = "<" KEY "@example.com>",
        .mail.from = "Shop <shop@example.com>",
        .mail.to = "ann@example.org",
        .mail.subject = "Order created: tea",
        .mail.text = "Order 42 was created.\n",
        .date_s = 1700000000,
};

static void expect(const struct mail_request *request, const char *transcript)
{
        struct buffer out = {0};
        assert_null(mail_request_problem(request));
        mime_add(&out, request);
        assert_string_equal(out.data, transcript);
        buffer_fini(&out);
}

#define TAIL                                                                                                 \
        "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"                                                          \
        "Message-ID: <" KEY "@example.com>\r\n"                                                              \
        "MIME-Version: 1.0\r\n"
#define TEXT_QP                                                                                              \
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
#define TEXT_B64 "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"

static void a_plain_mail_is_exactly_this(void **state)
{
        (void)state;
        expect(&plain, "From: Shop <shop@example.com>\r\n"
                       "To: ann@example.org\r\n"
                       "Subject: Order created: tea\r\n" TAIL TEXT_QP "Order 42 was created.\r\n");
}

static void text_and_html_become_an_alternative_with_a_boundary_of_the_key(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        mail.mail.reply_to = "\"Help, please\" <help@example.com>";
        mail.mail.html = "<p class=\"x\">Order</p>";
        expect(&mail, "From: Shop <shop@example.com>\r\n"
                      "To: ann@example.org\r\n"
                      "Reply-To: \"Help, please\" <help@example.com>\r\n"
                      "Subject: Order created: tea\r\n" TAIL "Content-Type: multipart/alternative;\r\n"
                      " boundary=\"=_0123456789abcdef0123456789abcdef\"\r\n"
                      "\r\n"
                      "--=_0123456789abcdef0123456789abcdef\r\n" TEXT_QP "Order 42 was created.\r\n\r\n"
                      "--=_0123456789abcdef0123456789abcdef\r\n"
                      "Content-Type: text/html; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: quoted-printable\r\n"
                      "\r\n"
                      "<p class=3D\"x\">Order</p>\r\n" /* the boundary's own: the html has no last line end */
                      "--=_0123456789abcdef0123456789abcdef--\r\n");
}

static void other_letters_become_encoded_words_and_quoted_printable(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        mail.mail.from = "J\xc3\xb6rgs Tee-Laden <shop@example.com>";
        mail.mail.subject = "Ihre Bestellung \xc3\xbc"
                            "ber Tee = sch\xc3\xb6n";
        mail.mail.text = "Sch\xc3\xb6n, dass Sie da sind.";
        expect(&mail, "From: =?utf-8?Q?J=C3=B6rgs_Tee-Laden?= <shop@example.com>\r\n"
                      "To: ann@example.org\r\n"
                      "Subject: =?utf-8?Q?Ihre_Bestellung_=C3=BCber_Tee_=3D_sch=C3=B6n?=\r\n" TAIL TEXT_QP
                      "Sch=C3=B6n, dass Sie da sind.\r\n");
}

static void far_alphabets_become_base64_in_words_that_cut_no_character(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        mail.mail.subject =
                "\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6"
                "\xe8\x8c\xb6"
                "\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6";
        mail.mail.text = "\xe8\x8c\xb6\n";
        expect(&mail, "From: Shop <shop@example.com>\r\n"
                      "To: ann@example.org\r\n"
                      "Subject: =?utf-8?B?6Iy26Iy26Iy26Iy26Iy26Iy26Iy26Iy26Iy26Iy26Iy26Iy26Iy2?=\r\n"
                      " =?utf-8?B?6Iy2?=\r\n" TAIL TEXT_B64 "6Iy2DQo=\r\n");
}

static void dots_from_lines_and_trailing_spaces_are_encoded(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        mail.mail.text = "a\n.\n..x\nFrom me\nend \n\ttab\t\n";
        expect(&mail, "From: Shop <shop@example.com>\r\n"
                      "To: ann@example.org\r\n"
                      "Subject: Order created: tea\r\n" TAIL TEXT_QP
                      "a\r\n=2E\r\n=2E.x\r\n=46rom me\r\nend=20\r\n\ttab=09\r\n");
}

static void any_line_end_becomes_crlf_and_the_last_line_gets_one(void **state)
{
        (void)state;
        static const char *const texts[] = {"a\nb", "a\rb\r", "a\r\nb\r\n", "a\nb\r"};
        for (size_t i = 0; i < 4; i++) {
                struct mail_request mail = plain;
                struct buffer out = {0};
                mail.mail.text = texts[i];
                mime_add(&out, &mail);
                assert_string_equal(strstr(out.data, "\r\n\r\n"), "\r\n\r\na\r\nb\r\n");
                buffer_fini(&out);
        }
}

static void expect_lines(const struct buffer *out, size_t max)
{
        const char *line = out->data;
        while (*line) {
                const char *end = strstr(line, "\r\n");
                assert_non_null(end);
                assert_null(memchr(line, '\n', (size_t)(end - line)));
                assert_null(memchr(line, '\r', (size_t)(end - line)));
                assert_true(line[0] != '.');
                if ((size_t)(end - line) > max && strncmp(line, "Message-ID:", 11) != 0)
                        fail_msg("%zu columns: %.*s", (size_t)(end - line), (int)(end - line), line);
                line = end + 2;
        }
}

static void no_line_is_over_78_columns_or_begins_with_a_dot(void **state)
{
        (void)state;
        static const char *const pieces[] = {"x",       ".", "=", "word and ", "\xc3\xbc", "a\xe8\x8c\xb6",
                                             "-longer-"};
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
                struct buffer text = {0};
                for (size_t i = 0; i < 300; i++) {
                        struct mail_request mail = plain;
                        struct buffer out = {0}, from = {0};
                        buffer_add_text(&text, pieces[p]);
                        buffer_printf(&from, "\"%s\" <a@example.com>", text.data);
                        mail.mail.text = mail.mail.html = text.data;
                        if (text.len <= 998)
                                mail.mail.subject = text.data;
                        mail.mail.from = mail.mail.reply_to = from.data;
                        assert_null(mail_request_problem(&mail));
                        mime_add(&out, &mail);
                        expect_lines(&out, 78);
                        buffer_fini(&out);
                        buffer_fini(&from);
                }
                buffer_fini(&text);
        }
}

static void a_long_plain_subject_is_folded_between_words(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        struct buffer out = {0};
        mail.mail.subject =
                "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen";
        mime_add(&out, &mail);
        assert_non_null(strstr(
                out.data, "\r\nSubject: one two three four five six seven eight nine ten eleven twelve\r\n"
                          " thirteen fourteen fifteen\r\nDate:"));
        buffer_fini(&out);
}

static void text_that_looks_like_an_encoded_word_is_encoded(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        struct buffer out = {0};
        mail.mail.subject = "=?utf-8?Q?x?=";
        mime_add(&out, &mail);
        assert_null(strstr(out.data, "Subject: =?utf-8?Q?x?="));
        buffer_fini(&out);
}

/* Every field takes every way to break out of a line; none may pass. */
/* Whatever the pieces it is taken in, the message is the same, and as long as it says. */
static void read_is(const struct mail_request *request, const char *expected)
{
        for (size_t piece = 1; piece < 5000; piece = piece * 7 + 1) {
                struct mime mime = {0};
                struct buffer out = {0};
                struct slice bytes;
                mime_begin(&mime, request);
                while (mime_pending(&mime, &bytes) && bytes.len) {
                        size_t len = bytes.len < piece ? bytes.len : piece;
                        buffer_add(&out, bytes.data, len);
                        mime_take(&mime, len);
                }
                assert_true(mime_is_over(&mime));
                assert_int_equal(mime.len, out.len);
                assert_string_equal(out.data, expected);
                buffer_fini(&out);
                mime_fini(&mime);
        }
}

static bool letters_read(const struct mail_file *file, int64_t at, char *out, size_t len)
{
        for (size_t i = 0; i < len; i++)
                out[i] = (char)('a' + (at + (int64_t)i) % 26);
        return file->fd == 7;
}

#define KEY32 "0123456789abcdef0123456789abcdef"

static void files_go_beside_the_text_and_inline_ones_beside_the_html(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        mail.mail.html = "<img src=\"cid:logo\">";
        mail.mail.attachments = (const struct attachment[]){{.name = "a \"b\".txt",
                                                             .type = "text/plain; charset=iso-8859-1",
                                                             .content = "one\r\ntwo\n",
                                                             .content_len = 9},
                                                            {.name = "logo.png",
                                                             .type = "image/png",
                                                             .url = "https://h/x",
                                                             .sha256 = KEY,
                                                             .inline_id = "logo"},
                                                            {.name = "empty", .content = ""},
                                                            {0}};
        const struct mail_file fetched[] = {{0}, {.len = 60, .read = letters_read, .fd = 7}, {0}};
        mail.fetched = fetched;
        struct buffer out = {0};
        assert_null(mail_request_problem(&mail));
        assert_true(mime_add(&out, &mail));
        read_is(&mail, out.data);
        assert_string_equal(out.data,
                            "From: Shop <shop@example.com>\r\n"
                            "To: ann@example.org\r\n"
                            "Subject: Order created: tea\r\n" TAIL "Content-Type: multipart/mixed;\r\n"
                            " boundary=\"=_m" KEY32 "\"\r\n"
                            "\r\n--=_m" KEY32 "\r\n"
                            "Content-Type: multipart/alternative;\r\n"
                            " boundary=\"=_" KEY32 "\"\r\n"
                            "\r\n--=_" KEY32 "\r\n" TEXT_QP "Order 42 was created.\r\n"
                            "\r\n--=_" KEY32 "\r\n"
                            "Content-Type: multipart/related; type=\"text/html\";\r\n"
                            " boundary=\"=_r" KEY32 "\"\r\n"
                            "\r\n--=_r" KEY32 "\r\n"
                            "Content-Type: text/html; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                            "<img src=3D\"cid:logo\">"
                            "\r\n--=_r" KEY32 "\r\n"
                            "Content-Type: image/png;\r\n name=\"logo.png\"\r\n"
                            "Content-Disposition: inline;\r\n filename=\"logo.png\"\r\n"
                            "Content-ID: <logo>\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n"
                            "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5emFiY2Rl\r\n"
                            "Zmdo\r\n" /* 60 letters */
                            "\r\n--=_r" KEY32 "--\r\n"
                            "\r\n--=_" KEY32 "--\r\n"
                            "\r\n--=_m" KEY32 "\r\n"
                            "Content-Type: text/plain; charset=iso-8859-1;\r\n name=\"a \\\"b\\\".txt\"\r\n"
                            "Content-Disposition: attachment;\r\n filename=\"a \\\"b\\\".txt\"\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n"
                            "b25lDQp0d28K\r\n"
                            "\r\n--=_m" KEY32 "\r\n"
                            "Content-Type: application/octet-stream;\r\n name=\"empty\"\r\n"
                            "Content-Disposition: attachment;\r\n filename=\"empty\"\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n"
                            "\r\n--=_m" KEY32 "--\r\n");
        buffer_fini(&out);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        struct buffer out = {0};
        mail.mail.attachments =
                (const struct attachment[]){{.name = "a", .url = "https://h/x", .sha256 = KEY}, {0}};
        assert_string_equal(mail_request_problem(&mail), "a file of the mail was not fetched");
        mail.fetched = (const struct mail_file[]){{.len = 60, .read = letters_read, .fd = 8}};
        assert_null(mail_request_problem(&mail));
        assert_false(mime_add(&out, &mail));
        buffer_fini(&out);
}

static void a_name_beyond_ascii_is_written_in_both_ways(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        struct buffer out = {0};
        mail.mail.attachments =
                (const struct attachment[]){{.name = "Gr\xc3\xb6\xc3\x9f"
                                                     "e.pdf",
                                             .content = ""},
                                            {.name = "\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6\xe8"
                                                     "\x8c\xb6\xe8\x8c\xb6\xe8\x8c\xb6.pdf",
                                             .content = ""},
                                            {0}};
        assert_null(mail_request_problem(&mail));
        mime_add(&out, &mail);
        assert_non_null(strstr(out.data, ";\r\n name=\"=?utf-8?B?R3LDtsOfZS5wZGY=?=\"\r\n"));
        assert_non_null(strstr(out.data, ";\r\n filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf\r\n"));
        assert_non_null(strstr(out.data,
                               ";\r\n filename*0*=utf-8''%E8%8C%B6%E8%8C%B6%E8%8C%B6%E8%8C%B6%E8%8C%B6;\r\n"
                               " filename*1*=%E8%8C%B6%E8%8C%B6.pdf\r\n"));
        buffer_fini(&out);
}

/* as browsers and mail libraries hand it on */
static void a_name_in_the_type_of_a_file_is_not_written_twice(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        struct buffer out = {0};
        mail.mail.attachments = (const struct attachment[]){
                {.name = "a.pdf", .type = "application/pdf; Name=b.pdf", .content = ""},
                {.name = "c.txt", .type = "text/plain; x=\"; name=d\"; filename=e", .content = ""},
                {0}};
        assert_null(mail_request_problem(&mail));
        mime_add(&out, &mail);
        assert_non_null(strstr(out.data, "Content-Type: application/pdf; Name=b.pdf\r\n"
                                         "Content-Disposition: attachment;\r\n filename=\"a.pdf\"\r\n"));
        assert_non_null(strstr(out.data, "; filename=e;\r\n name=\"c.txt\"\r\n"));
        buffer_fini(&out);
}

static void headers_are_written_where_a_mail_has_them(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        mail.mail.to = "\"Ada, L\" <ada@example.com>, J\xc3\xb6rg <joerg@example.com>, bob@example.com, "
                       "\"Somebody With A Longer Name\" <somebody@example.com>";
        mail.mail.cc = "c@d";
        mail.mail.bcc = "secret@example.com";
        mail.mail.in_reply_to = "<a@b>";
        mail.mail.references = (const char *const[]){"<a@b>", "<c@d>", NULL};
        mail.mail.list_unsubscribe = (struct list_unsubscribe){
                .url = "https://example.com/u", .mailto = "u@example.com", .one_click = true};
        mail.mail.headers =
                (const struct pair[]){{"X-Campaign", "7"}, {"X-Note", "\xc3\xbc"}, {"X-Two", "a  b"}, {0}};
        mail.mail.tags = (const char *const[]){"receipt", "b", NULL};
        mail.mail.metadata = (const struct pair[]){{"order", "42"}, {0}};
        expect(&mail, "From: Shop <shop@example.com>\r\n"
                      "To: \"Ada, L\" <ada@example.com>,\r\n"
                      " =?utf-8?B?SsO2cmc=?= <joerg@example.com>, bob@example.com,\r\n"
                      " Somebody With A Longer Name <somebody@example.com>\r\n"
                      "Cc: c@d\r\n"
                      "Subject: Order created: tea\r\n"
                      "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                      "Message-ID: <" KEY "@example.com>\r\n"
                      "In-Reply-To: <a@b>\r\n"
                      "References: <a@b> <c@d>\r\n"
                      "List-Unsubscribe: <mailto:u@example.com>, <https://example.com/u>\r\n"
                      "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                      "X-Campaign: 7\r\n"
                      "X-Note: =?utf-8?B?w7w=?=\r\n"
                      "X-Two: =?utf-8?Q?a__b?=\r\n"
                      "X-Tags: receipt, b\r\n"
                      "X-Metadata-order: 42\r\n"
                      "MIME-Version: 1.0\r\n" TEXT_QP "Order 42 was created.\r\n");
}

static void header_injection_is_refused_in_every_field(void **state)
{
        (void)state;
        static const char *const evil[] = {"\r\nBcc: x@y.z", "\nBcc: x@y.z", "\rBcc: x@y.z",
                                           "\r\n\r\nbody",   "\x7f",         "\x01",
                                           "\xff",           "\xc0\x8a",     "\xe0\x80\x8a"};
        for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
                for (size_t field = 0; field < 6; field++) {
                        for (size_t place = 0; place < 3; place++) {
                                struct mail_request mail = plain;
                                struct buffer value = {0};
                                mail.mail.reply_to = "Help <help@example.com>";
                                const char **fields[] = {&mail.key,           &mail.message_id,
                                                         &mail.mail.from,     &mail.mail.to,
                                                         &mail.mail.reply_to, &mail.mail.subject};
                                const char *good = *fields[field];
                                size_t at = place * strlen(good) / 2;
                                buffer_printf(&value, "%.*s%s%s", (int)at, good, evil[i], good + at);
                                *fields[field] = value.data;
                                if (!mail_request_problem(&mail))
                                        fail_msg("field %zu accepts %s", field, value.data);
                                buffer_fini(&value);
                        }
                }
        }
}

static void a_mail_without_a_body_or_with_a_broken_one_is_refused(void **state)
{
        (void)state;
        struct mail_request mail = plain;
        mail.mail.text = NULL;
        assert_non_null(mail_request_problem(&mail));
        mail.mail.html = "\xed\xa0\x80";
        assert_non_null(mail_request_problem(&mail));
        mail.mail.html = "<p>";
        assert_null(mail_request_problem(&mail));
}

static void dates_are_written_as_rfc_5322_asks(void **state)
{
        (void)state;
        static const struct {
                int64_t time_s;
                const char *text;
        } cases[] = {
                {-1, "Thu, 01 Jan 1970 00:00:00 +0000"},
                {951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
                {4107542399, "Sun, 28 Feb 2100 23:59:59 +0000"},
                {4107542400, "Mon, 01 Mar 2100 00:00:00 +0000"},
                {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct buffer out = {0};
                mail_date_add(&out, cases[i].time_s);
                assert_string_equal(out.data, cases[i].text);
                buffer_fini(&out);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_plain_mail_is_exactly_this),
                cmocka_unit_test(text_and_html_become_an_alternative_with_a_boundary_of_the_key),
                cmocka_unit_test(other_letters_become_encoded_words_and_quoted_printable),
                cmocka_unit_test(far_alphabets_become_base64_in_words_that_cut_no_character),
                cmocka_unit_test(dots_from_lines_and_trailing_spaces_are_encoded),
                cmocka_unit_test(any_line_end_becomes_crlf_and_the_last_line_gets_one),
                cmocka_unit_test(no_line_is_over_78_columns_or_begins_with_a_dot),
                cmocka_unit_test(a_long_plain_subject_is_folded_between_words),
                cmocka_unit_test(text_that_looks_like_an_encoded_word_is_encoded),
                cmocka_unit_test(files_go_beside_the_text_and_inline_ones_beside_the_html),
                cmocka_unit_test(a_file_that_cannot_be_read_is_told),
                cmocka_unit_test(a_name_beyond_ascii_is_written_in_both_ways),
                cmocka_unit_test(a_name_in_the_type_of_a_file_is_not_written_twice),
                cmocka_unit_test(headers_are_written_where_a_mail_has_them),
                cmocka_unit_test(header_injection_is_refused_in_every_field),
                cmocka_unit_test(a_mail_without_a_body_or_with_a_broken_one_is_refused),
                cmocka_unit_test(dates_are_written_as_rfc_5322_asks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
