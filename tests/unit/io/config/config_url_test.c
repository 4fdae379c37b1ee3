#include "io/config/config_file.h"
#include "io/config/config_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What every URL refuses, with a piece of what it says to write instead; NULL: it is taken. */
static void what_would_be_ignored_is_refused_and_what_to_write_is_said(void **state)
{
        static const struct {
                enum url_use use;
                const char *text, *said;
        } cases[] = {
                {URL_BROKER, "amqp://u:p@a:5672,b:5672,[::1]:5672/vh", NULL},
                {URL_BROKER, "amqp://h", NULL},
                {URL_BROKER, "amqps://u:p%40ss@h/%2Fa", NULL},
                {URL_BROKER, "amqp://h/?heartbeat=30", "a heartbeat is amqp.heartbeat"},
                {URL_BROKER, "amqp://h?", "holds a query"},
                {URL_BROKER, "amqp://h/v#x", "holds a fragment"},
                {URL_BROKER, "amqp://u:p#ss@h/", "%23 for #"},
                {URL_BROKER, "amqp://u:p@ss@h/", "%40 for @"},
                {URL_BROKER, "amqp://u:p/ss@h/", "or use amqp.username and amqp.password"},
                {URL_BROKER, "amqp://u:12#3@h/", "write # in a password as %23"},
                {URL_BROKER, "amqp://u:p%0ass@h/", "an encoded control character"},
                {URL_BROKER, "amqp://a,,b/", "is not a URL like amqp://"},
                {URL_BROKER, "amqp://a,/", "is not a URL like amqp://"},
                {URL_BROKER, "amqp://h:0/", "port 0"},
                {URL_BROKER, "amqp://h:70000/", "is not a URL like amqp://"},
                {URL_BROKER, "amqp://a:1,b:x/", "is not a URL like amqp://"},
                {URL_REDIS, "redis://[::1]:6379/0", NULL},
                {URL_REDIS, "redis://:p@h", NULL},
                {URL_REDIS, "redis://u:p@h/15", NULL},
                {URL_REDIS, "redis://h?db=2", "as in redis://host:6379/2"},
                {URL_REDIS, "redis://h/0?timeout=5", "a time-out is redis.timeout"},
                {URL_REDIS, "redis://h/shop", "number of a database"},
                {URL_REDIS, "redis://h/0/1", "number of a database"},
                {URL_REDIS, "redis://secret@h/0", "redis://:password@host"},
                {URL_REDIS, "redis://a:1,b:1/0", "names several hosts"},
                {URL_REDIS, "redis://h/0#1", "holds a fragment"},
                {URL_REDIS, "redis+sentinel://u:p@a:26379,b,[::1]:1/shop/0", NULL},
                {URL_REDIS, "rediss+sentinel://:p@a/shop", NULL},
                {URL_REDIS, "redis+sentinel://a,b/", "must name the primary"},
                {URL_REDIS, "redis+sentinel://a,b/shop/x", "number of a database"},
                {URL_REDIS, "redis+sentinel://a,b/shop?db=1", "the database is the path"},
                {URL_REDIS, "redis+sentinel://u@a/shop", "without a password"},
                {URL_MAIL_API, "https://api.example.com/base", NULL},
                {URL_MAIL_API, "https://api.example.com/?key=1", "mail.http.api_key"},
                {URL_MAIL_API, "https://k@api.example.com/", "settings of their own"},
                {URL_MAIL_API, "https://api.example.com/#x", "holds a fragment"},
                {URL_MAIL_API, "https://a,b/", "names several hosts"},
                {URL_MAIL_SERVER, "smtp://[2001:db8::1]:25", NULL},
                {URL_MAIL_SERVER, "smtps://m.example.com/", NULL},
                {URL_MAIL_SERVER, "smtp://m.example.com/relay.example.com", "holds a path"},
                {URL_MAIL_SERVER, "smtp://m.example.com?starttls=true", "mail.smtp.starttls"},
                {URL_MAIL_SERVER, "smtp://u:p@m.example.com", "settings of their own"},
                {URL_WEBHOOK, "https://u:p@hooks.example.com/a?token=1", NULL},
                {URL_WEBHOOK, "https://hooks.example.com/a#b", "holds a fragment"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct arena arena;
                arena_init(&arena);
                const char *fault = config_url_fault(&arena, cases[i].use, cases[i].text);
                if (!fault != !cases[i].said || (fault && !strstr(fault, cases[i].said)))
                        fail_msg("%s: %s", cases[i].text, fault ? fault : "taken");
                arena_fini(&arena);
        }
}

static const char *const *environment;

/* All errors, or "" and the configuration. */
static struct config *load(const char *const *sets, size_t count, struct config_errors *errors)
{
        struct config_source source = {.environment = environment, .sets = sets, .set_count = count};
        struct config *config = NULL;
        *errors = (struct config_errors){0};
        config_load(&source, &config, errors);
        return config;
}

static void a_password_in_a_variable_is_encoded_where_the_url_needs_it(void **state)
{
        static const char *const cases[][2] = {
                {"PASSWORD=p@ss", "amqp://leveret:p%40ss@h:1/v"},
                {"PASSWORD=a:b/c?d#e%f,g[h] i", "amqp://leveret:a%3Ab%2Fc%3Fd%23e%25f%2Cg%5Bh%5D%20i@h:1/v"},
                {"PASSWORD=p\xc3\xa4ss", "amqp://leveret:p%C3%A4ss@h:1/v"},
                {"PASSWORD=p%40ss", "amqp://leveret:p%40ss@h:1/v"}, /* encoded already, as 0.1.0 wanted it */
                {"PASSWORD=100%", "amqp://leveret:100%25@h:1/v"},
                {"PASSWORD=plain!$&'()*+;=", "amqp://leveret:plain!$&'()*+;=@h:1/v"},
        };
        static const char *const sets[] = {"mail.transport=log", "amqp.allow_plaintext=true",
                                           "amqp.url=amqp://leveret:${PASSWORD}@h:${PORT:-1}/v"};
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct config_errors errors;
                const char *variables[] = {cases[i][0], NULL};
                environment = variables;
                struct config *config = load(sets, 3, &errors);
                assert_string_equal(errors.lines.data ? errors.lines.data : "", "");
                assert_string_equal(config->amqp.url, cases[i][1]);
                config_free(config);
                config_errors_fini(&errors);
        }
}

static void a_login_stands_in_one_place(void **state)
{
        static const struct {
                const char *sets[3];
                const char *said;
        } cases[] = {
                {{"amqp.username=u", "amqp.password=p@ss"}, ""},
                {{"amqp.url=amqp://u@127.0.0.1/", "amqp.password=p@ss"}, ""},
                {{"redis.password=p@ss"}, ""},
                {{"redis.username=u", "redis.password=p"}, ""},
                {{"amqp.username=u"}, "amqp.password: is required with amqp.username\n"},
                {{"redis.username=u"}, "redis.password: is required with redis.username\n"},
                {{"amqp.url=amqp://u:p@127.0.0.1/", "amqp.password=q"},
                 "amqp.password: amqp.url holds a password too; take one of them away\n"},
                {{"redis.url=redis://u:p@127.0.0.1/", "redis.username=v"},
                 "redis.username: redis.url holds a user too; take one of them away\n"},
        };
        static const char *const none[] = {NULL};
        (void)state;
        environment = none;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                const char *sets[4] = {"mail.transport=log"};
                size_t count = 1;
                for (size_t j = 0; j < 3 && cases[i].sets[j]; j++)
                        sets[count++] = cases[i].sets[j];
                struct config_errors errors;
                config_free(load(sets, count, &errors));
                const char *lines = errors.lines.data ? errors.lines.data : "";
                if (cases[i].said[0] ? !strstr(lines, cases[i].said) : lines[0] != '\0')
                        fail_msg("case %zu: %s", i, lines);
                config_errors_fini(&errors);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_would_be_ignored_is_refused_and_what_to_write_is_said),
                cmocka_unit_test(a_password_in_a_variable_is_encoded_where_the_url_needs_it),
                cmocka_unit_test(a_login_stands_in_one_place),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
