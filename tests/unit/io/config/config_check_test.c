#include "io/config/config_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What is refused, and right beside it what is not. */

static const char *const *types_known(void *context, const struct config *config, struct buffer *lines,
                                      size_t *count)
{
        static const char *const types[] = {"email.send.v1", NULL};
        (void)context, (void)config, (void)lines, (void)count;
        return types;
}

static const struct config_types known = {.names = types_known};

static char directory[64], path[96];

static int set_up(void **state)
{
        (void)state;
        strcpy(directory, "/tmp/leveret-check-XXXXXX");
        assert_non_null(mkdtemp(directory));
        snprintf(path, sizeof(path), "%s/a.yaml", directory);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        return unlink(path) || rmdir(directory);
}

struct loaded {
        struct config *config;
        struct config_errors errors;
};

/* A file of that line; mail goes to the log. */
static struct loaded load(const char *line)
{
        static const char *const no_environment[] = {NULL};
        static const char *const log[] = {"mail.transport=log"};
        struct loaded loaded = {0};
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "%s\n", line);
        fclose(file);
        struct config_source source = {
                .path = path, .environment = no_environment, .sets = log, .set_count = 1, .types = &known};
        config_load(&source, &loaded.config, &loaded.errors);
        return loaded;
}

static void unload(struct loaded *loaded)
{
        config_free(loaded->config);
        config_errors_fini(&loaded->errors);
}

/* `said`: a piece of the only error; NULL: it is taken. */
static void expect(const char *line, const char *said)
{
        struct loaded loaded = load(line);
        const char *lines = loaded.errors.lines.data ? loaded.errors.lines.data : "";
        bool right = said ? !loaded.config && loaded.errors.count == 1 && strstr(lines, said)
                          : loaded.config && !lines[0];
        if (!right)
                fail_msg("%.80s: %s", line, lines[0] ? lines : "taken");
        unload(&loaded);
}

static void a_place_to_listen_at_has_a_port(void **state)
{
        static const char *const good[] = {"127.0.0.1:0", "127.0.0.1:65535", "localhost:9464", "[::1]:9464",
                                           "off"};
        static const char *const bad[] = {
                "127.0.0.1",  ":9464",    "127.0.0.1:-1",    "127.0.0.1:65536", "127.0.0.1:x",
                "127.0.0.1:", "::1:9464", "127.0.0.1:9464x", "[::1:9464"};
        char line[64];
        (void)state;
        for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
                snprintf(line, sizeof(line), "admin: {listen: '%s'}", good[i]);
                expect(line, NULL);
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                snprintf(line, sizeof(line), "admin: {listen: '%s'}", bad[i]);
                expect(line, "admin.listen: expected host:port or off");
        }
}

/* The exchange of a binding does not count as a part of its pattern. */
static void a_pattern_has_1_to_255_bytes(void **state)
{
        static const struct {
                int len;
                const char *before, *behind, *said;
        } cases[] = {
                {1, "", "", NULL},
                {255, "", "", NULL},
                {256, "", "", "expected patterns of 1 to 255 bytes"},
                {255, "{exchange: x, key: ", "}", NULL},
                {256, "{exchange: x, key: ", "}", "expected patterns of 1 to 255 bytes"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                char key[300] = "", line[400];
                memset(key, 'k', (size_t)cases[i].len);
                snprintf(line, sizeof(line), "queues: [{name: a, bindings: [%s%s%s]}]", cases[i].before, key,
                         cases[i].behind);
                expect(line, cases[i].said);
        }
}

static void a_wildcard_is_a_word_unless_the_exchange_is_ours_not(void **state)
{
        (void)state;
        expect("queues: [{name: a, bindings: ['*', '#', 'a.*.b', '#.a', 'a.#']}]", NULL);
        expect("queues: [{name: a, bindings: ['a*']}]", "stand for whole words");
        expect("queues: [{name: a, bindings: ['*a']}]", "stand for whole words");
        expect("queues: [{name: a, bindings: ['a.b#.c']}]", "stand for whole words");
        expect("queues: [{name: a, bindings: [{exchange: x, key: 'a*'}]}]", NULL);
        expect("queues: [{name: a, bindings: [a, a]}]", "holds the same pattern twice");
        expect("queues: [{name: a, bindings: [a, {exchange: x, key: a}, {exchange: y, key: a}]}]", NULL);
}

static void a_queue_has_a_name_of_its_own(void **state)
{
        (void)state;
        expect("queues: [{name: a}, {name: b}]", NULL);
        expect("queues: [{name: a}, {name: a}]", "queues[1].name: is also the name of queues[0]");
        expect("queues: [{name: a}, {name: a.dlq}]", "queues[1].name: is a name that queues[0] derives");
        expect("queues: [{name: a.again}, {name: a}]", "queues[0].name: is a name that queues[1] derives");
        expect("queues: [{name: a}, {name: a.retry.5s}]", "is a name that queues[0] derives");
        expect("queues: [{name: a}, {name: a.retry}, {name: a.dlqx}]", NULL);
}

static void rates_of_domains_are_rates_of_domains(void **state)
{
        (void)state;
        expect("mail: {rate_domain: {gmail.com: 10/s, '*': 1000000/s, free.example: 0}}", NULL);
        expect("mail: {rate_domain: {gmail.com: many}}", "gmail.com: expected a rate such as 20/s");
        expect("mail: {rate_domain: {gmail.com: 1000001/s}}", "gmail.com: expected a rate such as 20/s");
        expect("mail: {rate_domain: {a b: 2/s}}", "entry 1: expected a domain or *");
        expect("mail: {rate_domain: {gmail.com: 2/s, '**': 2/s}}", "entry 2: expected a domain or *");
}

#define SCHEDULE "schedules: [{name: n, cron: '0 9 * * *', type: email.send.v1, data: "

/* What stands under data is JSON, whatever it looks like, and to any depth. */
static void the_data_of_a_schedule_is_json_as_yaml_writes_it(void **state)
{
        static const char *const cases[][2] = {
                {"{to: a@example.com, n: 3, deep: {list: [1, x, true, null, ~, '1', -2.5], empty: {}}}",
                 "{\"to\":\"a@example.com\",\"n\":3,\"deep\":{\"list\":[1,\"x\",true,null,null,\"1\",-2.5],"
                 "\"empty\":{}}}"},
                {"{}", "{}"},
                {"{a: [], b: [[]], c: 007, d: \"tab\\t\"}",
                 "{\"a\":[],\"b\":[[]],\"c\":\"007\",\"d\":\"tab\\t\"}"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                char line[400];
                snprintf(line, sizeof(line), SCHEDULE "%s}]", cases[i][0]);
                struct loaded loaded = load(line);
                if (!loaded.config)
                        fail_msg("%s: %s", line, loaded.errors.lines.data);
                assert_string_equal(loaded.config->schedules[0].data, cases[i][1]);
                unload(&loaded);
        }
        expect(SCHEDULE "{[a]: 1}}]", "a key that is no text");
        expect(SCHEDULE "{a: {<<: {b: 1}}}}]", "a tag, <<, or");
        expect(SCHEDULE "{a: !secret b}}]", "a tag, <<, or");
}

/* Only what a file or another --set has begun can be changed by its number. */
static void an_entry_is_named_by_a_number_that_there_is(void **state)
{
        static const char *const bad[] = {"queues[1].prefetch=3",  "queues[9].prefetch=3",
                                          "queues[-1].prefetch=3", "queues[x].prefetch=3",
                                          "queues[].prefetch=3",   "queues[0x0].prefetch=3"};
        static const char *const no_environment[] = {NULL};
        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                const char *sets[] = {"mail.transport=log", "queues[0].prefetch=2", bad[i]};
                struct loaded loaded = {0};
                struct config_source source = {
                        .environment = no_environment, .sets = sets, .set_count = 3, .types = &known};
                config_load(&source, &loaded.config, &loaded.errors);
                if (loaded.config || loaded.errors.count != 1)
                        fail_msg("%s: %s", bad[i], loaded.config ? "taken" : loaded.errors.lines.data);
                unload(&loaded);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_place_to_listen_at_has_a_port),
                TEST(a_pattern_has_1_to_255_bytes),
                TEST(a_wildcard_is_a_word_unless_the_exchange_is_ours_not),
                TEST(a_queue_has_a_name_of_its_own),
                TEST(rates_of_domains_are_rates_of_domains),
                cmocka_unit_test(an_entry_is_named_by_a_number_that_there_is),
                TEST(the_data_of_a_schedule_is_json_as_yaml_writes_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
