#include "io/amqp/amqp_connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool parse(struct arena *arena, const char *url, struct amqp_settings *settings,
                  struct amqp_error *error)
{
        struct config config = {.amqp = {.url = url, .heartbeat_ms = 1500}};
        arena_init(arena);
        return amqp_settings_parse(arena, &config, settings, error);
}

static void a_url_is_taken_apart_and_decoded(void **state)
{
        static const struct {
                const char *url, *host, *user, *password, *vhost, *place;
                int port;
                bool tls;
        } cases[] = {
                {"amqp://h", "h", "guest", "guest", "/", "amqp://h:5672/", 5672, false},
                {"amqp://h/", "h", "guest", "guest", "/", "amqp://h:5672/", 5672, false},
                {"amqp://h/%2F", "h", "guest", "guest", "/", "amqp://h:5672/", 5672, false},
                {"amqp://h/%2fshop", "h", "guest", "guest", "/shop", "amqp://h:5672//shop", 5672, false},
                {"amqp://u:p%40ss%2f@h:1234/shop", "h", "u", "p@ss/", "shop", "amqp://h:1234/shop", 1234,
                 false},
                {"amqps://u:p@h/a%2fb", "h", "u", "p", "a/b", "amqps://h:5671/a/b", 5671, true},
                {"amqp://:@h/../a", "h", "guest", "guest", "../a", "amqp://h:5672/../a", 5672, false},
                {"amqp://[::1]:5673/", "::1", "guest", "guest", "/", "amqp://[::1]:5673/", 5673, false},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct arena arena;
                struct amqp_settings settings;
                struct amqp_error error;
                assert_true(parse(&arena, cases[i].url, &settings, &error));
                assert_string_equal(settings.nodes[0].host, cases[i].host);
                assert_string_equal(settings.user, cases[i].user);
                assert_string_equal(settings.password, cases[i].password);
                assert_string_equal(settings.vhost, cases[i].vhost);
                assert_string_equal(settings.nodes[0].place, cases[i].place);
                assert_int_equal(settings.nodes[0].port, cases[i].port);
                assert_int_equal(settings.tls, cases[i].tls);
                assert_int_equal(settings.heartbeat_s, 2);
                arena_fini(&arena);
        }
}

static void every_node_of_a_list_is_taken(void **state)
{
        struct arena arena;
        struct amqp_settings settings;
        struct amqp_error error;
        (void)state;
        assert_true(parse(&arena, "amqp://u:p@a,b:1,[::1]:2,[fe80::1%25eth0]/v", &settings, &error));
        static const struct amqp_node nodes[] = {{"a", "amqp://a:5672/v", 5672},
                                                 {"b", "amqp://b:1/v", 1},
                                                 {"::1", "amqp://[::1]:2/v", 2},
                                                 {"fe80::1%eth0", "amqp://[fe80::1%eth0]:5672/v", 5672}};
        assert_int_equal(settings.node_count, 4);
        for (size_t i = 0; i < 4; i++) {
                assert_string_equal(settings.nodes[i].host, nodes[i].host);
                assert_string_equal(settings.nodes[i].place, nodes[i].place);
                assert_int_equal(settings.nodes[i].port, nodes[i].port);
        }
        assert_string_equal(settings.user, "u");
        assert_string_equal(settings.password, "p");
        assert_string_equal(settings.vhost, "v");
        arena_fini(&arena);
}

static void settings_of_their_own_go_before_those_of_the_url(void **state)
{
        struct arena arena;
        struct amqp_settings settings;
        struct amqp_error error;
        struct config config = {
                .amqp = {.url = "amqp://guest:guest@h/", .username = "leveret", .password = "p@ss/#%41"}};
        (void)state;
        arena_init(&arena);
        assert_true(amqp_settings_parse(&arena, &config, &settings, &error));
        assert_string_equal(settings.user, "leveret");
        assert_string_equal(settings.password, "p@ss/#%41");
        arena_fini(&arena);
}

static void another_scheme_or_no_url_is_refused_without_showing_it(void **state)
{
        const char *urls[] = {"http://u:hunter2@h/", "", "amqp://u:hunter2@h:99999999/",
                              "amqp://u:hunter2@ h/", "amqp://u:hunter2@h,/", "amqp://u:hunter2@,h/",
                              /* What cannot be decoded is not missing: guest and / would be tried. */
                              "amqp://u:hunter2%0a@h/", "amqp://u%09:p@h/", "amqp://u:p@h/shop%00"};
        (void)state;
        for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
                struct arena arena;
                struct amqp_settings settings;
                struct amqp_error error;
                assert_false(parse(&arena, urls[i], &settings, &error));
                assert_int_equal(error.trouble, AMQP_TROUBLE_REFUSED);
                assert_null(strstr(error.text, "hunter2"));
                arena_fini(&arena);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_url_is_taken_apart_and_decoded),
                cmocka_unit_test(every_node_of_a_list_is_taken),
                cmocka_unit_test(settings_of_their_own_go_before_those_of_the_url),
                cmocka_unit_test(another_scheme_or_no_url_is_refused_without_showing_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
