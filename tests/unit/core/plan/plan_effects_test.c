#include "plan_text.h"

/* A handler that posts and publishes what the payload says. */
struct wish {
        const char *what, *key, *url, *type, *data, *text;
        int64_t count;
};

static const struct field fields[] = {
        FIELD_STRING(struct wish, what),
        FIELD_STRING(struct wish, key, .optional = true),
        FIELD_STRING(struct wish, url, .optional = true, .max_length = 3000),
        FIELD_STRING(struct wish, type, .optional = true, .max_length = 500),
        FIELD_STRING(struct wish, data, .optional = true, .max_length = 2000),
        FIELD_STRING(struct wish, text, .optional = true, .max_length = 500),
        FIELD_INT(struct wish, count, .optional = true),
        FIELD_END,
};

static void post(const struct wish *wish, struct plan *plan)
{
        plan_post(plan, &(struct post){.key = wish->key ? wish->key : "k",
                                       .url = wish->url ? wish->url : "https://a.test/x?secret",
                                       .type = wish->type,
                                       .data = wish->data ? wish->data : "{\"a\": 1}",
                                       .outlet = wish->text});
}

static void publish(const struct wish *wish, struct plan *plan)
{
        struct outgoing outgoing = {.key = wish->key ? wish->key : "k",
                                    .type = wish->type ? wish->type : "a.b.v1",
                                    .data = wish->data ? wish->data : "[]"};
        if (strcmp(wish->what, "subject") == 0)
                outgoing.subject = wish->text;
        if (strcmp(wish->what, "exchange") == 0)
                outgoing.exchange = wish->text;
        if (strcmp(wish->what, "deliver_at") == 0)
                outgoing.deliver_at = wish->text;
        for (int64_t i = 0; i < (wish->count ? wish->count : 1); i++)
                plan_publish(plan, &outgoing);
}

static void large(struct plan *plan)
{
        struct plan_text text = {.plan = plan};
        plan_add(&text, "\"%01048570d\"", 0);
        for (int i = 0; i < 5; i++)
                plan_publish(plan, &(struct outgoing){.key = "k", .type = "a.v1", .data = text.text});
}

static void plan_wish(const struct wish *wish, struct plan *plan)
{
        if (strcmp(wish->what, "post") == 0)
                post(wish, plan);
        else if (strcmp(wish->what, "no data") == 0)
                plan_post(plan, &(struct post){.key = "k", .url = "https://a.test"});
        else if (strcmp(wish->what, "item") == 0)
                plan_publish_item(plan, &(struct outgoing){.key = "k", .type = "a.v1", .data = "1"});
        else if (strcmp(wish->what, "large") == 0)
                large(plan);
        else
                publish(wish, plan);
        if (strcmp(wish->what, "post") == 0 && wish->count == 2)
                publish(wish, plan);
}

HANDLER(wishes, struct wish, plan_wish,
        {.type = "wish.v1", .summary = "-", .example = "{}", .fields = fields});

static void a_post_shows_no_query(void **state)
{
        (void)state;
        assert_plan(wishes, "{\"what\": \"post\"}",
                    "post k\n  url: https://a.test/x?..\n  data:\n    {\"a\": 1}\n");
        assert_plan(wishes,
                    "{\"what\": \"post\", \"url\": \"http://a.test\", \"type\": \"A.b-1\", \"text\": \"o\"}",
                    "post k\n  url: http://a.test\n  type: A.b-1\n  outlet: o\n  data:\n    {\"a\": 1}\n");
}

static void a_post_that_breaks_a_rule_rejects_the_plan(void **state)
{
        (void)state;
#define URL_RULE "post k: /url: expected http:// or https://, in ASCII, at most 2000 bytes"
        assert_rejected(wishes, "{\"what\": \"post\", \"url\": \"ftp://a\"}", URL_RULE);
        assert_rejected(wishes, "{\"what\": \"post\", \"url\": \"http://a b\"}", URL_RULE);
        assert_rejected(wishes, "{\"what\": \"post\", \"url\": \"http://a\\r\\nX: y\"}", URL_RULE);
        assert_rejected(wishes, "{\"what\": \"post\", \"url\": \"http://\xc3\xbc\"}", URL_RULE);
        assert_rejected(wishes, "{\"what\": \"post\", \"type\": \"a b\"}",
                        "post k: /type: expected 1 to 128 of [A-Za-z0-9._-]");
        assert_rejected(wishes, "{\"what\": \"post\", \"data\": \"{\"}",
                        "post k: /data: no JSON: line 1, column 2: ends too early");
        assert_rejected(wishes, "{\"what\": \"no data\"}", "post k: /data: missing");
        assert_rejected(wishes, "{\"what\": \"post\", \"key\": \"K\"}",
                        "an effect's key is not 1 to 64 of [a-z0-9._-]");
        assert_rejected(wishes, "{\"what\": \"post\", \"count\": 2}", "two effects of the same key");
}

static void a_message_is_numbered_only_in_a_batch(void **state)
{
        (void)state;
        assert_plan(wishes, "{\"what\": \"publish\"}", "publish k\n  type: a.b.v1\n  data:\n    []\n");
        assert_plan(wishes, "{\"what\": \"subject\", \"text\": \"s/1\", \"count\": 2}",
                    "publish k.0\n  type: a.b.v1\n  subject: s/1\n  data:\n    []\n"
                    "publish k.1\n  type: a.b.v1\n  subject: s/1\n  data:\n    []\n");
        assert_plan(wishes, "{\"what\": \"item\"}", "publish k.0\n  type: a.v1\n  data:\n    1\n");
}

static void a_message_that_breaks_a_rule_rejects_the_plan(void **state)
{
        (void)state;
        assert_rejected(wishes, "{\"what\": \"publish\", \"type\": \"No Type\"}",
                        "publish k: /type: expected dotted lower case with a version, as order.created.v1");
        assert_rejected(wishes, "{\"what\": \"subject\", \"text\": \"a\\nb\"}",
                        "publish k: /subject: expected one line of at most 256 bytes");
        assert_rejected(wishes, "{\"what\": \"exchange\", \"text\": \"\"}",
                        "publish k: /exchange: expected the name of an exchange");
        assert_rejected(wishes, "{\"what\": \"deliver_at\", \"text\": \"soon\"}",
                        "publish k: /deliver_at: expected a time of RFC 3339, as in 2030-01-31T12:00:00Z");
}

static void batches_and_plans_are_bounded(void **state)
{
        (void)state;
        assert_rejected(wishes, "{\"what\": \"publish\", \"count\": 1001}",
                        "publish k: more than 1000 messages");
        assert_rejected(wishes, "{\"what\": \"large\"}", "publish k: the plan is larger than 4 MiB");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_post_shows_no_query),
                cmocka_unit_test(a_post_that_breaks_a_rule_rejects_the_plan),
                cmocka_unit_test(a_message_is_numbered_only_in_a_batch),
                cmocka_unit_test(a_message_that_breaks_a_rule_rejects_the_plan),
                cmocka_unit_test(batches_and_plans_are_bounded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
