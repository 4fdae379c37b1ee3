#include "io/redis/connection/redis_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_url_says_where_to_go(void **state)
{
        static const struct {
                const char *url, *nodes, *name, *database, *user, *password;
                enum redis_way way;
                bool encrypted;
        } cases[] = {
                {"redis://cache", "cache:6379", NULL, "0", NULL, NULL, REDIS_SERVER, false},
                {"rediss://u:p%40s@[2001:db8::1]:7/3", "[2001:db8::1]:7", NULL, "3", "u", "p@s", REDIS_SERVER,
                 true},
                {"redis+sentinel://a,b:1,[::1]:2/shop", "a:26379 b:1 [::1]:2", "shop", "0", NULL, NULL,
                 REDIS_BY_SENTINELS, false},
                {"rediss+sentinel://:p@a/my.master/2", "a:26379", "my.master", "2", NULL, "p",
                 REDIS_BY_SENTINELS, true},
                {"redis+sentinel://u:p@a:26379,b/shop/", "a:26379 b:26379", "shop", "0", "u", "p",
                 REDIS_BY_SENTINELS, false},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct arena arena;
                struct redis_address address;
                arena_init(&arena);
                assert_null(redis_url_parse(&arena, cases[i].url, &address));
                const char *nodes = "";
                for (size_t n = 0; n < address.count; n++)
                        nodes = arena_printf(&arena, "%s%s%s", nodes, n ? " " : "",
                                             redis_node_text(&arena, &address.nodes[n]));
                assert_string_equal(nodes, cases[i].nodes);
                assert_int_equal(address.way, cases[i].way);
                assert_int_equal(address.encrypted, cases[i].encrypted);
                assert_int_equal(redis_url_is_encrypted(cases[i].url), cases[i].encrypted);
                assert_string_equal(address.database, cases[i].database);
                assert_string_equal(address.name ? address.name : "", cases[i].name ? cases[i].name : "");
                assert_string_equal(address.user ? address.user : "", cases[i].user ? cases[i].user : "");
                assert_string_equal(address.password ? address.password : "",
                                    cases[i].password ? cases[i].password : "");
                arena_fini(&arena);
        }
}

static void what_leads_nowhere_is_refused(void **state)
{
        static const char *const cases[][2] = {
                {"redis://a,b/0", "several hosts"},
                {"redis://a/shop", "number of a database"},
                {"redis+sentinel://a:1,b:2", "must name the primary"},
                {"redis+sentinel://a:1,b:2/", "must name the primary"},
                {"redis+sentinel://a/shop/x", "number of a database"},
                {"redis+sentinel://a/shop/0/1", "number of a database"},
                {"redis+sentinel://a,,b/shop", "not a URL"},
                {"redis+sentinel://a:1/shop/123456", "number of a database"},
                {"http://a", "begins with redis://"},
                {"redis+sentinels://a/b", "begins with redis://"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct arena arena;
                struct redis_address address;
                arena_init(&arena);
                const char *fault = redis_url_parse(&arena, cases[i][0], &address);
                if (!fault || !strstr(fault, cases[i][1]))
                        fail_msg("%s: %s", cases[i][0], fault ? fault : "taken");
                arena_fini(&arena);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_url_says_where_to_go),
                cmocka_unit_test(what_leads_nowhere_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
