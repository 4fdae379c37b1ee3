#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan/plan_answer.h"
#include "core/plan/plan_record.h"
#include "core/plan/registry.h"

static enum plan_outcome read_answer(struct arena *arena, const char *text, struct plan **plan,
                                     struct faults *faults)
{
        char error[JSON_CAUSE_MAX];
        *faults = (struct faults){.arena = arena};
        json_t *answer = json_parse(slice_of(text), error);
        assert_non_null(answer);
        enum plan_outcome outcome =
                plan_answer_read(handler_find(handlers, slice_of("email.send.v1")), answer, plan, faults);
        json_decref(answer);
        return outcome;
}

static void assert_answer(const char *text, enum plan_outcome expected, const char *rendered)
{
        struct arena arena;
        struct plan *plan;
        struct faults faults;
        struct buffer out = {0};
        char errors[1024];
        arena_init(&arena);
        enum plan_outcome outcome = read_answer(&arena, text, &plan, &faults);
        faults_join(&faults, errors, sizeof(errors));
        if (outcome == PLAN_OK)
                plan_render(&out, plan);
        assert_string_equal(outcome == PLAN_OK ? out.data : errors, rendered);
        assert_int_equal(outcome, expected);
        buffer_fini(&out);
        arena_fini(&arena);
}

#define MAIL(fields) "{\"effects\":[{\"kind\":\"mail\",\"key\":\"a\"," fields "}]}"

static void an_answer_is_a_plan(void **state)
{
        (void)state;
        assert_answer("{\"id\":\"x\",\"effects\":[]}", PLAN_OK, "nothing to do\n");
        assert_answer(MAIL("\"to\":{\"email\":\"a@x.test\",\"name\":\"Ada\"},\"subject\":\"s\",\"text\":"
                           "\"t\",\"outlet\":\"o\""),
                      PLAN_OK, "mail a\n  to: Ada <a@x.test>\n  subject: s\n  outlet: o\n  text:\n    t\n");
        assert_answer("{\"effects\":[{\"kind\":\"post\",\"key\":\"p\",\"url\":\"https://x.test/"
                      "\",\"data\":{\"n\":1}},"
                      "{\"kind\":\"publish\",\"key\":\"m\",\"type\":\"a.v1\",\"data\":[1]},"
                      "{\"kind\":\"publish\",\"key\":\"m\",\"type\":\"a.v1\",\"data\":null}]}",
                      PLAN_OK,
                      "post p\n  url: https://x.test/\n  data:\n    {\"n\":1}\npublish m.0\n  type: a.v1\n  "
                      "data:\n    [1]\n"
                      "publish m.1\n  type: a.v1\n  data:\n    null\n");
        assert_answer("{\"reject\":\"not now\"}", PLAN_REJECTED, "not now");
}

static void what_is_no_plan_is_told_with_its_place(void **state)
{
        (void)state;
        assert_answer("[]", PLAN_BAD_PLAN, "expected an object with effects or reject");
        assert_answer("{}", PLAN_BAD_PLAN, "expected one of effects and reject");
        assert_answer("{\"effects\":[],\"reject\":\"x\"}", PLAN_BAD_PLAN,
                      "expected one of effects and reject");
        assert_answer("{\"reject\":5}", PLAN_BAD_PLAN, "/reject: expected a reason, one line");
        assert_answer("{\"effects\":{},\"more\":1}", PLAN_BAD_PLAN, "/more: unknown field");
        assert_answer("{\"effects\":[1,{\"kind\":\"fax\",\"key\":\"a\"},{\"kind\":\"mail\",\"key\":\"A\"}]}",
                      PLAN_BAD_PLAN,
                      "/effects/0: expected an object; /effects/1/kind: expected mail, post or publish; "
                      "/effects/2/key: expected 1 to 64 of [a-z0-9._-]");
        assert_answer(
                MAIL("\"subject\":\"s\",\"text\":\"t\",\"atachments\":[]"), PLAN_BAD_PLAN,
                "/effects/0/to: required; /effects/0/atachments: unknown field; did you mean attachments?");
        assert_answer(
                "{\"effects\":[{\"kind\":\"post\",\"key\":\"p\",\"url\":\"ftp://x\",\"data\":1,\"x\":1}]}",
                PLAN_BAD_PLAN, "/effects/0/x: unknown field");
        assert_answer("{\"effects\":[{\"kind\":\"post\",\"key\":\"p\",\"url\":\"ftp://x\",\"data\":1}]}",
                      PLAN_BAD_PLAN,
                      "/effects/0: post p: /url: expected http:// or https://, in ASCII, at most 2000 bytes");
}

static void a_question_is_one_line(void **state)
{
        (void)state;
        struct buffer out = {0};
        struct plan_question question = {.id = "a\"b",
                                         .type = "cart.left.v1",
                                         .subject = "cart/1",
                                         .data = slice_of("{\n\"a\": \"x\\ny\"}\r\n")};
        plan_question_line(&out, &question);
        assert_string_equal(out.data,
                            "{\"id\":\"a\\\"b\",\"type\":\"cart.left.v1\",\"subject\":\"cart/1\",\"time\":"
                            "\"1970-01-01T00:00:00.000Z\",\"data\":{ \"a\": \"x\\ny\"}  }\n");
        buffer_clear(&out);
        plan_question_event(&out, &question, "leveret");
        assert_non_null(strstr(out.data, "{\"specversion\":\"1.0\",\"datacontenttype\":\"application/"
                                         "json\",\"source\":\"leveret\",\"id\":"));
        buffer_fini(&out);
}

/* ---- The record of a plan ---- */

static void a_recorded_plan_is_the_same(void **state)
{
        (void)state;
        static const char text[] =
                "{\"effects\":[{\"kind\":\"mail\",\"key\":\"a\",\"to\":[\"a@x.test\",{\"email\":\"b@x.test\","
                "\"name\":\"B, C\"}],\"cc\":\"c@x.test\","
                "\"from\":\"f@x.test\",\"subject\":\"s\",\"text\":\"t\",\"html\":\"<p>h\",\"headers\":{\"X-"
                "A\":\"1\",\"X-B\":\"2\"},\"tags\":[\"r\"],"
                "\"metadata\":{\"o\":\"4\"},\"references\":[\"<i@x>\"],\"in_reply_to\":\"<i@x>\",\"list_"
                "unsubscribe\":{\"url\":\"https://x.test/u\",\"one_click\":true},"
                "\"attachments\":[{\"name\":\"n\",\"content\":\"AAECAw==\"},{\"name\":\"u\",\"url\":\"https:/"
                "/x.test/f\",\"size\":5,\"sha256\":"
                "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}]},"
                "{\"kind\":\"post\",\"key\":\"p\",\"url\":\"https://x.test/?q\",\"data\":1.50},"
                "{\"kind\":\"publish\",\"key\":\"m\",\"type\":\"a.v1\",\"data\":{},\"subject\":\"z\"},"
                "{\"kind\":\"publish\",\"key\":\"m\",\"type\":\"a.v1\",\"data\":2,\"exchange\":\"e\"}]}";
        struct arena arena;
        struct plan *plan, *again;
        struct faults faults;
        struct plan_around around, read;
        struct buffer first = {0}, second = {0}, one = {0}, other = {0};
        arena_init(&arena);
        assert_int_equal(read_answer(&arena, text, &plan, &faults), PLAN_OK);
        around = (struct plan_around){
                .redirect_to = "dev@x.test",
                .senders = &(struct plan_sender){.outlet = "mail", .from = "Shop <s@x.test>"},
                .sender_count = 1};
        plan_record_write(&first, plan, &around);
        assert_true(plan_record_read(&arena, (struct slice){.data = first.data, .len = first.len}, &again,
                                     &read));
        assert_string_equal(read.redirect_to, "dev@x.test");
        assert_null(read.bcc_all);
        assert_string_equal(plan_around_sender(&read, "mail"), "Shop <s@x.test>");
        assert_null(plan_around_sender(&read, "other"));
        plan_record_write(&second, again, &read);
        assert_string_equal(first.data, second.data);
        plan_render(&one, plan);
        plan_render(&other, again);
        assert_string_equal(one.data, other.data);
        assert_memory_equal(again->effects[0].mail.attachments[0].content, "\0\1\2\3", 4);
        assert_int_equal(again->effects[0].mail.attachments[0].content_len, 4);
        buffer_fini(&first);
        buffer_fini(&second);
        buffer_fini(&one);
        buffer_fini(&other);
        arena_fini(&arena);
}

static void a_record_may_hold_no_effects(void **state)
{
        (void)state;
        struct arena arena;
        struct plan *plan;
        struct plan_around around = {.bcc_all = "all@x.test"};
        struct buffer out = {0};
        arena_init(&arena);
        plan_record_write(&out, NULL, &around);
        assert_true(
                plan_record_read(&arena, (struct slice){.data = out.data, .len = out.len}, &plan, &around));
        assert_null(plan);
        assert_string_equal(around.bcc_all, "all@x.test");
        assert_false(plan_record_read(&arena, slice_of("{"), &plan, &around));
        assert_false(plan_record_read(&arena, slice_of("{\"effects\":[{\"kind\":9,\"key\":\"a\"}]}"), &plan,
                                      &around));
        assert_false(plan_record_read(&arena, slice_of("{\"effects\":[{\"kind\":0,\"key\":\"a\"}]}"), &plan,
                                      &around));
        buffer_fini(&out);
        arena_fini(&arena);
}

/* By the byte. */
static void a_record_is_no_longer_than_the_limit(void **state)
{
        (void)state;
        char *sender = malloc(PLAN_RECORD_MAX + 2);
        struct plan_around around = {.bcc_all = sender};
        struct buffer out = {0};
        assert_non_null(sender);
        sender[0] = '\0';
        assert_true(plan_record_write(&out, NULL, &around));
        size_t rest = PLAN_RECORD_MAX - out.len;
        buffer_clear(&out);
        memset(sender, 'a', rest + 1);
        sender[rest] = '\0';
        assert_true(plan_record_write(&out, NULL, &around));
        assert_int_equal(out.len, PLAN_RECORD_MAX);
        buffer_clear(&out);
        sender[rest] = 'a';
        sender[rest + 1] = '\0';
        assert_false(plan_record_write(&out, NULL, &around));
        buffer_fini(&out);
        free(sender);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_answer_is_a_plan),
                cmocka_unit_test(what_is_no_plan_is_told_with_its_place),
                cmocka_unit_test(a_question_is_one_line),
                cmocka_unit_test(a_recorded_plan_is_the_same),
                cmocka_unit_test(a_record_may_hold_no_effects),
                cmocka_unit_test(a_record_is_no_longer_than_the_limit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
