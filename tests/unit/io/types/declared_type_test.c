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
                    "./order.shipped.v1.yaml:14:5: unknown key post\n"
                    "./order.shipped.v1.yaml:15:5: unknown key wen; did you mean when?\n"
                    "./order.shipped.v1.yaml:14:5: expected mail: with its fields\n");
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
                TEST(conditions_ask_for_what_is_there),
                TEST(each_makes_a_mail_of_each_item),
                TEST(a_variable_that_is_missing_is_a_bad_payload_with_its_place),
                TEST(all_members_of_a_mail_are_taken),
                TEST(a_text_is_one_mailbox),
                TEST(mistakes_are_told_with_their_places),
                TEST(an_example_is_tried_in_each_language),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
