#include "core/serve/guesses.h"
#include "core/serve/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_MS = 1000000 };

static struct config config;
static struct arena arena;

static int begin(void **state)
{
        (void)state;
        arena_init(&arena);
        config = (struct config){0};
        config.serve.tokens[0] = (struct config_token){.name = "anna b; =", .token = "0123456789abcdef"};
        config.serve.tokens[1] = (struct config_token){.name = "other", .token = "fedcba9876543210"};
        config.serve.token_count = 2;
        return 0;
}

static int end(void **state)
{
        (void)state;
        arena_fini(&arena);
        return 0;
}

static const struct config_token *reads(const char *cookies, int64_t now_ms)
{
        int64_t until_ms;
        return session_read(&arena, &config, cookies, now_ms, &until_ms);
}

static const char *cookie_of(size_t token, int64_t until_ms)
{
        return arena_printf(&arena, "a=1; leveret=%s; b=2",
                            session_make(&arena, &config.serve.tokens[token], until_ms));
}

static void a_session_speaks_for_its_token_until_it_is_over(void **state)
{
        (void)state;
        int64_t until_ms = 0;
        for (size_t i = 0; i < 2; i++)
                assert_ptr_equal(session_read(&arena, &config, cookie_of(i, NOW_MS + 5), NOW_MS, &until_ms),
                                 &config.serve.tokens[i]);
        assert_int_equal(until_ms, NOW_MS + 5);
        assert_null(reads(cookie_of(0, NOW_MS), NOW_MS));
        assert_null(reads(cookie_of(0, NOW_MS - 1), NOW_MS));
        assert_null(reads(cookie_of(0, (int64_t)NOW_MS + SESSION_LIFE_MS + 1), NOW_MS));
}

static void what_was_changed_is_none(void **state)
{
        (void)state;
        const char *good = cookie_of(0, NOW_MS + 5);
        for (size_t i = strlen("a=1; leveret="); i < strlen(good) - strlen("; b=2"); i++) {
                char *bad = arena_strdup(&arena, good);
                bad[i] = bad[i] == 'A' ? 'B' : 'A';
                assert_null(reads(bad, NOW_MS));
        }
        static const char *const none[] = {"",          "leveret",          "leveret=",       "leveret=..",
                                           "leveret=.", "leveret=a.999999", "xleveret=a.1.b", ";;;=; ;"};
        for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
                assert_null(reads(none[i], NOW_MS));
        assert_null(reads(NULL, NOW_MS));
}

static void a_token_that_changes_ends_its_sessions(void **state)
{
        (void)state;
        const char *cookie = cookie_of(0, NOW_MS + 5);
        config.serve.tokens[0].token = "0123456789abcdeg";
        assert_null(reads(cookie, NOW_MS));
        config.serve.tokens[0].token = "0123456789abcdef";
        config.serve.tokens[0].name = "anna";
        assert_null(reads(cookie, NOW_MS));
}

static void who_guesses_waits_and_others_do_not(void **state)
{
        (void)state;
        static struct guesses guesses;
        for (int i = 0; i < GUESSES_BURST; i++) {
                assert_int_equal(guesses_wait_ms(&guesses, 7, NOW_MS), 0);
                guesses_failed(&guesses, 7, NOW_MS);
        }
        assert_int_equal(guesses_wait_ms(&guesses, 7, NOW_MS), GUESSES_EVERY_MS);
        assert_int_equal(guesses_wait_ms(&guesses, 8, NOW_MS), 0);
        assert_int_equal(guesses_wait_ms(&guesses, 7, NOW_MS + GUESSES_EVERY_MS - 1), 1);
        assert_int_equal(guesses_wait_ms(&guesses, 7, NOW_MS + GUESSES_EVERY_MS), 0);
        guesses_failed(&guesses, 7, NOW_MS + GUESSES_EVERY_MS);
        assert_int_equal(guesses_wait_ms(&guesses, 7, NOW_MS + GUESSES_EVERY_MS), GUESSES_EVERY_MS);
        assert_int_equal(guesses_wait_ms(&guesses, 7, NOW_MS + 100 * GUESSES_EVERY_MS), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_session_speaks_for_its_token_until_it_is_over, begin, end),
                cmocka_unit_test_setup_teardown(what_was_changed_is_none, begin, end),
                cmocka_unit_test_setup_teardown(a_token_that_changes_ends_its_sessions, begin, end),
                cmocka_unit_test(who_guesses_waits_and_others_do_not),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
