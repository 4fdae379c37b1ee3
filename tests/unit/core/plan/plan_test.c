#include "plan_text.h"

#include "core/plan/mail_check.h"
#include "core/text/utf8.h"

/* A handler that does what the payload's `how` says. */
struct order {
        const char *how, *text;
        int64_t count;
};

static const struct field fields[] = {
        FIELD_STRING(struct order, how),
        FIELD_STRING(struct order, text, .optional = true, .max_length = 2000000),
        FIELD_INT(struct order, count, .optional = true),
        FIELD_END,
};

static struct mail mail_of(const struct order *order)
{
        return (struct mail){
                .key = "k", .to = "a@b.c", .subject = "S", .text = order->text ? order->text : "T"};
}

static void plan_many(const struct order *order, struct plan *plan)
{
        for (int64_t i = 0; i < order->count; i++) {
                char key[32]; /* on the stack: all is copied */
                snprintf(key, sizeof(key), "m%d", (int)i);
                plan_mail(plan, &(struct mail){
                                        .key = key, .to = "a@b.c", .subject = key, .text = key, .html = key});
        }
}

static void spoil(struct mail *mail, const char *how, const char *value)
{
        if (strcmp(how, "key") == 0)
                mail->key = value;
        if (strcmp(how, "to") == 0)
                mail->to = value;
        if (strcmp(how, "reply_to") == 0)
                mail->reply_to = value;
        if (strcmp(how, "subject") == 0)
                mail->subject = value;
        if (strcmp(how, "no text") == 0)
                mail->text = NULL;
        if (strcmp(how, "cut") == 0)
                mail->text = "\xe2\x82";
}

static void plan_order(const struct order *order, struct plan *plan)
{
        struct mail mail = mail_of(order);
        if (strcmp(order->how, "reject") == 0) {
                plan_mail(plan, &mail);
                plan_reject(plan, order->text);
                plan_reject(plan, "later");
                plan_mail(plan, &mail);
        } else if (strcmp(order->how, "twice") == 0) {
                plan_mail(plan, &mail);
                plan_mail(plan, &mail);
        } else if (strcmp(order->how, "many") == 0) {
                plan_many(order, plan);
        } else if (strcmp(order->how, "nothing") != 0) {
                spoil(&mail, order->how, order->text);
                plan_mail(plan, &mail);
        }
}

HANDLER(handler, struct order, plan_order,
        {.type = "test.plan.v1", .summary = "", .example = "{}", .fields = fields});

/* A handler that writes a line for each item of a list. */
struct line {
        const char *title;
};

struct basket {
        const struct line *lines;
        size_t line_count;
};

static const struct field line_fields[] = {FIELD_STRING(struct line, title), FIELD_END};
static const struct field basket_fields[] = {
        FIELD_LIST(struct basket, lines, line_count, line_fields, .max_items = 2000), FIELD_END};

static void plan_basket(const struct basket *basket, struct plan *plan)
{
        struct plan_text lines = {.plan = plan};
        for (size_t i = 0; i < basket->line_count; i++)
                plan_add(&lines, "%zu %s\n", i + 1, basket->lines[i].title);
        plan_mail(plan, &(struct mail){.key = "k",
                                       .to = "a@b.c",
                                       .subject = "S",
                                       .text = lines.text ? lines.text : "none\n"});
}

HANDLER(basket_handler, struct basket, plan_basket,
        {.type = "test.basket.v1", .summary = "", .example = "{}", .fields = basket_fields});

static void check(const char *how, const char *text, enum plan_outcome outcome, const char *expected)
{
        struct buffer payload = {0};
        buffer_add_text(&payload, "{\"how\":");
        buffer_add_json_string(&payload, slice_of(how));
        buffer_add_text(&payload, ",\"text\":");
        buffer_add_json_string(&payload, slice_of(text));
        buffer_add_text(&payload, "}");
        plan_text_check(&handler, payload.data, outcome, expected);
        buffer_fini(&payload);
}

static void a_plan_may_be_empty(void **state)
{
        (void)state;
        check("nothing", "", PLAN_OK, "nothing to do\n");
}

static void a_mail_is_rendered_whole(void **state)
{
        (void)state;
        check("reply_to", "r@b.c", PLAN_OK,
              "mail k\n  to: a@b.c\n  reply_to: r@b.c\n  subject: S\n  text:\n    r@b.c\n");
        check("mail", "one\n\ntwo\n", PLAN_OK,
              "mail k\n  to: a@b.c\n  subject: S\n  text:\n    one\n    \n    two\n");
}

static void a_text_is_made_of_the_items_of_a_list(void **state)
{
        (void)state;
        assert_plan(basket_handler, "{\"lines\":[]}",
                    "mail k\n  to: a@b.c\n  subject: S\n  text:\n    none\n");
        assert_plan(basket_handler, "{\"lines\":[{\"title\":\"tea\"},{\"title\":\"\"},{\"title\":\"jam\"}]}",
                    "mail k\n  to: a@b.c\n  subject: S\n  text:\n    1 tea\n    2 \n    3 jam\n");
        assert_bad_payload(basket_handler, "{\"lines\":[{\"title\":\"tea\"},{}]}",
                           "/lines/1/title: required");
}

static void a_text_of_many_pieces_is_whole(void **state)
{
        struct buffer payload = {0}, expected = {0};
        (void)state;
        buffer_add_text(&payload, "{\"lines\":[");
        buffer_add_text(&expected, "mail k\n  to: a@b.c\n  subject: S\n  text:\n");
        for (int i = 1; i <= 1000; i++) {
                buffer_printf(&payload, "%s{\"title\":\"%0*d\"}", i > 1 ? "," : "", i % 50 + 1, i);
                buffer_printf(&expected, "    %d %0*d\n", i, i % 50 + 1, i);
        }
        buffer_add_text(&payload, "]}");
        assert_plan(basket_handler, payload.data, expected.data);
        buffer_fini(&payload);
        buffer_fini(&expected);
}

static void rendering_is_safe_on_a_terminal(void **state)
{
        (void)state;
        check("mail",
              "\x1b[2J\r\n\xc2\x9b"
              "31m\xc3\xa4\x7f",
              PLAN_OK,
              "mail k\n  to: a@b.c\n  subject: S\n  text:\n    \\x1b[2J\\x0d\n    "
              "\\xc2\\x9b31m\xc3\xa4\\x7f\n");
}

static void a_rejection_drops_all_and_the_first_reason_counts(void **state)
{
        (void)state;
        check("reject", "the shop is closed", PLAN_REJECTED, "the shop is closed");
}

static void a_reason_that_breaks_a_line_is_replaced(void **state)
{
        (void)state;
        check("reject", "a\nb", PLAN_REJECTED, "the handler's reason is not one line of UTF-8");
}

static void a_long_reason_is_cut_between_characters(void **state)
{
        char text[300 * 2 + 2], expected[256];
        (void)state;
        for (size_t i = 0; i < 300; i++)
                memcpy(text + 2 * i, "\xc3\xa4", 3);
        memcpy(expected, text, 254);
        expected[254] = '\0';
        check("reject", text, PLAN_REJECTED, expected);
}

static void an_effect_needs_a_good_key_of_its_own(void **state)
{
        static const char *const bad[] = {
                "",    "A",    "a b",
                "a:b", "a\nb", "\xc3\xa4",
                "a}",  "*",    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                check("key", bad[i], PLAN_REJECTED, "an effect's key is not 1 to 64 of [a-z0-9._-]");
        check("twice", "", PLAN_REJECTED, "mail k: /text: neither text nor html");
        check("twice", "x", PLAN_REJECTED, "two effects of the same key");
}

static void a_mail_that_could_smuggle_a_header_is_rejected(void **state)
{
        (void)state;
        check("to", "a@b.c\r\nBcc: e@v.il", PLAN_REJECTED, "mail k: /to: expected one line of UTF-8");
        check("to", "", PLAN_REJECTED,
              "mail k: /to: expected an e-mail address; /text: neither text nor html");
        check("reply_to", "Ada <a@b.c", PLAN_REJECTED,
              "mail k: /reply_to: expected an e-mail address, or a name and <address>");
        check("subject", "a\r\nBcc: e@v.il", PLAN_REJECTED, "mail k: /subject: expected one line of UTF-8");
        check("subject", "a\tb", PLAN_REJECTED, "mail k: /subject: expected one line of UTF-8");
        check("subject",
              "a\xc2\x85"
              "b",
              PLAN_REJECTED, "mail k: /subject: expected one line of UTF-8");
        check("subject", "", PLAN_REJECTED, "mail k: /subject: required; /text: neither text nor html");
        check("no text", "x", PLAN_REJECTED, "mail k: /text: neither text nor html");
        check("cut", "x", PLAN_REJECTED, "mail k: /text: expected UTF-8");
}

/* A handler that writes a mailbox of the payload's name and address. */
struct person {
        const char *name, *email;
};

static const struct field person_fields[] = {FIELD_STRING(struct person, name, .optional = true),
                                             FIELD_STRING(struct person, email), FIELD_END};

static void plan_person(const struct person *person, struct plan *plan)
{
        plan_mail(plan, &(struct mail){.key = "k",
                                       .to = plan_mailbox(plan, person->name, person->email),
                                       .cc = "Bob <b@b\xc3\xbc"
                                             "cher.example>,c@d",
                                       .subject = "S",
                                       .text = "T"});
}

HANDLER(person_handler, struct person, plan_person,
        {.type = "test.person.v1", .summary = "", .example = "{}", .fields = person_fields});

static void a_mailbox_is_written_with_its_quoting_right(void **state)
{
        (void)state;
        static const char end[] = "  cc: Bob <b@xn--bcher-kva.example>, c@d\n  subject: S\n  text:\n    T\n";
        static const struct {
                const char *payload, *to;
        } cases[] = {
                {"{\"email\":\"a@b\"}", "a@b"},
                {"{\"email\":\"a@b\",\"name\":\"Ada\"}", "Ada <a@b>"},
                {"{\"email\":\"a@b\",\"name\":\"Lovelace, Ada\"}", "\"Lovelace, Ada\" <a@b>"},
                {"{\"email\":\"a@b\",\"name\":\"x\\\"y\\\\ <c@d>\"}", "\"x\\\"y\\\\ <c@d>\" <a@b>"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char expected[200];
                snprintf(expected, sizeof(expected), "mail k\n  to: %s\n%s", cases[i].to, end);
                assert_plan(person_handler, cases[i].payload, expected);
        }
        plan_text_check(&person_handler, "{\"email\":\"a@b>, <c@d\"}", PLAN_REJECTED,
                        "plan_mailbox: expected an e-mail address");
        plan_text_check(&person_handler, "{\"email\":\"\\\"a b\\\"@c\"}", PLAN_REJECTED,
                        "plan_mailbox: a local part in quotes is not taken: leave the quotes off, or use "
                        "another address");
        plan_text_check(&person_handler, "{\"email\":\"a@b\",\"name\":\"x\\nBcc: y\"}", PLAN_REJECTED,
                        "plan_mailbox: expected a name of one line of UTF-8");
}

static void sizes_are_bounded(void **state)
{
        struct buffer text = {0};
        (void)state;
        while (text.len < 998)
                buffer_add_char(&text, 'x');
        struct buffer expected = {0};
        buffer_printf(&expected, "mail k\n  to: a@b.c\n  subject: %s\n  text:\n    %s\n", text.data,
                      text.data);
        check("subject", text.data, PLAN_OK, expected.data);
        buffer_add_char(&text, 'x');
        check("subject", text.data, PLAN_REJECTED, "mail k: /subject: over 998 bytes");
        while (text.len <= MAIL_BODY_MAX)
                buffer_add_char(&text, 'x');
        check("mail", text.data, PLAN_REJECTED, "mail k: /text: text and html over 1 MiB");
        buffer_fini(&text);
        buffer_fini(&expected);
}

static enum plan_outcome build(struct arena *arena, const char *payload, struct plan **plan)
{
        struct faults faults = {.arena = arena};
        return plan_build_text(&handler, slice_of(payload), plan, &faults);
}

static void a_plan_holds_32_effects_in_order(void **state)
{
        struct arena arena;
        struct plan *plan;
        (void)state;
        arena_init(&arena);
        assert_int_equal(build(&arena, "{\"how\":\"many\",\"count\":32}", &plan), PLAN_OK);
        assert_int_equal(plan->count, 32);
        for (size_t i = 0; i < plan->count; i++) {
                char key[32];
                snprintf(key, sizeof(key), "m%zu", i);
                assert_string_equal(plan->effects[i].key, key);
                assert_ptr_equal(plan->effects[i].key, plan->effects[i].mail.key);
                assert_string_equal(plan->effects[i].mail.html, key);
                assert_string_equal(plan->effects[i].mail.text, key);
        }
        assert_int_equal(build(&arena, "{\"how\":\"many\",\"count\":33}", &plan), PLAN_REJECTED);
        assert_int_equal(plan->count, 0);
        assert_string_equal(plan->reason, "more than 32 effects");
        arena_fini(&arena);
}

static void a_bad_payload_leaves_no_plan(void **state)
{
        struct arena arena;
        struct plan *plan;
        (void)state;
        arena_init(&arena);
        assert_int_equal(build(&arena, "{\"how\":1}", &plan), PLAN_BAD_PAYLOAD);
        assert_null(plan);
        assert_int_equal(build(&arena, "{", &plan), PLAN_BAD_PAYLOAD);
        assert_null(plan);
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_plan_may_be_empty),
                cmocka_unit_test(a_mail_is_rendered_whole),
                cmocka_unit_test(a_text_is_made_of_the_items_of_a_list),
                cmocka_unit_test(a_text_of_many_pieces_is_whole),
                cmocka_unit_test(rendering_is_safe_on_a_terminal),
                cmocka_unit_test(a_rejection_drops_all_and_the_first_reason_counts),
                cmocka_unit_test(a_reason_that_breaks_a_line_is_replaced),
                cmocka_unit_test(a_long_reason_is_cut_between_characters),
                cmocka_unit_test(an_effect_needs_a_good_key_of_its_own),
                cmocka_unit_test(a_mail_that_could_smuggle_a_header_is_rejected),
                cmocka_unit_test(a_mailbox_is_written_with_its_quoting_right),
                cmocka_unit_test(sizes_are_bounded),
                cmocka_unit_test(a_plan_holds_32_effects_in_order),
                cmocka_unit_test(a_bad_payload_leaves_no_plan),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
