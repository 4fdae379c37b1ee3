#include "io/machine/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int begin(void **state)
{
        (void)state;
        arena_init(&arena);
        return 0;
}

static int end(void **state)
{
        (void)state;
        arena_fini(&arena);
        return 0;
}

static void an_origin_is_scheme_host_and_port_in_one_spelling(void **state)
{
        (void)state;
        static const char *const pairs[][2] = {
                {"https://hooks.example.com/a?b#c", "https://hooks.example.com"},
                {"HTTPS://Hooks.Example.COM:443", "https://hooks.example.com"},
                {"http://a.test:8080/x", "http://a.test:8080"},
                {"http://a.test:80/", "http://a.test"},
                {"http://2130706433/", "http://127.0.0.1"},
                {"http://0x7f.1/", "http://127.0.0.1"},
                {"http://[::1]:81/", "http://[::1]:81"},
        };
        for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
                struct origin origin;
                assert_null(origin_parse(&arena, pairs[i][0], &origin));
                assert_string_equal(origin_text(&arena, &origin), pairs[i][1]);
        }
}

static void what_could_lead_elsewhere_is_refused(void **state)
{
        (void)state;
        static const char *const urls[] = {"",
                                           "ftp://a.test/",
                                           "file:///etc/passwd",
                                           "a.test",
                                           "http://",
                                           "http://u@a.test/",
                                           "http://u:p@a.test/",
                                           "http://:p@a.test/",
                                           "http://a.test:99999/",
                                           "http://[fe80::1%25eth0]/",
                                           "http://a.test./",
                                           "http://b\xc3\xbc"
                                           "cher.test/",
                                           "http://a b.test/"};
        for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
                struct origin origin;
                if (!origin_parse(&arena, urls[i], &origin))
                        fail_msg("%s is taken as %s", urls[i], origin_text(&arena, &origin));
        }
}

static bool listed(const char *url, const char *entry, bool *privately)
{
        struct origin origin;
        const struct config_texts list = {.list = {"https://nobody.test", entry}, .count = 2};
        assert_null(origin_parse(&arena, url, &origin));
        return origin_is_listed(&arena, &origin, &list, privately);
}

static void lists_name_origins_and_stars(void **state)
{
        (void)state;
        static const struct {
                const char *url, *entry;
                bool listed, privately;
        } cases[] = {
                {"https://a.test/x", "https://a.test", true, false},
                {"https://a.test/x", "https://A.test:443", true, false},
                {"http://a.test/x", "https://a.test", false, false},
                {"https://a.test:444/", "https://a.test", false, false},
                {"https://b.a.test/", "https://a.test", false, false},
                {"https://b.a.test/", "https://*.a.test", true, false},
                {"https://c.b.a.test/", "https://*.a.test", true, false},
                {"https://a.test/", "https://*.a.test", false, false},
                {"https://xa.test/", "https://*.a.test", false, false},
                {"https://b.a.test:8443/", "https://*.a.test:8443", true, false},
                {"https://b.a.test/", "https://*.a.test:8443", false, false},
                {"https://any.test/", "https://*", true, false},
                {"http://any.test/", "https://*", false, false},
                {"http://any.test:99/", "http://*:99", true, false},
                {"http://127.0.0.1:99/", "http://*:99", true, false},
                {"http://127.0.0.1:99/", "http://127.0.0.1:99", true, true},
                {"http://10.1.2.3/", "http://10.1.2.3", true, true},
                {"http://localhost/", "http://localhost", true, true},
                {"http://[::1]/", "http://[::1]", true, true},
                {"http://[fd00::1]/", "http://[fd00::1]", true, true},
                {"http://[fe80::1]:99/", "http://[fe80::1]:99", true, true},
                {"http://8.8.8.8/", "http://8.8.8.8", true, false},
                {"http://[2001:4860:4860::8888]/", "http://[2001:4860:4860::8888]", true, false},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                bool privately;
                if (listed(cases[i].url, cases[i].entry, &privately) != cases[i].listed ||
                    privately != cases[i].privately)
                        fail_msg("%s by %s: privately %d", cases[i].url, cases[i].entry, privately);
        }
}

static void an_entry_that_is_more_or_less_than_an_origin_is_a_fault(void **state)
{
        (void)state;
        static const char *const faulty[] = {"a.test",           "https://a.test/",   "https://a.test/x",
                                             "https://a.test?x", "https://a.*.test",  "https://**.a.test",
                                             "https://a*.test",  "https://u@a.test",  "ftp://a.test",
                                             "https://",         "https://*.*.a.test"};
        for (size_t i = 0; i < sizeof(faulty) / sizeof(*faulty); i++)
                if (!origin_entry_fault(&arena, faulty[i]))
                        fail_msg("%s is taken", faulty[i]);
        assert_null(origin_entry_fault(&arena, "https://*"));
        assert_null(origin_entry_fault(&arena, "https://*.example.com:8443"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(an_origin_is_scheme_host_and_port_in_one_spelling, begin,
                                                end),
                cmocka_unit_test_setup_teardown(what_could_lead_elsewhere_is_refused, begin, end),
                cmocka_unit_test_setup_teardown(lists_name_origins_and_stars, begin, end),
                cmocka_unit_test_setup_teardown(an_entry_that_is_more_or_less_than_an_origin_is_a_fault,
                                                begin, end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
