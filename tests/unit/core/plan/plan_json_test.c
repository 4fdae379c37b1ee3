#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan/plan_json.h"

static void assert_json(struct effect *effects, size_t count, const char *expected)
{
        struct buffer out = {0};
        plan_json(&out, "t.v1", &(struct plan){.effects = effects, .count = count});
        assert_string_equal(out.data, expected);
        buffer_fini(&out);
}

static void no_effect_is_an_empty_list(void **state)
{
        (void)state;
        assert_json(NULL, 0, "{\"type\":\"t.v1\",\"effects\":[]}");
}

/* The query and the fragment of a URL may be secrets. */
static void a_post_is_shown_without_the_end_of_its_url(void **state)
{
        (void)state;
        struct effect effects[] = {
                {.kind = EFFECT_POST,
                 .post = {.key = "a",
                          .url = "https://x.test/h?token=1",
                          .type = "t",
                          .data = "{\"n\":1}",
                          .outlet = "o"}},
                {.kind = EFFECT_POST, .post = {.key = "b", .url = "https://x.test/#s", .data = "2"}},
        };
        assert_json(effects, 2,
                    "{\"type\":\"t.v1\",\"effects\":["
                    "{\"kind\":\"post\",\"key\":\"a\",\"url\":\"https://x.test/h\",\"type\":\"t\","
                    "\"outlet\":\"o\",\"data\":{\"n\":1}},"
                    "{\"kind\":\"post\",\"key\":\"b\",\"url\":\"https://x.test/\",\"type\":null,"
                    "\"outlet\":null,\"data\":2}]}");
}

static void a_batch_is_shown_message_by_message(void **state)
{
        (void)state;
        struct outgoing batch[] = {{.key = "k", .type = "u.v1", .data = "1", .subject = "s"},
                                   {.key = "k",
                                    .type = "u.v1",
                                    .data = "[2]",
                                    .exchange = "e",
                                    .deliver_at = "2026-08-04T09:00:00Z"}};
        struct effect effects[] = {
                {.kind = EFFECT_PUBLISH, .publish = {.list = batch, .count = 2, .numbered = true}},
                {.kind = EFFECT_PUBLISH, .publish = {.list = batch, .count = 1}},
        };
        assert_json(effects, 2,
                    "{\"type\":\"t.v1\",\"effects\":["
                    "{\"kind\":\"publish\",\"key\":\"k.0\",\"type\":\"u.v1\",\"subject\":\"s\","
                    "\"deliver_at\":null,\"exchange\":null,\"data\":1},"
                    "{\"kind\":\"publish\",\"key\":\"k.1\",\"type\":\"u.v1\",\"subject\":null,"
                    "\"deliver_at\":\"2026-08-04T09:00:00Z\",\"exchange\":\"e\",\"data\":[2]},"
                    "{\"kind\":\"publish\",\"key\":\"k\",\"type\":\"u.v1\",\"subject\":\"s\","
                    "\"deliver_at\":null,\"exchange\":null,\"data\":1}]}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_effect_is_an_empty_list),
                cmocka_unit_test(a_post_is_shown_without_the_end_of_its_url),
                cmocka_unit_test(a_batch_is_shown_message_by_message),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
