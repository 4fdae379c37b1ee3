#include "core/send/smtp_dialogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct mail_request mail = {
        .key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        .message_id = "<k@example.com>",
        .mail.from = "Shop <shop@example.com>",
        .mail.to = "ann@example.org",
        .mail.subject = "Hello",
        .mail.text = "Hello.\n.\n",
        .date_s = 1700000000,
};

static const struct smtp_extensions plain = {0}, all = {.size = true, .pipelining = true};

/* What is pending, and takes it as written. */
static const char *written(struct smtp_dialogue *dialogue)
{
        static char text[4096];
        struct slice pending = smtp_dialogue_pending(dialogue);
        assert_true(pending.len < sizeof text);
        memcpy(text, pending.data, pending.len);
        text[pending.len] = '\0';
        smtp_dialogue_wrote(dialogue, pending.len);
        return text;
}

static enum smtp_step hear(struct smtp_dialogue *dialogue, const char *text)
{
        struct slice bytes = slice_of(text);
        return smtp_dialogue_read(dialogue, &bytes);
}

static void each_command_waits_for_the_reply_to_the_last(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        smtp_dialogue_begin(&dialogue, plain, &mail);
        assert_string_equal(written(&dialogue), "MAIL FROM:<shop@example.com>\r\n");
        assert_string_equal(written(&dialogue), "");
        assert_int_equal(hear(&dialogue, "250 2.1.0 ok\r\n"), SMTP_STEP_WAIT);
        assert_string_equal(written(&dialogue), "RCPT TO:<ann@example.org>\r\n");
        assert_int_equal(hear(&dialogue, "251 will forward\r\n"), SMTP_STEP_WAIT);
        assert_string_equal(written(&dialogue), "DATA\r\n");
        assert_int_equal(hear(&dialogue, "354 go on\r\n"), SMTP_STEP_MESSAGE);
        assert_string_equal(written(&dialogue), "");
        smtp_dialogue_message(&dialogue);
        assert_int_equal(dialogue.phase, SMTP_DATA);
        const char *message = written(&dialogue);
        assert_non_null(strstr(message, "Hello.\r\n=2E\r\n.\r\n"));
        assert_int_equal(dialogue.phase, SMTP_DOT);
        assert_int_equal(hear(&dialogue, "250 2.0.0 queued as X7\r\n"), SMTP_STEP_ENDED);
        struct send_result result = smtp_dialogue_result(&dialogue);
        assert_int_equal(result.outcome, SEND_DONE);
        assert_string_equal(result.provider_id, "2.0.0 queued as X7");
        smtp_dialogue_fini(&dialogue);
}

static void commands_go_together_where_the_server_allows(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        smtp_dialogue_begin(&dialogue, all, &mail);
        const char *commands = written(&dialogue);
        assert_non_null(strstr(commands, "MAIL FROM:<shop@example.com> SIZE="));
        assert_non_null(strstr(commands, "\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n"));
        assert_int_equal(hear(&dialogue, "250 ok\r\n250-2.1.5 one\r\n250 two\r\n354 go on\r\n"),
                         SMTP_STEP_MESSAGE);
        assert_string_equal(written(&dialogue), "");
        smtp_dialogue_fini(&dialogue);
}

static void the_announced_size_is_that_of_the_message_without_its_dot(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        smtp_dialogue_begin(&dialogue, all, &mail);
        size_t size = strtoul(strstr(written(&dialogue), "SIZE=") + 5, NULL, 10);
        hear(&dialogue, "250 ok\r\n250 ok\r\n354 go\r\n");
        smtp_dialogue_message(&dialogue);
        assert_int_equal(smtp_dialogue_pending(&dialogue).len, size + 3);
        smtp_dialogue_fini(&dialogue);
}

static void no_memory_of_a_large_mail_is_kept(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        struct mail_request large = mail;
        char *text = calloc(1, 1 << 20);
        assert_non_null(text);
        memset(text, 'x', (1 << 20) - 1);
        large.mail.text = text;
        smtp_dialogue_begin(&dialogue, plain, &large);
        assert_true(dialogue.message.text.capacity > 1 << 20);
        smtp_dialogue_end(&dialogue);
        assert_int_equal(dialogue.message.text.capacity, 0);
        smtp_dialogue_begin(&dialogue, plain, &mail);
        size_t small = dialogue.message.text.capacity;
        smtp_dialogue_end(&dialogue);
        assert_int_equal(dialogue.message.text.capacity, small);
        smtp_dialogue_fini(&dialogue);
        free(text);
}

/* Two mails on one connection, every reply a byte at a time. */
static void replies_may_come_in_any_pieces_and_mails_after_each_other(void **state)
{
        (void)state;
        static const char replies[] = "250 ok\r\n250 ok\r\n354-more\r\n354 go\r\n";
        struct smtp_dialogue dialogue = {0};
        for (int mails = 0; mails < 2; mails++) {
                smtp_dialogue_begin(&dialogue, all, &mail);
                written(&dialogue);
                enum smtp_step step = SMTP_STEP_WAIT;
                for (const char *c = replies; *c; c++) {
                        assert_int_equal(step, SMTP_STEP_WAIT);
                        struct slice byte = {.data = c, .len = 1};
                        step = smtp_dialogue_read(&dialogue, &byte);
                        assert_int_equal(byte.len, 0);
                }
                assert_int_equal(step, SMTP_STEP_MESSAGE);
                smtp_dialogue_message(&dialogue);
                written(&dialogue);
                assert_int_equal(hear(&dialogue, "250"), SMTP_STEP_WAIT);
                assert_int_equal(hear(&dialogue, "\n"), SMTP_STEP_ENDED);
                assert_int_equal(smtp_dialogue_result(&dialogue).outcome, SEND_DONE);
        }
        smtp_dialogue_fini(&dialogue);
}

static void what_follows_the_last_reply_is_left(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        struct slice bytes = SLICE_LITERAL("250 ok\r\n550 5.1.1 no\r\n503 nor this\r\n");
        smtp_dialogue_begin(&dialogue, all, &mail);
        written(&dialogue);
        assert_int_equal(smtp_dialogue_read(&dialogue, &bytes), SMTP_STEP_ENDED);
        assert_true(slice_is(bytes, "503 nor this\r\n"));
        assert_int_equal(smtp_dialogue_result(&dialogue).outcome, SEND_PERMANENT);
        smtp_dialogue_fini(&dialogue);
}

/* Wherever it is lost: ambiguous from the moment the last byte may have left, and not a byte before. */
static void a_cut_is_ambiguous_once_the_last_byte_has_left(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        smtp_dialogue_begin(&dialogue, all, &mail);
        assert_int_equal(smtp_dialogue_cut(&dialogue, "gone").outcome, SEND_TRANSIENT);
        written(&dialogue);
        hear(&dialogue, "250 ok\r\n250 ok\r\n354 go\r\n");
        assert_int_equal(smtp_dialogue_cut(&dialogue, "gone").outcome, SEND_TRANSIENT);
        smtp_dialogue_message(&dialogue);
        size_t len = smtp_dialogue_pending(&dialogue).len;
        smtp_dialogue_wrote(&dialogue, len - 1);
        assert_int_equal(smtp_dialogue_pending(&dialogue).len, 1);
        assert_int_equal(smtp_dialogue_cut(&dialogue, "gone").outcome, SEND_TRANSIENT);
        smtp_dialogue_wrote(&dialogue, 1);
        struct send_result result = smtp_dialogue_cut(&dialogue, "gone");
        assert_int_equal(result.outcome, SEND_AMBIGUOUS);
        assert_string_equal(result.error, "no answer after it was sent: gone at end of data");
        smtp_dialogue_fini(&dialogue);
}

/* A server that says yes before it has the message has not accepted it. */
static void no_reply_before_the_dot_is_an_acceptance(void **state)
{
        (void)state;
        static const struct {
                const char *reply;
                enum send_outcome outcome;
        } cases[] = {{"250 ok\r\n", SEND_TRANSIENT},
                     {"354 again\r\n", SEND_TRANSIENT},
                     {"452 full\r\n", SEND_TRANSIENT},
                     {"552 too large\r\n", SEND_PERMANENT}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                for (int begun = 0; begun < 2; begun++) {
                        struct smtp_dialogue dialogue = {0};
                        smtp_dialogue_begin(&dialogue, all, &mail);
                        written(&dialogue);
                        hear(&dialogue, begun ? "250 ok\r\n250 ok\r\n354 go\r\n" : "250 ok\r\n250 ok\r\n");
                        if (begun) {
                                smtp_dialogue_message(&dialogue);
                                smtp_dialogue_wrote(&dialogue, 10);
                        } else if (i == 1) { /* what is wanted there */
                                smtp_dialogue_fini(&dialogue);
                                continue;
                        }
                        assert_int_equal(hear(&dialogue, cases[i].reply), SMTP_STEP_ENDED);
                        assert_int_equal(smtp_dialogue_result(&dialogue).outcome, cases[i].outcome);
                        smtp_dialogue_fini(&dialogue);
                }
        }
}

static void endless_replies_are_cut(void **state)
{
        (void)state;
        static const char *const pieces[] = {"no end of it ", "250-and more\r\n", "this is no reply\r\n"};
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
                struct smtp_dialogue dialogue = {0};
                size_t bytes = 0;
                smtp_dialogue_begin(&dialogue, plain, &mail);
                while (hear(&dialogue, pieces[i]) == SMTP_STEP_WAIT) {
                        bytes += strlen(pieces[i]);
                        assert_true(bytes <= SMTP_REPLIES_MAX + SMTP_LINE_KEPT);
                }
                assert_true(bytes >= SMTP_REPLIES_MAX - 64);
                smtp_dialogue_fini(&dialogue);
        }
}

static void a_mail_is_untouched_until_something_is_accepted_of_it(void **state)
{
        (void)state;
        static const struct {
                const char *replies;
                bool untouched;
        } cases[] = {{"", true},
                     {"421 4.4.2 idle for too long\r\n", true},
                     {"250 ok\r\n421 not now\r\n", true},
                     {"250 ok\r\n", false},
                     {"451 idle for too long\r\n", true},
                     {"250 ok\r\n451 later\r\n", false},
                     {"250 ok\r\n250 ok\r\n421 no\r\n", false}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct smtp_dialogue dialogue = {0};
                smtp_dialogue_begin(&dialogue, plain, &mail);
                struct slice bytes = slice_of(cases[i].replies);
                while (bytes.len && smtp_dialogue_read(&dialogue, &bytes) == SMTP_STEP_WAIT)
                        continue;
                if (smtp_dialogue_untouched(&dialogue) != cases[i].untouched)
                        fail_msg("%s", cases[i].replies);
                smtp_dialogue_fini(&dialogue);
        }
}

/* What the mail came to, and whether another one can follow on the connection. */
static enum send_outcome taken_back(struct smtp_extensions extensions, const char *replies, const char *more,
                                    bool *clean)
{
        struct smtp_dialogue dialogue = {0};
        smtp_dialogue_begin(&dialogue, extensions, &mail);
        struct slice bytes = slice_of(replies);
        enum smtp_step step = SMTP_STEP_WAIT;
        while (step == SMTP_STEP_WAIT) {
                const char *end = memchr(bytes.data, '\n', bytes.len);
                struct slice line = {.data = bytes.data, .len = (size_t)(end + 1 - bytes.data)};
                bytes = (struct slice){.data = end + 1, .len = bytes.len - line.len};
                written(&dialogue);
                step = smtp_dialogue_read(&dialogue, &line);
                if (step != SMTP_STEP_MESSAGE)
                        continue;
                smtp_dialogue_message(&dialogue);
                step = SMTP_STEP_WAIT;
        }
        enum send_outcome outcome = smtp_dialogue_result(&dialogue).outcome;
        bool begun = smtp_dialogue_reset(&dialogue);
        if (begun) {
                assert_string_equal(written(&dialogue), "RSET\r\n");
                assert_false(smtp_dialogue_is_clean(&dialogue));
                assert_false(smtp_dialogue_untouched(&dialogue));
                hear(&dialogue, more);
                assert_false(smtp_dialogue_reset(&dialogue));
        }
        *clean = smtp_dialogue_is_clean(&dialogue);
        assert_int_equal(smtp_dialogue_result(&dialogue).outcome, outcome);
        if (begun)
                assert_int_equal(smtp_dialogue_cut(&dialogue, "gone").outcome, outcome);
        smtp_dialogue_fini(&dialogue);
        return outcome;
}

static void a_refused_mail_is_taken_back_and_the_next_one_can_follow(void **state)
{
        (void)state;
        static const struct {
                bool together;
                const char *replies, *more;
                enum send_outcome outcome;
                bool clean;
        } cases[] = {
                {false, "550 5.7.1 no\r\n", "250 ok\r\n", SEND_CONFIG, true},
                {false, "250 ok\r\n550 5.1.1 no\r\n", "250 ok\r\n", SEND_PERMANENT, true},
                {false, "250 ok\r\n450 4.2.0 later\r\n", "250-all\r\n250 ok\r\n", SEND_TRANSIENT, true},
                {false, "250 ok\r\n250 ok\r\n554 no\r\n", "250 ok\r\n", SEND_PERMANENT, true},
                {false, "250 ok\r\n250 ok\r\n354 go\r\n550 spam\r\n", "250 ok\r\n", SEND_PERMANENT, true},
                /* what went along is answered first */
                {true, "550 no\r\n", "503 what?\r\n503 what?\r\n250 ok\r\n", SEND_CONFIG, true},
                {true, "250 ok\r\n550 5.1.1 no\r\n", "554 nobody\r\n250 ok\r\n", SEND_PERMANENT, true},
                {true, "250 ok\r\n550 5.1.1 no\r\n", "250 ok\r\n", SEND_PERMANENT, false},
                /* DATA was taken though nobody gets it: there is no way back */
                {true, "250 ok\r\n550 5.1.1 no\r\n", "354 go\r\n", SEND_PERMANENT, false},
                /* it does not go on */
                {false, "250 ok\r\n550 5.1.1 no\r\n", "421 enough\r\n", SEND_PERMANENT, false},
                {false, "250 ok\r\n550 5.1.1 no\r\n", "221 bye\r\n", SEND_PERMANENT, false},
                {false, "250 ok\r\n550 5.1.1 no\r\n", "502 what?\r\n", SEND_PERMANENT, false},
                {false, "421 4.3.2 bye\r\n", "", SEND_TRANSIENT, false},
                {false, "250 ok\r\n250 ok\r\n354 go\r\n350 hm\r\n", "", SEND_AMBIGUOUS, false},
                {false, "250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n", "", SEND_DONE, false},
                {false, "250 ok\r\n250 ok\r\n250 what?\r\n", "", SEND_TRANSIENT, false},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                bool clean;
                enum send_outcome outcome =
                        taken_back(cases[i].together ? all : plain, cases[i].replies, cases[i].more, &clean);
                if (outcome != cases[i].outcome || clean != cases[i].clean)
                        fail_msg("case %zu: outcome %d, clean %d", i, (int)outcome, clean);
        }
}

static void a_message_that_is_half_written_cannot_be_taken_back(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        smtp_dialogue_begin(&dialogue, plain, &mail);
        for (int i = 0; i < 3; i++) {
                written(&dialogue);
                hear(&dialogue, i < 2 ? "250 ok\r\n" : "354 go\r\n");
        }
        smtp_dialogue_message(&dialogue);
        smtp_dialogue_pending(&dialogue);
        smtp_dialogue_wrote(&dialogue, 10);
        assert_int_equal(hear(&dialogue, "552 5.3.4 too large\r\n"), SMTP_STEP_ENDED);
        assert_false(smtp_dialogue_reset(&dialogue));
        smtp_dialogue_fini(&dialogue);
}

static const char three[] = "ann@example.org, bob@example.org, ann@example.org";

static struct mail_request to_three(void)
{
        struct mail_request request = mail;
        request.mail.to = three;
        request.mail.bcc = "Cid <cid@example.org>, bob@example.org";
        return request;
}

/* The mail to ann, bob and cid; each is answered so. */
static struct send_result answered(struct smtp_dialogue *dialogue, bool last_try, bool together,
                                   const char *replies)
{
        struct mail_request request = to_three();
        request.last_try = last_try;
        assert_int_equal(smtp_dialogue_begin(dialogue, together ? all : plain, &request), SMTP_STEP_WAIT);
        struct slice bytes = slice_of(replies);
        enum smtp_step step = SMTP_STEP_WAIT;
        while (step == SMTP_STEP_WAIT && bytes.len) {
                const char *commands = written(dialogue);
                assert_null(together && dialogue->phase < SMTP_DATA ? strstr(commands, "DATA") : NULL);
                const char *end = memchr(bytes.data, '\n', bytes.len);
                struct slice line = {.data = bytes.data, .len = (size_t)(end + 1 - bytes.data)};
                bytes = (struct slice){.data = end + 1, .len = bytes.len - line.len};
                step = smtp_dialogue_read(dialogue, &line);
        }
        if (step != SMTP_STEP_MESSAGE) {
                assert_int_equal(step, SMTP_STEP_ENDED);
                return smtp_dialogue_result(dialogue);
        }
        smtp_dialogue_message(dialogue);
        written(dialogue);
        assert_int_equal(hear(dialogue, "250 queued\r\n"), SMTP_STEP_ENDED);
        return smtp_dialogue_result(dialogue);
}

static void each_recipient_is_asked_once(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        struct mail_request request = to_three();
        smtp_dialogue_begin(&dialogue, all, &request);
        assert_non_null(strstr(written(&dialogue),
                               "\r\nRCPT TO:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n"
                               "RCPT TO:<cid@example.org>\r\n"));
        smtp_dialogue_begin(&dialogue, plain, &request);
        assert_string_equal(written(&dialogue), "MAIL FROM:<shop@example.com>\r\n");
        hear(&dialogue, "250 ok\r\n");
        assert_string_equal(written(&dialogue), "RCPT TO:<ann@example.org>\r\n");
        hear(&dialogue, "250 ok\r\n");
        assert_string_equal(written(&dialogue), "RCPT TO:<bob@example.org>\r\n");
        hear(&dialogue, "550 5.1.1 no\r\n");
        assert_string_equal(written(&dialogue), "RCPT TO:<cid@example.org>\r\n");
        hear(&dialogue, "250 ok\r\n");
        assert_string_equal(written(&dialogue), "DATA\r\n");
        smtp_dialogue_fini(&dialogue);
}

static void the_refusals_of_recipients_decide(void **state)
{
        (void)state;
        static const struct {
                const char *replies;
                bool last_try;
                enum send_outcome outcome;
                size_t refused;
        } cases[] = {
                {"250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", false, SEND_DONE, 0},
                /* some for good: the mail goes to the others */
                {"250 ok\r\n550 5.1.1 no\r\n250 ok\r\n250 ok\r\n354 go\r\n", false, SEND_DONE, 1},
                {"250 ok\r\n550 5.1.1 no\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n", false, SEND_DONE, 2},
                /* all of them */
                {"250 ok\r\n550 5.1.1 no\r\n553 no\r\n550 5.1.1 no\r\n", false, SEND_PERMANENT, 0},
                {"250 ok\r\n550 5.1.1 no\r\n451 4.7.1 later\r\n550 5.1.1 no\r\n", false, SEND_TRANSIENT, 0},
                {"250 ok\r\n550 5.1.1 no\r\n451 4.7.1 later\r\n550 5.1.1 no\r\n", true, SEND_TRANSIENT, 0},
                /* one for now: nobody gets it yet */
                {"250 ok\r\n250 ok\r\n451 4.7.1 later\r\n250 ok\r\n", false, SEND_TRANSIENT, 0},
                {"250 ok\r\n250 ok\r\n451 4.7.1 later\r\n550 5.1.1 no\r\n", false, SEND_TRANSIENT, 0},
                /* but on the last try, for good */
                {"250 ok\r\n250 ok\r\n451 4.7.1 later\r\n550 5.1.1 no\r\n354 go\r\n", true, SEND_DONE, 2},
                /* a farewell ends it at once */
                {"250 ok\r\n250 ok\r\n421 4.3.2 bye\r\n", true, SEND_TRANSIENT, 0},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                for (int together = 0; together < 2; together++) {
                        struct smtp_dialogue dialogue = {0};
                        struct send_result result =
                                answered(&dialogue, cases[i].last_try, together, cases[i].replies);
                        if (result.outcome != cases[i].outcome || result.refused_count != cases[i].refused)
                                fail_msg("case %zu: outcome %d, %zu refused", i, (int)result.outcome,
                                         result.refused_count);
                        smtp_dialogue_fini(&dialogue);
                }
}

static void a_refused_recipient_is_named_without_his_address(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        struct send_result result = answered(
                &dialogue, false, true, "250 ok\r\n250 ok\r\n550 5.1.1 no such user\r\n250 ok\r\n354 go\r\n");
        assert_int_equal(strncmp(result.refused, "b***@example.org: ", 18), 0);
        assert_non_null(strstr(result.refused, "no such user"));
        smtp_dialogue_fini(&dialogue);
}

static void what_the_server_cannot_take_is_refused_before_a_word(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        struct mail_request request = mail;
        struct smtp_extensions small = {.size = true, .size_max = 100}, utf8 = {.utf8 = true},
                               eight = {.eight_bit = true, .utf8 = true};
        assert_int_equal(smtp_dialogue_begin(&dialogue, small, &mail), SMTP_STEP_ENDED);
        assert_int_equal(smtp_dialogue_pending(&dialogue).len, 0);
        struct send_result result = smtp_dialogue_result(&dialogue);
        assert_int_equal(result.outcome, SEND_PERMANENT);
        assert_non_null(strstr(result.error, "over the server's SIZE of 100"));
        request.mail.to = "j\xc3\xb6rg@example.org";
        assert_int_equal(smtp_dialogue_begin(&dialogue, all, &request), SMTP_STEP_ENDED);
        result = smtp_dialogue_result(&dialogue);
        assert_int_equal(result.outcome, SEND_PERMANENT);
        assert_non_null(strstr(result.error, "before its domain, and the server offers no SMTPUTF8"));
        assert_int_equal(smtp_dialogue_begin(&dialogue, utf8, &request), SMTP_STEP_WAIT);
        assert_string_equal(written(&dialogue), "MAIL FROM:<shop@example.com> SMTPUTF8\r\n");
        assert_int_equal(smtp_dialogue_begin(&dialogue, eight, &request), SMTP_STEP_WAIT);
        assert_string_equal(written(&dialogue), "MAIL FROM:<shop@example.com> BODY=8BITMIME SMTPUTF8\r\n");
        hear(&dialogue, "250 ok\r\n");
        assert_string_equal(written(&dialogue), "RCPT TO:<j\xc3\xb6rg@example.org>\r\n");
        smtp_dialogue_fini(&dialogue);
}

static void all_lines_of_a_reply_are_kept_joined_and_bounded(void **state)
{
        (void)state;
        struct smtp_dialogue dialogue = {0};
        smtp_dialogue_begin(&dialogue, plain, &mail);
        hear(&dialogue,
             "550-5.7.26 Your email has been blocked\r\n550-5.7.26 because the sender is\r\n550-5.7.26\r\n"
             "550 5.7.26 unauthenticated. https://example.com/faq\r\n");
        struct send_result result = smtp_dialogue_result(&dialogue);
        assert_string_equal(result.error, "SMTP 550 at MAIL: 5.7.26 Your email has been blocked because the "
                                          "sender is unauthenticated. https://example.com/faq");
        smtp_dialogue_begin(&dialogue, plain, &mail);
        for (int i = 0; i < 100; i++)
                assert_int_equal(hear(&dialogue, "550-and so on and so on\r\n"), SMTP_STEP_WAIT);
        assert_int_equal(hear(&dialogue, "550 end\r\n"), SMTP_STEP_ENDED);
        assert_int_equal(strlen(smtp_dialogue_result(&dialogue).error), SEND_ERROR_MAX - 1);
        smtp_dialogue_fini(&dialogue);
}

static void extensions_are_read_as_whole_words(void **state)
{
        (void)state;
        static const char *const lines[] = {"250-mail.example.com SIZE\r\n", "250-PIPELININGS\r\n",
                                            "250-SIZES 10\r\n", "550-SIZE\r\n", "220 PIPELINING\r\n"};
        struct smtp_extensions extensions = {0};
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
                smtp_extensions_line(&extensions, slice_of(lines[i]));
        assert_false(extensions.size || extensions.pipelining);
        smtp_extensions_line(&extensions, SLICE_LITERAL("250-size 35882577\r\n"));
        smtp_extensions_line(&extensions, SLICE_LITERAL("250 Pipelining\r\n"));
        assert_true(extensions.size && extensions.pipelining && !extensions.utf8);
        assert_int_equal(extensions.size_max, 35882577);
        smtp_extensions_line(&extensions, SLICE_LITERAL("250 SMTPUTF8\r\n"));
        assert_true(extensions.utf8 && !extensions.eight_bit);
        smtp_extensions_line(&extensions, SLICE_LITERAL("250 8bitmime\r\n"));
        assert_true(extensions.eight_bit);
}

/* AUTH=LOGIN is what servers said before there was a standard, mostly beside the line of the standard. */
static void the_ways_to_log_in_are_kept_as_they_are_named(void **state)
{
        (void)state;
        struct smtp_extensions extensions = {0};
        smtp_extensions_line(&extensions, SLICE_LITERAL("250-AUTHENTICATE PLAIN\r\n"));
        assert_string_equal(extensions.auth, "");
        smtp_extensions_line(&extensions, SLICE_LITERAL("250-auth=LOGIN\r\n"));
        assert_string_equal(extensions.auth, "auth=LOGIN");
        smtp_extensions_line(&extensions, SLICE_LITERAL("250-AUTH LOGIN PLAIN\r\n"));
        assert_string_equal(extensions.auth, "AUTH LOGIN PLAIN");
        smtp_extensions_line(&extensions, SLICE_LITERAL("250-AUTH=LOGIN\r\n"));
        assert_string_equal(extensions.auth, "AUTH LOGIN PLAIN");
        assert_false(extensions.starttls);
        smtp_extensions_line(&extensions, SLICE_LITERAL("250 StartTLS\r\n"));
        assert_true(extensions.starttls);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_command_waits_for_the_reply_to_the_last),
                cmocka_unit_test(commands_go_together_where_the_server_allows),
                cmocka_unit_test(the_announced_size_is_that_of_the_message_without_its_dot),
                cmocka_unit_test(no_memory_of_a_large_mail_is_kept),
                cmocka_unit_test(replies_may_come_in_any_pieces_and_mails_after_each_other),
                cmocka_unit_test(what_follows_the_last_reply_is_left),
                cmocka_unit_test(a_cut_is_ambiguous_once_the_last_byte_has_left),
                cmocka_unit_test(no_reply_before_the_dot_is_an_acceptance),
                cmocka_unit_test(endless_replies_are_cut),
                cmocka_unit_test(a_mail_is_untouched_until_something_is_accepted_of_it),
                cmocka_unit_test(a_refused_mail_is_taken_back_and_the_next_one_can_follow),
                cmocka_unit_test(a_message_that_is_half_written_cannot_be_taken_back),
                cmocka_unit_test(each_recipient_is_asked_once),
                cmocka_unit_test(the_refusals_of_recipients_decide),
                cmocka_unit_test(a_refused_recipient_is_named_without_his_address),
                cmocka_unit_test(what_the_server_cannot_take_is_refused_before_a_word),
                cmocka_unit_test(all_lines_of_a_reply_are_kept_joined_and_bounded),
                cmocka_unit_test(extensions_are_read_as_whole_words),
                cmocka_unit_test(the_ways_to_log_in_are_kept_as_they_are_named),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
