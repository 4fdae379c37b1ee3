#include "core/trace/otlp_pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void lists_are_read_as_the_environment_writes_them(void **state)
{
        (void)state;
        struct arena arena;
        struct config_texts pairs = {0};
        struct config_texts texts = {
                .list = {"api-key=a%2Cb , x= Bearer%20k= ,", "authorization\nBearer a=b,c"}, .count = 2};
        size_t bad;
        arena_init(&arena);
        assert_true(otlp_pairs(&arena, &texts, &pairs, &bad));
        assert_int_equal(pairs.count, 3);
        assert_string_equal(pairs.list[0], "api-key\na,b");
        assert_string_equal(pairs.list[1], "x\nBearer k=");
        assert_string_equal(pairs.list[2], "authorization\nBearer a=b,c");
        assert_string_equal(otlp_pair(&pairs, "x"), "Bearer k=");
        assert_null(otlp_pair(&pairs, "api"));
        arena_fini(&arena);
}

static void what_is_no_list_is_named(void **state)
{
        (void)state;
        static const char *const bad_ones[] = {"x", "=y", "a=b,c", "a=%zz", "a=%0a", " =b", "a\tb"};
        for (size_t i = 0; i < sizeof(bad_ones) / sizeof(*bad_ones); i++) {
                struct arena arena;
                struct config_texts pairs = {0}, texts = {.list = {"a=b", bad_ones[i]}, .count = 2};
                size_t bad = 9;
                arena_init(&arena);
                assert_false(otlp_pairs(&arena, &texts, &pairs, &bad));
                assert_int_equal(bad, 1);
                arena_fini(&arena);
        }
}

static void headers_are_tokens_and_text(void **state)
{
        (void)state;
        assert_true(otlp_header_valid("x-api-key\nä b\tc"));
        assert_false(otlp_header_valid("x y\nb"));
        assert_false(otlp_header_valid("x:\nb"));
        assert_false(otlp_header_valid("\nb"));
        assert_false(otlp_header_valid("x\nb\r\nEvil: 1"));
        assert_true(otlp_is_own("service.name\nx"));
        assert_false(otlp_is_own("service.namespace\nx"));
}

static void the_path_is_added_once(void **state)
{
        (void)state;
        static const struct {
                const char *url, *whole, *target;
        } cases[] = {
                {"http://c:4318", NULL, "http://c:4318/v1/traces"},
                {"http://c:4318/", NULL, "http://c:4318/v1/traces"},
                {"https://c/otlp//", NULL, "https://c/otlp/v1/traces"},
                {"http://c:4318/v1/traces", NULL, "http://c:4318/v1/traces"},
                {"http://c:4318", "https://d/in", "https://d/in"},
                {NULL, "https://d/in", "https://d/in"},
                {NULL, NULL, NULL},
        };
        struct arena arena;
        arena_init(&arena);
        struct config *config = arena_alloc(&arena, sizeof(*config));
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                config->otlp.url = cases[i].url;
                config->otlp.traces_url = cases[i].whole;
                const char *target = otlp_target(&arena, config);
                if (cases[i].target)
                        assert_string_equal(target, cases[i].target);
                else
                        assert_null(target);
        }
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lists_are_read_as_the_environment_writes_them),
                cmocka_unit_test(what_is_no_list_is_named),
                cmocka_unit_test(headers_are_tokens_and_text),
                cmocka_unit_test(the_path_is_added_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
