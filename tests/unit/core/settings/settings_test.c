#include "core/settings/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
        (void)state;
        arena_init(&arena);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        arena_fini(&arena);
        return 0;
}

static void every_default_of_the_table_is_valid_and_printable(void **state)
{
        (void)state;
        struct config *config = arena_alloc(&arena, sizeof(*config));
        settings_defaults(config, &arena);
        assert_string_equal(config->amqp.url, "amqp://guest:guest@127.0.0.1:5672/");
        assert_int_equal(config->amqp.heartbeat_ms, 30000);
        assert_int_equal(config->queue_count, 1);
        assert_string_equal(config->queues[0].name, "leveret.work");
        assert_string_equal(config->queues[0].bindings[0], "#");
        assert_int_equal(config->queues[0].prefetch, 256);
        assert_int_equal(config->queues[0].attempts, 8);
        assert_int_equal(config->queues[0].tier_count, 5);
        assert_string_equal(config->queues[0].tiers[4], "1h");
        assert_int_equal(config->queues[0].tiers_ms[4], 3600000);
        assert_int_equal(config->claim.lease_ms, 60000);
        assert_int_equal(config->claim.keep_ms, INT64_C(7) * 86400000);
        assert_int_equal(config->claim.max_crashes, 3);
        assert_int_equal(config->mail.transport, TRANSPORT_HTTP);
        assert_int_equal(config->mail.timeout_ms, 30000);
        assert_int_equal(config->mail.breaker.open_max_ms, 300000);
        assert_int_equal(config->max_body, 1 << 20);
        assert_int_equal(config->shutdown.grace_ms, 25000);
        assert_int_equal(config->log.level, LOG_LEVEL_INFO);
        assert_null(config->mail.from);
        struct config_handler handler;
        settings_handler_defaults(&handler, &arena);
        assert_int_equal(handler.timeout_ms, CONFIG_HANDLER_TIMEOUT_MS);
}

static void every_setting_is_explained_and_has_a_default_or_an_example(void **state)
{
        (void)state;
        for (size_t i = 0; i < setting_count; i++) {
                const struct setting *setting = &settings[i];
                if (!setting->prose || !(setting->fallback || setting->example || setting->shown))
                        fail_msg("%s lacks an explanation or a value to show", setting->name);
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(settings[j].name, setting->name);
                bool number = setting->kind == SETTING_DURATION || setting->kind == SETTING_INTEGER ||
                              setting->kind == SETTING_SIZE || setting->kind == SETTING_RATE;
                assert_true(!number || setting->max > setting->min);
        }
}

static char *file_text(const char *path)
{
        char *text = arena_alloc(&arena, 65536);
        FILE *file = fopen(path, "r");
        if (!file)
                return text;
        text[fread(text, 1, 65535, file)] = '\0';
        fclose(file);
        return text;
}

/* Mended by: settings_test --document > config/leveret.yaml */
static void the_shipped_file_holds_every_setting_with_its_default_and_explanation(void **state)
{
        (void)state;
        struct buffer document = {0};
        settings_document(&document);
        assert_string_equal(file_text(LEVERET_SOURCE_DIR "/config/leveret.yaml"), document.data);
        for (size_t i = 0; i < setting_count; i++) {
                const char *dot = strrchr(settings[i].name, '.');
                char *line = arena_printf(&arena, " %s: ", dot ? dot + 1 : settings[i].name);
                char *start = arena_printf(&arena, "\n%s: ", settings[i].name);
                char *explanation = arena_printf(&arena, "# %.40s", settings[i].prose);
                if (!strstr(document.data, line) && !strstr(document.data, start))
                        fail_msg("%s is missing", settings[i].name);
                if (!strstr(document.data, explanation))
                        fail_msg("%s is not explained", settings[i].name);
        }
        buffer_fini(&document);
}

static void paths_are_found_whatever_their_queue_or_type(void **state)
{
        (void)state;
        assert_string_equal(setting_find("amqp.url")->name, "amqp.url");
        assert_string_equal(setting_find("queues[12].retry.tiers")->name, "queues[].retry.tiers");
        assert_string_equal(setting_find("handlers.order.created.v1.attempts")->name, "handlers.*.attempts");
        assert_null(setting_find("amqp"));
        assert_null(setting_find("amqp.url.x"));
        assert_null(setting_find("queues[0.name"));
        assert_null(setting_find("handlers.attempts"));
        assert_null(setting_find(""));
        assert_true(setting_is_section("mail.http"));
        assert_true(setting_is_section("handlers"));
        assert_true(setting_is_section("handlers.a.v1"));
        assert_true(setting_is_section("queues[0].retry"));
        assert_false(setting_is_section("mail.htt"));
        assert_false(setting_is_section("mail.from"));
}

static void a_misspelt_path_gets_the_nearest_of_its_level(void **state)
{
        (void)state;
        assert_string_equal(setting_suggest(&arena, "ampq"), "amqp");
        assert_string_equal(setting_suggest(&arena, "amqp.hearbeat"), "amqp.heartbeat");
        assert_string_equal(setting_suggest(&arena, "queues[1].prefech"), "queues[1].prefetch");
        assert_string_equal(setting_suggest(&arena, "handlers.a.v1.timeot"), "handlers.a.v1.timeout");
        assert_null(setting_suggest(&arena, "mail.bananas"));
}

static void a_refused_value_is_quoted_unless_it_may_be_a_secret(void **state)
{
        (void)state;
        struct config *config = arena_alloc(&arena, sizeof(*config));
        char error[SETTING_ERROR_MAX];
        const char *bad = "s3cr3t";
        assert_false(setting_assign(setting_find("amqp.heartbeat"), config, (struct setting_texts){&bad, 1},
                                    &arena, error));
        assert_string_equal(error, "expected a duration such as 30s (ms, s, m, h, d), got \"s3cr3t\"");
        assert_false(setting_assign(setting_find("amqp.url"), config, (struct setting_texts){&bad, 1}, &arena,
                                    error));
        assert_string_equal(error, "expected a URL that begins with its scheme: amqp:// or amqps://");
        assert_false(setting_assign(setting_find("mail.from"), config, (struct setting_texts){&bad, 1},
                                    &arena, error));
        assert_null(strstr(error, bad));
        bad = "line\nbreak";
        assert_false(setting_assign(setting_find("mail.http.api_key"), config,
                                    (struct setting_texts){&bad, 1}, &arena, error));
        assert_string_equal(error, "expected UTF-8 text without control characters");
}

static void numbers_are_held_to_their_range(void **state)
{
        (void)state;
        struct config_queue queue;
        char error[SETTING_ERROR_MAX];
        settings_queue_defaults(&queue, &arena);
        const struct setting *prefetch = setting_find("queues[0].prefetch");
        for (size_t i = 0; i < 2; i++) {
                const char *good[] = {"1", "65535"}, *bad[] = {"0", "65536"};
                assert_true(
                        setting_assign(prefetch, &queue, (struct setting_texts){&good[i], 1}, &arena, error));
                assert_false(
                        setting_assign(prefetch, &queue, (struct setting_texts){&bad[i], 1}, &arena, error));
        }
        assert_string_equal(error, "expected 1 to 65535, got \"65536\"");
        assert_int_equal(queue.prefetch, 65535);
}

static void the_prefix_of_every_redis_key_is_bounded(void **state)
{
        (void)state;
        struct config *config = arena_alloc(&arena, sizeof(*config));
        const struct setting *prefix = setting_find("redis.prefix");
        char text[CONFIG_PREFIX_MAX + 2], error[SETTING_ERROR_MAX] = "";
        memset(text, 'p', sizeof(text));
        text[CONFIG_PREFIX_MAX] = '\0';
        const char *longest = arena_strdup(&arena, text);
        text[CONFIG_PREFIX_MAX] = 'p';
        text[CONFIG_PREFIX_MAX + 1] = '\0';
        const char *longer = text;
        settings_defaults(config, &arena);
        assert_true(setting_assign(prefix, config, (struct setting_texts){&longest, 1}, &arena, error));
        assert_string_equal(config->redis.prefix, longest);
        assert_false(setting_assign(prefix, config, (struct setting_texts){&longer, 1}, &arena, error));
        assert_string_equal(error, "expected at most 64 bytes");
}

static void secrets_are_masked_when_printed(void **state)
{
        (void)state;
        struct config *config = arena_alloc(&arena, sizeof(*config));
        settings_defaults(config, &arena);
        config->amqp.url = "amqp://shop:pa@ss@broker:5672/v";
        config->redis.url = "rediss://:hunter2@cache/0";
        config->mail.http.api_key = "re_key";
        config->admin.token = "tok\"en";
        config->alerts.webhook = "https://hooks.example.com/T0/secretpath";
        config->otlp.headers = (struct config_texts){.list = {"x-key\nheadersecret"}, .count = 1};
        struct buffer out = {0};
        settings_print(config, &out);
        assert_non_null(strstr(out.data, "headers: {x-key: \"***\"}\n"));
        assert_null(strstr(out.data, "headersecret"));
        assert_non_null(strstr(out.data, "url: \"amqp://shop:***@broker:5672/v\"\n"));
        assert_non_null(strstr(out.data, "url: \"rediss://:***@cache/0\"\n"));
        assert_non_null(strstr(out.data, "api_key: \"***\"\n"));
        assert_non_null(strstr(out.data, "webhook: \"***\"\n"));
        assert_null(strstr(out.data, "hunter2"));
        assert_null(strstr(out.data, "pa@ss"));
        assert_null(strstr(out.data, "secretpath"));
        buffer_fini(&out);
}

int main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "--document") == 0) {
                struct buffer document = {0};
                settings_document(&document);
                fputs(document.data, stdout);
                buffer_fini(&document);
                return 0;
        }
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(every_default_of_the_table_is_valid_and_printable, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(every_setting_is_explained_and_has_a_default_or_an_example,
                                                set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        the_shipped_file_holds_every_setting_with_its_default_and_explanation, set_up,
                        tear_down),
                cmocka_unit_test_setup_teardown(paths_are_found_whatever_their_queue_or_type, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_misspelt_path_gets_the_nearest_of_its_level, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_refused_value_is_quoted_unless_it_may_be_a_secret, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(numbers_are_held_to_their_range, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_prefix_of_every_redis_key_is_bounded, set_up, tear_down),
                cmocka_unit_test_setup_teardown(secrets_are_masked_when_printed, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
