#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/mail/mail_guard.h"
#include "core/mail/mail_request.h"
#include "core/mail/mime.h"
#include "core/text/buffer.h"

static const char OWN[] = "Shop <shop@example.com>";

static const struct config_guard NO_GUARD;

static void a_mail_says_that_a_machine_made_it_unless_it_says_so_itself(void **state)
{
        (void)state;
        static const struct pair own[] = {{"auto-submitted", "auto-replied"}, {0}};
        static const struct {
                bool on;
                const struct pair *headers;
                const char *header, *none;
        } cases[] = {
                {true, NULL, "\r\nAuto-Submitted: auto-generated\r\n", "auto-replied"},
                {false, NULL, "\r\nSubject: x\r\n", "Auto-Submitted"},
                {true, own, "\r\nauto-submitted: auto-replied\r\n", "Auto-Submitted: auto-generated"},
        };
        for (size_t i = 0; i < 3; i++) {
                struct arena arena;
                struct buffer out = {0};
                const struct mail mail = {
                        .key = "m", .to = "a@b.c", .subject = "x", .text = "y", .headers = cases[i].headers};
                const struct config_guard guard = {.auto_submitted = cases[i].on};
                arena_init(&arena);
                struct mail_request request = mail_request_make(
                        &arena, &mail,
                        &(struct mail_origin){.prefix = "p", .job_id = "j", .from = OWN, .guard = &guard});
                assert_true(mime_add(&out, &request));
                assert_non_null(strstr(out.data, cases[i].header));
                assert_null(strstr(out.data, cases[i].none));
                buffer_fini(&out);
                arena_fini(&arena);
        }
}

static void the_own_sender_is_always_allowed(void **state)
{
        (void)state;
        struct mail mail = {.to = "a@b.c"};
        assert_null(mail_guard_refusal(&NO_GUARD, &mail, OWN));
        mail.from = "Other Name <shop@EXAMPLE.com>";
        assert_null(mail_guard_refusal(&NO_GUARD, &mail, OWN));
        mail.from = "sales@example.com";
        assert_string_equal(mail_guard_refusal(&NO_GUARD, &mail, OWN), "/from: not in mail.from_allowed");
        assert_string_equal(mail_guard_refusal(&NO_GUARD, &mail, NULL), "/from: not in mail.from_allowed");
}

static void other_senders_must_be_listed(void **state)
{
        (void)state;
        const struct config_guard guard = {.from_allowed = {.list = {"a@b.c", "@Other.test"}, .count = 2}};
        static const char *const good[] = {"a@b.c", "A <A@B.c>", "any@other.test"};
        static const char *const bad[] = {"b@b.c", "any@sub.other.test", "any@another.test", "x@c"};
        struct mail mail = {.to = "a@b.c"};
        for (size_t i = 0; i < 3; i++) {
                mail.from = good[i];
                assert_null(mail_guard_refusal(&guard, &mail, OWN));
        }
        for (size_t i = 0; i < 4; i++) {
                mail.from = bad[i];
                assert_non_null(mail_guard_refusal(&guard, &mail, OWN));
        }
}

static void every_recipient_must_be_listed_in_allow_to(void **state)
{
        (void)state;
        const struct config_guard guard = {.allow_to = {.list = {"@b.c", "one@d.e"}, .count = 2}};
        struct mail mail = {.to = "a@b.c, One <one@d.e>", .cc = "x@b.c", .bcc = "y@b.c"};
        assert_null(mail_guard_refusal(&guard, &mail, OWN));
        mail.bcc = "y@b.c, two@d.e";
        assert_string_equal(mail_guard_refusal(&guard, &mail, OWN), "/bcc: not in mail.allow_to");
        mail.cc = "x@evil.b.c";
        assert_string_equal(mail_guard_refusal(&guard, &mail, OWN), "/cc: not in mail.allow_to");
        mail.to = "\"a@b.c\" <x@f.g>";
        assert_string_equal(mail_guard_refusal(&guard, &mail, OWN), "/to: not in mail.allow_to");
}

static void a_domain_counts_in_any_script(void **state)
{
        (void)state;
        const struct config_texts list = {.list = {"@b\xc3\xbc"
                                                   "cher.example"},
                                          .count = 1};
        assert_true(mail_guard_lists(&list, slice_of("a@xn--bcher-kva.example")));
        assert_true(mail_guard_lists(&list, slice_of("a@b\xc3\xbc"
                                                     "cher.example")));
        assert_false(mail_guard_lists(&list, slice_of("a@bucher.example")));
}

static void redirected_nobody_gets_it_but_one(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        const struct config_guard guard = {.redirect_to = "dev@d.e",
                                           .bcc_all = "archive@f.g",
                                           .allow_to = {.list = {"@h.i"}, .count = 1}};
        struct mail mail = {.to = "Ada <a@b.c>, b@b.c", .cc = "c@b.c", .bcc = "d@b.c"};
        assert_null(mail_guard_refusal(&guard, &mail, OWN));
        assert_string_equal(mail_guard_apply(&guard, &arena, &mail), "a@b.c b@b.c c@b.c d@b.c");
        assert_string_equal(mail.to, "dev@d.e");
        assert_null(mail.cc);
        assert_null(mail.bcc);
        arena_fini(&arena);
}

static void many_true_recipients_are_counted(void **state)
{
        (void)state;
        struct arena arena;
        struct buffer to = {0};
        arena_init(&arena);
        for (int i = 0; i < 50; i++)
                buffer_printf(&to, "%sa-recipient-with-a-long-name-%d@example.com", i ? ", " : "", i);
        const struct config_guard guard = {.redirect_to = "dev@d.e"};
        struct mail mail = {.to = to.data};
        const char *told = mail_guard_apply(&guard, &arena, &mail);
        assert_true(strlen(told) < 900);
        assert_non_null(strstr(told, "a-recipient-with-a-long-name-0@example.com a-recipient"));
        assert_non_null(strstr(told, " and 32 more"));
        buffer_fini(&to);
        arena_fini(&arena);
}

static void all_are_copied_to_one(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        const struct config_guard guard = {.bcc_all = "archive@f.g"};
        struct mail mail = {.to = "a@b.c"};
        assert_null(mail_guard_apply(&guard, &arena, &mail));
        assert_string_equal(mail.bcc, "archive@f.g");
        assert_null(mail_guard_apply(&guard, &arena, &mail));
        assert_string_equal(mail.bcc, "archive@f.g, archive@f.g");
        assert_string_equal(mail.to, "a@b.c");
        arena_fini(&arena);
}

static void what_is_set_is_told(void **state)
{
        (void)state;
        struct buffer text = {0};
        mail_guard_tell(&NO_GUARD, &text);
        assert_int_equal(text.len, 0);
        struct config_guard guard = {.bcc_all = "b@b.c", .allow_to = {.list = {"@d.e", "@f.g"}, .count = 2}};
        mail_guard_tell(&guard, &text);
        assert_string_equal(text.data,
                            "mails go to nobody but @d.e and others that are listed (mail.allow_to); "
                            "a copy of every mail goes to b***@b.c (mail.bcc_all)");
        buffer_clear(&text);
        guard.redirect_to = "dev@d.e";
        mail_guard_tell(&guard, &text);
        assert_string_equal(text.data, "every mail goes to d***@d.e alone (mail.redirect_to)");
        buffer_fini(&text);
}

/* Fifty recipients and the copy pass the last look before a mail leaves. */
static void a_full_mail_with_its_copy_may_leave(void **state)
{
        (void)state;
        struct arena arena;
        struct buffer to = {0};
        arena_init(&arena);
        for (int i = 0; i < 50; i++)
                buffer_printf(&to, "%sr%d@example.com", i ? ", " : "", i);
        const struct config_guard guard = {.bcc_all = "archive@f.g"};
        const struct mail mail = {.key = "k", .to = to.data, .subject = "S", .text = "T"};
        const struct mail_origin origin = {.prefix = "p", .job_id = "1", .from = OWN, .guard = &guard};
        struct mail_request request = mail_request_make(&arena, &mail, &origin);
        assert_null(mail_request_problem(&request));
        buffer_fini(&to);
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mail_says_that_a_machine_made_it_unless_it_says_so_itself),
                cmocka_unit_test(the_own_sender_is_always_allowed),
                cmocka_unit_test(other_senders_must_be_listed),
                cmocka_unit_test(every_recipient_must_be_listed_in_allow_to),
                cmocka_unit_test(a_domain_counts_in_any_script),
                cmocka_unit_test(redirected_nobody_gets_it_but_one),
                cmocka_unit_test(many_true_recipients_are_counted),
                cmocka_unit_test(all_are_copied_to_one),
                cmocka_unit_test(what_is_set_is_told),
                cmocka_unit_test(a_full_mail_with_its_copy_may_leave),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
