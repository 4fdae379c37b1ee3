#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/types/type_directory.h"

static struct type_directory directory;

static int set_up(void **state)
{
        (void)state;
        directory_make(&directory);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        directory_remove(&directory);
        return 0;
}

static const char head[] = "type: order.shipped.v1\n"
                           "summary: Tells the customer.\n"
                           "payload:\n"
                           "  type: object\n"
                           "  required: [email]\n"
                           "  properties:\n"
                           "    email: {type: string, format: email}\n"
                           "    name: {type: string}\n"
                           "    locale: {type: string}\n"
                           "    to: {type: [array, 'null'], items: {}}\n"
                           "    lines: {type: array, items: {type: object, properties: {sku: {type: string}, "
                           "email: {type: string}}}}\n"
                           "example: {email: ada@example.com}\n"
                           "effects:\n";

static void load(const char *effects)
{
        struct buffer text = {0};
        buffer_printf(&text, "%s%s", head, effects);
        directory_write(&directory, "order.shipped.v1.yaml", text.data);
        buffer_fini(&text);
        directory_load(&directory);
}

static void assert_told(const char *effects, const char *errors)
{
        load(effects);
        assert_string_equal(directory.errors, errors);
}

/* The plan's text, or what is wrong with the payload. */
static void assert_planned(const char *payload, const char *expected)
{
        struct arena arena;
        arena_init(&arena);
        struct faults faults = {.arena = &arena};
        struct plan *plan;
        struct buffer out = {0};
        assert_string_equal(directory.errors, "");
        const struct handler *handler = type_set_find(directory.set, slice_of("order.shipped.v1"));
        enum plan_outcome outcome = plan_build_text(handler, slice_of(payload), &plan, &faults);
        if (outcome == PLAN_OK)
                plan_render(&out, plan);
        for (const struct fault *fault = faults.first; fault; fault = fault->next)
                buffer_printf(&out, "%s: %s\n", outcome == PLAN_REJECTED ? "rejected" : "bad_payload",
                              fault->text);
        const char *text = out.data;
        if (text && strncmp(text, "bad_payload: /tmp/", 18) == 0)
                text = strstr(text, "order.shipped") ? strstr(text, "order.shipped") : text;
        assert_string_equal(text, expected);
        buffer_fini(&out);
        arena_fini(&arena);
}

static void a_mail_is_made_of_texts_with_variables(void **state)
{
        (void)state;
        load("  - mail: {key: a, to: '{{email}}', subject: 'Hello {{#name}}{{name}}{{/name}}', text: "
             "'{{email}} & co'}\n");
        assert_planned(
                "{\"email\":\"ada@example.com\",\"name\":\"Ada\"}",
                "mail a\n  to: ada@example.com\n  subject: Hello Ada\n  text:\n    ada@example.com & co\n");
}

static void templates_are_chosen_by_language(void **state)
{
        (void)state;
        directory_write(&directory, "templates/t.txt.mustache", "neutral\n");
        directory_write(&directory, "templates/t.de.txt.mustache", "deutsch\n");
        directory_write(&directory, "templates/t.de-AT.txt.mustache", "wienerisch\n");
        directory_write(&directory, "templates/subject.txt.mustache", "A parcel\n");
        directory_write(&directory, "templates/subject.de.txt.mustache", "Ein Paket\n");
        load("  - mail: {key: a, to: '{{email}}', subject: '{{>subject}}', template: t, locale: "
             "'{{locale}}'}\n");
#define IN(locale, subject, text)                                                                            \
        assert_planned("{\"email\":\"a@x.test\"" locale "}",                                                 \
                       "mail a\n  to: a@x.test\n  subject: " subject "\n  text:\n    " text "\n")
        IN("", "A parcel", "neutral");
        IN(",\"locale\":\"de\"", "Ein Paket", "deutsch");
        IN(",\"locale\":\"de-AT\"", "Ein Paket", "wienerisch");
        IN(",\"locale\":\"DE_at\"", "Ein Paket", "wienerisch");
        IN(",\"locale\":\"de-CH\"", "Ein Paket", "deutsch");
        IN(",\"locale\":\"fr\"", "A parcel", "neutral");
        assert_planned("{\"email\":\"a@x.test\",\"locale\":\"../../etc\"}",
                       "bad_payload: locale: expected a language, as de or de-AT\n");
}

/* A byte order mark, and two bytes at the end of each line. */
static void write_as_windows(const char *name, const char *text)
{
        struct buffer out = {0};
        buffer_add_text(&out, "\xef\xbb\xbf");
        for (; *text; text++) {
                if (*text == '\n')
                        buffer_add_char(&out, '\r');
                buffer_add_char(&out, *text);
        }
        directory_write(&directory, name, out.data);
        buffer_fini(&out);
}

static void files_that_an_editor_of_windows_wrote_are_as_others(void **state)
{
        (void)state;
        struct buffer text = {0};
        buffer_printf(&text, "%s  - mail: {key: a, to: '{{email}}', subject: '{{>subject}}', template: t}\n",
                      head);
        write_as_windows("order.shipped.v1.yaml", text.data);
        write_as_windows("templates/subject.txt.mustache", "A parcel\n");
        write_as_windows("templates/t.txt.mustache", "Hello {{email}}");
        buffer_fini(&text);
        directory_load(&directory);
        assert_planned("{\"email\":\"a@x.test\"}",
                       "mail a\n  to: a@x.test\n  subject: A parcel\n  text:\n    Hello a@x.test\n");
}

static void conditions_ask_for_what_is_there(void **state)
{
        (void)state;
        load("  - mail: {key: a, to: '{{email}}', subject: with, text: x}\n"
             "    when: /name\n"
             "  - mail: {key: b, to: '{{email}}', subject: without, text: x}\n"
             "    unless: /name\n");
#define MAIL(key, subject) "mail " key "\n  to: a@x.test\n  subject: " subject "\n  text:\n    x\n"
        assert_planned("{\"email\":\"a@x.test\",\"name\":\"Ada\"}", MAIL("a", "with"));
        assert_planned("{\"email\":\"a@x.test\",\"name\":\"\"}", MAIL("b", "without"));
        assert_planned("{\"email\":\"a@x.test\"}", MAIL("b", "without"));
}

static void each_makes_a_mail_of_each_item(void **state)
{
        (void)state;
        load("  - mail: {key: line, to: '{{email}}', subject: '{{sku}} {{@index}}', text: x}\n"
             "    each: /lines\n"
             "    when: /sku\n"
             "    unless: //name\n");
        assert_planned("{\"email\":\"a@x.test\",\"lines\":[{\"sku\":\"tea\"},{},{\"sku\":\"cup\",\"email\":"
                       "\"b@x.test\"}]}",
                       "mail line.0\n  to: a@x.test\n  subject: tea 0\n  text:\n    x\n"
                       "mail line.2\n  to: b@x.test\n  subject: cup 2\n  text:\n    x\n");
        assert_planned("{\"email\":\"a@x.test\",\"name\":\"n\",\"lines\":[{\"sku\":\"tea\"}]}",
                       "nothing to do\n");
        assert_planned("{\"email\":\"a@x.test\",\"lines\":[]}", "nothing to do\n");
        assert_planned("{\"email\":\"a@x.test\"}", "nothing to do\n");
        load("  - mail: {key: line, to: '{{email}}', subject: x, text: x}\n    each: /name\n");
        assert_planned("{\"email\":\"a@x.test\",\"name\":\"no list\"}",
                       "bad_payload: /name: expected a list\n");
        struct buffer many = {0};
        load("  - mail: {key: line, to: '{{email}}', subject: x, text: x}\n    each: /lines\n");
        buffer_add_text(&many, "{\"email\":\"a@x.test\",\"lines\":[{}");
        for (int i = 0; i < 40; i++)
                buffer_add_text(&many, ",{}");
        buffer_add_text(&many, "]}");
        assert_planned(many.data, "rejected: more than 32 effects\n");
        buffer_fini(&many);
}

#define POST(key, data) "post " key "\n  url: https://x.test/h\n  data:\n    " data "\n"
#define PUBLISH(key, data) "publish " key "\n  type: stock.taken.v1\n  data:\n    " data "\n"

static void webhooks_and_messages_carry_what_a_pointer_finds(void **state)
{
        (void)state;
        load("  - post: {key: crm, url: 'https://x.test/h', data: ''}\n"
             "    when: /name\n"
             "  - publish: {key: stock, type: stock.taken.v1, data: /lines}\n"
             "    unless: /name\n");
        assert_planned("{\"email\":\"a@x.test\",\"name\":\"A\"}",
                       POST("crm", "{\"email\":\"a@x.test\",\"name\":\"A\"}"));
        assert_planned("{\"email\":\"a@x.test\",\"lines\":[{\"sku\":\"tea\"}]}",
                       PUBLISH("stock", "[{\"sku\":\"tea\"}]"));
        assert_planned("{\"email\":\"a@x.test\"}", PUBLISH("stock", "null"));
}

static void data_is_made_of_templates_and_pointers(void **state)
{
        (void)state;
        load("  - post:\n"
             "      key: crm\n"
             "      url: 'https://x.test/h'\n"
             "      data: {to: '<{{email}}>', n: 7, all: [{$: /lines}, {$: /none}], name: {$: /name}}\n");
        assert_planned("{\"email\":\"a@x.test\",\"lines\":[{\"sku\":\"tea\"}]}",
                       POST("crm", "{\"to\":\"<a@x.test>\",\"n\":7,\"all\":[[{\"sku\":\"tea\"}]]}"));
        load("  - publish: {key: stock, type: stock.taken.v1, subject: '{{name}}', data: ['{{email}}']}\n"
             "    when: /name\n");
        assert_planned("{\"email\":\"a@x.test\",\"name\":\"A\"}",
                       "publish stock\n  type: stock.taken.v1\n  subject: A\n  data:\n    [\"a@x.test\"]\n");
}

static void a_number_of_the_file_keeps_its_digits(void **state)
{
        (void)state;
        load("  - publish: {key: stock, type: stock.taken.v1, data: [999999999999999999, "
             "9999999999999999999, 1.10, 1e2, 01.50, .1, +7]}\n");
        assert_planned("{\"email\":\"a@x.test\"}",
                       PUBLISH("stock", "[999999999999999999,9999999999999999999,1.10,1e2,1.5,0.1,7]"));
}

static void a_number_of_the_payload_keeps_its_digits(void **state)
{
        (void)state;
        load("  - publish: {key: stock, type: stock.taken.v1, data: {p: {$: /price}, t: "
             "'{{#price}}{{.}}{{/price}}'}}\n"
             "  - post: {key: crm, url: 'https://x.test/h', data: ''}\n");
        assert_planned("{\"email\":\"a@x.test\",\"price\":19.90}",
                       PUBLISH("stock", "{\"p\":19.90,\"t\":\"19.90\"}")
                               POST("crm", "{\"email\":\"a@x.test\",\"price\":19.90}"));
}

static void each_of_publish_is_one_batch(void **state)
{
        (void)state;
        load("  - publish: {key: line, type: stock.taken.v1, data: {sku: {$: /sku}, of: {$: //email}, n: "
             "'{{@index}}'}}\n"
             "    each: /lines\n"
             "  - post: {key: hook, url: 'https://x.test/h', data: /sku}\n"
             "    each: /lines\n");
        assert_planned("{\"email\":\"a@x.test\",\"lines\":[{\"sku\":\"tea\"},{\"sku\":\"cup\"}]}",
                       PUBLISH("line.0", "{\"sku\":\"tea\",\"of\":\"a@x.test\",\"n\":\"0\"}")
                               PUBLISH("line.1", "{\"sku\":\"cup\",\"of\":\"a@x.test\",\"n\":\"1\"}")
                                       POST("hook.0", "\"tea\"") POST("hook.1", "\"cup\""));
        assert_planned("{\"email\":\"a@x.test\",\"lines\":[{\"sku\":\"tea\"}]}",
                       PUBLISH("line.0", "{\"sku\":\"tea\",\"of\":\"a@x.test\",\"n\":\"0\"}")
                               POST("hook.0", "\"tea\""));
        assert_planned("{\"email\":\"a@x.test\",\"lines\":[]}", "nothing to do\n");
        assert_planned("{\"email\":\"a@x.test\"}", "nothing to do\n");
}

static void a_batch_holds_a_thousand_messages(void **state)
{
        (void)state;
        load("  - publish: {key: line, type: stock.taken.v1, data: ''}\n    each: /lines\n");
        for (int count = 1000; count <= 1001; count++) {
                struct buffer many = {0};
                buffer_add_text(&many, "{\"email\":\"a@x.test\",\"lines\":[{}");
                for (int i = 1; i < count; i++)
                        buffer_add_text(&many, ",{}");
                buffer_add_text(&many, "]}");
                struct arena arena;
                arena_init(&arena);
                struct faults faults = {.arena = &arena};
                struct plan *plan;
                enum plan_outcome outcome =
                        plan_build_text(type_set_find(directory.set, slice_of("order.shipped.v1")),
                                        slice_of(many.data), &plan, &faults);
                assert_int_equal(outcome, count == 1000 ? PLAN_OK : PLAN_REJECTED);
                assert_int_equal(plan->count, count == 1000 ? 1 : 0);
                if (count == 1000)
                        assert_int_equal(plan->effects[0].publish.count, 1000);
                else
                        assert_string_equal(plan->reason, "publish line: more than 1000 messages");
                arena_fini(&arena);
                buffer_fini(&many);
        }
}

static void a_variable_that_is_missing_is_a_bad_payload_with_its_place(void **state)
{
        (void)state;
        load("  - mail: {key: a, to: '{{email}}', subject: x, text: 'x{{#name}}{{locale}}{{/name}}'}\n");
        assert_planned("{\"email\":\"a@x.test\",\"name\":\"n\"}",
                       "order.shipped.v1.yaml:14:66: locale is missing; {{#locale}} may ask for it\n");
}

static void all_members_of_a_mail_are_taken(void **state)
{
        (void)state;
        load("  - mail:\n"
             "      key: a\n"
             "      to: [{email: '{{email}}', name: 'Ada, Countess'}, 'Bob <bob@x.test>']\n"
             "      cc: {$: /to}\n"
             "      subject: s\n"
             "      text: t\n"
             "      headers: {X-Campaign: 7}\n"
             "      tags: [receipt, '{{email}}']\n"
             "      metadata: {order: 42}\n"
             "      list_unsubscribe: {url: 'https://x.test/u', one_click: true}\n"
             "      attachments: [{name: a.txt, content: aGVsbG8=}]\n");
        assert_planned(
                "{\"email\":\"a@x.test\",\"to\":[\"c@x.test\",{\"email\":\"d@x.test\",\"name\":\"D\"}]}",
                "mail a\n"
                "  to: \"Ada, Countess\" <a@x.test>, Bob <bob@x.test>\n"
                "  cc: c@x.test, D <d@x.test>\n"
                "  subject: s\n"
                "  list_unsubscribe (one click): https://x.test/u\n"
                "  header: X-Campaign: 7\n"
                "  tag: receipt\n"
                "  tag: a@x.test\n"
                "  metadata: order: 42\n"
                "  attachment: a.txt, application/octet-stream, 5 bytes\n"
                "  text:\n"
                "    t\n");
        assert_planned("{\"email\":\"a@x.test\",\"to\":[5]}",
                       "bad_payload: mail a: /cc: expected a mailbox, {email, name} or a list of these\n");
}

/* A comma in a value cannot become a second recipient. */
static void a_text_is_one_mailbox(void **state)
{
        (void)state;
        load("  - mail: {key: a, to: '{{email}}', cc: '{{#name}}{{name}}{{/name}}', subject: s, text: t}\n");
        assert_planned("{\"email\":\"a@x.test\",\"name\":\"b@x.test, c@x.test\"}",
                       "bad_payload: mail a: /cc: expected a mailbox, {email, name} or a list of these\n");
        assert_planned("{\"email\":\"a@x.test\",\"name\":\"b@x.test\\r\\nBcc: c@x.test\"}",
                       "bad_payload: mail a: /cc: expected a mailbox, {email, name} or a list of these\n");
}

static void mistakes_are_told_with_their_places(void **state)
{
        (void)state;
        assert_told("  - mail: {key: A, to: x, subjct: y, text: z}\n",
                    "./order.shipped.v1.yaml:14:17: expected 1 to 64 of [a-z0-9._-]\n"
                    "./order.shipped.v1.yaml:14:27: unknown key subjct; did you mean subject?\n"
                    "./order.shipped.v1.yaml:14:11: subject is required\n");
        assert_told("  - mail: {key: a, to: '{{email}}', subject: s, template: none}\n",
                    "./order.shipped.v1.yaml:14:59: there is no templates/none.html.mustache and no "
                    ".txt.mustache\n");
        assert_told("  - mail: {key: a, to: '{{email}}', subject: '{{>p}}', text: '{{'}\n    when: name\n",
                    "./order.shipped.v1.yaml:15:11: expected a JSON pointer, as /customer/name or \"\"\n"
                    "./order.shipped.v1.yaml:14:63: a tag without its end: }} is missing\n");
        assert_told("  - mail: {key: a, to: '{{email}}', subject: '{{>p}}', text: x}\n",
                    "./order.shipped.v1.yaml:14:47: there is no p.txt.mustache\n");
        assert_told("  - mail: {key: a, to: '{{email}}', subject: s, text: x}\n"
                    "  - mail: {key: a, to: '{{email}}', subject: s, text: x}\n",
                    "./order.shipped.v1.yaml:15:5: another effect has the key a\n");
        assert_told("  - mail: {key: a, to: '{{email}}', subject: '{{name}}', text: x}\n",
                    "./order.shipped.v1.yaml:12:10: example: ./order.shipped.v1.yaml:14:47: name is missing; "
                    "{{#name}} may ask for it\n");
        assert_told("  - post: {key: a}\n    wen: /a\n",
                    "./order.shipped.v1.yaml:15:5: unknown key wen; did you mean when?\n"
                    "./order.shipped.v1.yaml:14:11: url is required\n"
                    "./order.shipped.v1.yaml:14:11: data is required: a JSON pointer (\"\" is the whole "
                    "payload), or an object\n");
        assert_told("  - mail: {to: '{{email}}', subject: s, text: x}\n",
                    "./order.shipped.v1.yaml:14:11: key is required: it names the effect for ever\n");
        assert_told("  - when: /a\n",
                    "./order.shipped.v1.yaml:14:5: expected mail:, post: or publish: with its fields\n");
        assert_told("  - publish: {key: a, type: x.v1, data: email, url: y}\n"
                    "    post: {key: b, url: 'https://x.test', data: ''}\n",
                    "./order.shipped.v1.yaml:14:14: an effect is one of mail, post and publish\n"
                    "./order.shipped.v1.yaml:14:48: unknown key url\n"
                    "./order.shipped.v1.yaml:14:41: expected a JSON pointer, as /customer/name or \"\"\n");
        assert_told("  - publish: {key: a, type: Upper, data: ''}\n",
                    "./order.shipped.v1.yaml:12:10: example: publish a: /type: expected dotted lower case "
                    "with a version, as order.created.v1\n");
        assert_told("  - post: {key: a, url: 'https://x.test', data: {a: ['{{>p}}']}}\n",
                    "./order.shipped.v1.yaml:14:55: there is no p.txt.mustache\n");
}

static void an_example_is_tried_in_each_language(void **state)
{
        (void)state;
        directory_write(&directory, "templates/t.txt.mustache", "neutral\n");
        directory_write(&directory, "templates/t.de.txt.mustache", "\n{{nam}}\n");
        assert_told("  - mail: {key: a, to: '{{email}}', subject: s, template: t}\n",
                    "./order.shipped.v1.yaml:12:10: example in de: ./templates/t.de.txt.mustache:2:1: nam is "
                    "missing; "
                    "{{#nam}} may ask for it\n");
        directory_write(&directory, "templates/t.de.txt.mustache", "\n{{>q}}\n");
        directory_write(&directory, "templates/t.html.mustache", "neutral\n");
        assert_told("  - mail: {key: a, to: '{{email}}', subject: s, template: t}\n",
                    "./templates/t.de.txt.mustache:2:1: there is no q.txt.mustache\n"
                    "./templates/t.de.txt.mustache: there is no t.de.html.mustache beside it\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(a_mail_is_made_of_texts_with_variables),
                TEST(templates_are_chosen_by_language),
                TEST(files_that_an_editor_of_windows_wrote_are_as_others),
                TEST(conditions_ask_for_what_is_there),
                TEST(each_makes_a_mail_of_each_item),
                TEST(webhooks_and_messages_carry_what_a_pointer_finds),
                TEST(data_is_made_of_templates_and_pointers),
                TEST(a_number_of_the_file_keeps_its_digits),
                TEST(a_number_of_the_payload_keeps_its_digits),
                TEST(each_of_publish_is_one_batch),
                TEST(a_batch_holds_a_thousand_messages),
                TEST(a_variable_that_is_missing_is_a_bad_payload_with_its_place),
                TEST(all_members_of_a_mail_are_taken),
                TEST(a_text_is_one_mailbox),
                TEST(mistakes_are_told_with_their_places),
                TEST(an_example_is_tried_in_each_language),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
