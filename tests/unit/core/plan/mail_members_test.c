#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan/mail_copy.h"
#include "core/plan/mail_members.h"
#include "core/plan/plan_effects.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_record.h"

static size_t size_of(enum mail_member_kind kind)
{
        return kind == MEMBER_UNSUBSCRIBE ? sizeof(struct list_unsubscribe) : sizeof(void *);
}

/* A member that somebody adds to struct mail without a row would be lost by every copy. */
static void every_member_of_a_mail_but_its_key_has_one_row(void **state)
{
        (void)state;
        size_t taken = sizeof(((struct mail *)0)->key);
        for (size_t i = 0; i < MAIL_MEMBERS; i++) {
                const struct mail_member *each = &mail_members[i];
                assert_true(each->offset >= sizeof(char *));
                for (size_t j = 0; j < i; j++)
                        assert_true(mail_members[j].offset != each->offset);
                taken += size_of(each->kind);
        }
        assert_int_equal(taken, sizeof(struct mail));
}

static const struct mail full = {
        .key = "k",
        .from = "a@x.test",
        .to = "Ada <b@x.test>, c@x.test",
        .cc = "d@x.test",
        .bcc = "e@x.test",
        .reply_to = "f@x.test",
        .subject = "s",
        .text = "one\ntwo\n",
        .html = "<p>one</p>",
        .headers = (const struct pair[]){{.name = "X-A", .value = "1"}, {.name = "X-B", .value = "2"}, {0}},
        .attachments =
                (const struct attachment[]){
                        {.name = "n.txt", .type = "text/plain", .content = "abc", .content_len = 3},
                        {.name = "u.pdf",
                         .type = "application/pdf",
                         .url = "https://x.test/u.pdf",
                         .sha256 = "00",
                         .size = 7,
                         .inline_id = "u"},
                        {0}},
        .list_unsubscribe = {.url = "https://x.test/u", .mailto = "u@x.test", .one_click = true},
        .in_reply_to = "<1@x.test>",
        .references = (const char *const[]){"<0@x.test>", "<1@x.test>", NULL},
        .tags = (const char *const[]){"t", "u", NULL},
        .metadata = (const struct pair[]){{.name = "order", .value = "42"}, {0}},
        .outlet = "o",
};

#define FULL_JSON                                                                                            \
        "{\"type\":\"t.v1\",\"effects\":[{\"kind\":\"mail\",\"key\":\"k\",\"from\":\"a@x.test\",\"to\":"     \
        "\"Ada <b@x.test>, c@x.test\",\"cc\":\"d@x.test\",\"bcc\":\"e@x.test\",\"reply_to\":\"f@x.test\","   \
        "\"subject\":\"s\",\"in_reply_to\":\"<1@x.test>\",\"references\":[\"<0@x.test>\",\"<1@x.test>\"],"   \
        "\"list_unsubscribe\":{\"one_click\":true,\"url\":\"https://x.test/u\",\"mailto\":\"u@x.test\"},"    \
        "\"headers\":{\"X-A\":\"1\",\"X-B\":\"2\"},\"tags\":[\"t\",\"u\"],\"metadata\":{\"order\":\"42\"},"  \
        "\"outlet\":\"o\",\"attachments\":[{\"size\":3,\"name\":\"n.txt\",\"type\":\"text/plain\",\"url\":"  \
        "null,\"sha256\":null,\"inline_id\":null},{\"size\":7,\"name\":\"u.pdf\",\"type\":"                  \
        "\"application/pdf\",\"url\":\"https://x.test/u.pdf\",\"sha256\":\"00\",\"inline_id\":\"u\"}],"      \
        "\"text\":\"one\\ntwo\\n\",\"html\":\"<p>one</p>\"}]}"

static void assert_json(const struct plan *plan, const char *expected)
{
        struct buffer out = {0};
        plan_json(&out, "t.v1", plan);
        assert_string_equal(out.data, expected);
        buffer_fini(&out);
}

static void a_full_mail_is_the_same_after_a_copy_and_after_a_record(void **state)
{
        (void)state;
        struct arena arena;
        struct buffer record = {0};
        struct plan_around around = {0};
        struct plan *read;
        arena_init(&arena);
        struct plan plan = {.arena = &arena};
        struct effect *effect = effect_add(&plan, full.key, EFFECT_MAIL);
        mail_copy(&arena, &effect->mail, &full);
        assert_json(&plan, FULL_JSON);
        assert_true(plan_record_write(&record, &plan, &around));
        assert_true(plan_record_read(&arena, (struct slice){.data = record.data, .len = record.len}, &read,
                                     &around));
        assert_json(read, FULL_JSON);
        assert_memory_equal(read->effects[0].mail.attachments[0].content, "abc", 3);
        buffer_fini(&record);
        arena_fini(&arena);
}

/* A template that renders to nothing: SendGrid refuses an empty part, and programs show an empty html instead
 * of the text. */
static void an_empty_text_or_html_is_none(void **state)
{
        (void)state;
        struct arena arena;
        struct mail text = {.key = "k", .text = "Hello", .html = ""},
                    html = {.key = "k", .text = "", .html = "<p>Hello"}, copy;
        arena_init(&arena);
        mail_copy(&arena, &copy, &text);
        assert_null(copy.html);
        assert_string_equal(copy.text, "Hello");
        mail_copy(&arena, &copy, &html);
        assert_null(copy.text);
        assert_string_equal(copy.html, "<p>Hello");
        arena_fini(&arena);
}

/* What a worker reads whose neighbour wrote less. */
static void a_record_without_what_every_mail_has_is_none(void **state)
{
        (void)state;
        struct arena arena;
        struct plan_around around;
        struct plan *read;
        arena_init(&arena);
        static const char *const none[] = {
                "{\"effects\":[{\"kind\":0,\"key\":\"k\",\"subject\":\"s\"}]}",
                "{\"effects\":[{\"kind\":0,\"key\":\"k\",\"to\":\"a@x.test\"}]}",
                "{\"effects\":[{\"kind\":0,\"key\":\"k\",\"to\":\"a@x.test\",\"subject\":\"s\","
                "\"attachments\":[{\"type\":\"text/plain\"}]}]}",
        };
        for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
                assert_false(plan_record_read(&arena, slice_of(none[i]), &read, &around));
        assert_true(plan_record_read(
                &arena,
                slice_of("{\"effects\":[{\"kind\":0,\"key\":\"k\",\"to\":\"a@x.test\",\"subject\":\"s\"}]}"),
                &read, &around));
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_member_of_a_mail_but_its_key_has_one_row),
                cmocka_unit_test(a_full_mail_is_the_same_after_a_copy_and_after_a_record),
                cmocka_unit_test(an_empty_text_or_html_is_none),
                cmocka_unit_test(a_record_without_what_every_mail_has_is_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
