#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/template/template.h"

#include <stdio.h>
#include <time.h>

struct sample {
        struct arena arena;
        struct buffer out;
        struct file_faults faults;
        char error[TEMPLATE_ERROR_MAX];
        const char *partial; /* what {{>p}} and {{<p}} mean */
        bool lenient;
};

static const struct mustache *compile(struct sample *sample, const char *file, const char *text)
{
        struct template_source source = {.place = {.file = file, .line = 1, .column = 1},
                                         .text = slice_of(text),
                                         .html = strstr(file, ".html") != NULL};
        return template_compile(&sample->arena, &source, &sample->faults);
}

static const struct mustache *partial_find(void *context, struct slice name)
{
        struct sample *sample = context;
        return sample->partial && slice_is(name, "p") ? compile(sample, "p.html", sample->partial) : NULL;
}

static bool render(struct sample *sample, const char *file, const char *text, const char *data)
{
        char error[JSON_CAUSE_MAX];
        const struct mustache *template = compile(sample, file, text);
        assert_non_null(template);
        json_t *value = json_parse(slice_of(data), error);
        assert_non_null(value);
        struct template_scope scope = {.value = value};
        struct template_rendering rendering = {.template = template,
                                               .scope = &scope,
                                               .partials = {.find = partial_find, .context = sample},
                                               .lenient = sample->lenient};
        buffer_clear(&sample->out);
        bool ok = template_render(&rendering, &sample->out, sample->error);
        json_decref(value);
        return ok;
}

#define assert_rendered(sample, file, text, values, expected)                                                \
        do {                                                                                                 \
                render(sample, file, text, values);                                                          \
                assert_string_equal((sample)->error, "");                                                    \
                assert_string_equal((sample)->out.data ? (sample)->out.data : "", expected);                 \
        } while (0)

#define assert_refused(sample, file, text, values, expected)                                                 \
        do {                                                                                                 \
                assert_false(render(sample, file, text, values));                                            \
                assert_string_equal((sample)->error, expected);                                              \
        } while (0)

static int sample_open(void **state)
{
        static struct sample sample;
        sample = (struct sample){0};
        arena_init(&sample.arena);
        *state = &sample;
        return 0;
}

static int sample_close(void **state)
{
        struct sample *sample = *state;
        buffer_fini(&sample->out);
        file_faults_fini(&sample->faults);
        arena_fini(&sample->arena);
        return 0;
}

static void html_escapes_and_text_does_not(void **state)
{
        struct sample *sample = *state;
        assert_rendered(sample, "a.html", "<b>{{x}}</b>{{{x}}}{{&x}}", "{\"x\": \"<i a='\\\"'>&\"}",
                        "<b>&lt;i a=&#39;&quot;&#39;&gt;&amp;</b><i a='\"'>&<i a='\"'>&");
        assert_rendered(sample, "a.txt", "{{x}}", "{\"x\": \"Tom & \\\"Ann\\\"\"}", "Tom & \"Ann\"");
}

static void numbers_come_out_as_they_were_written(void **state)
{
        struct sample *sample = *state;
        assert_rendered(sample, "a.txt", "{{a}} {{b}} {{c}} {{f}} {{g}} {{d}} {{e}}",
                        "{\"a\": 0.1, \"b\": 1.0, \"c\": -9007199254740993, \"d\": true, \"e\": null, "
                        "\"f\": 19.90, \"g\": 0.30000000000000000001}",
                        "0.1 1.0 -9007199254740993 19.90 0.30000000000000000001 true ");
}

static void what_is_missing_is_an_error_with_its_place(void **state)
{
        struct sample *sample = *state;
        assert_refused(sample, "shipped.txt", "Dear\n  {{customer.name}},", "{\"customer\": {}}",
                       "shipped.txt:2:3: customer.name is missing; {{#customer.name}} may ask for it");
        assert_refused(sample, "shipped.txt", "{{>q}}", "{}", "shipped.txt:1:1: there is no partial q");
        assert_refused(sample, "a.txt", "{{x}}", "{\"x\": {}}",
                       "a.txt:1:1: x is an object, not a text or number");
        assert_refused(sample, "a.txt", "{{x}}", "{\"x\": []}",
                       "a.txt:1:1: x is a list, not a text or number");
        sample->partial = "\n{{gone}}";
        assert_refused(sample, "a.txt", "{{>p}}", "{}",
                       "p.html:2:1: gone is missing; {{#gone}} may ask for it");
        sample->lenient = true;
        assert_rendered(sample, "a.txt", "({{x}}{{>q}})", "{}", "()");
}

static void a_section_may_ask_for_what_is_missing(void **state)
{
        struct sample *sample = *state;
        assert_rendered(sample, "a.txt", "{{#x}}yes{{/x}}{{^x}}no{{/x}}", "{}", "no");
        assert_rendered(sample, "a.txt", "{{#a.b.c}}yes{{/a.b.c}}{{^a.b}}no{{/a.b}}", "{\"a\": 1}", "no");
        assert_rendered(sample, "a.txt", "{{#x}}{{x}}{{/x}}", "{\"x\": \"here\"}", "here");
        assert_rendered(sample, "a.txt", "{{#x}}yes{{/x}}{{^x}}no{{/x}}", "{\"x\": \"\"}", "no");
        assert_rendered(sample, "a.txt", "{{#x}}yes{{/x}}{{^x}}no{{/x}}", "{\"x\": 0}", "yes");
}

static void a_layout_takes_blocks_and_keeps_its_own(void **state)
{
        struct sample *sample = *state;
        sample->partial = "<h1>{{$title}}Shop{{/title}}</h1>\n  {{$body}}\n  {{/body}}\n<hr>\n";
        assert_rendered(
                sample, "a.html",
                "{{<p}}\n{{$body}}\nDear {{name}},\n{{#lines}}\n- {{.}}\n{{/lines}}\n{{/body}}\n{{/p}}\n",
                "{\"name\": \"Ada\", \"lines\": [\"tea\", \"cup\"]}",
                "<h1>Shop</h1>\n  Dear Ada,\n  - tea\n  - cup\n<hr>\n");
}

static void a_block_inside_its_own_argument_is_not_itself(void **state)
{
        struct sample *sample = *state;
        sample->partial = "[{{$a}}{{/a}}]";
        assert_rendered(sample, "a.txt", "{{<p}}{{$a}}1{{$a}}2{{/a}}{{/a}}{{/p}}", "{}", "[12]");
}

static void a_recursive_partial_ends(void **state)
{
        struct sample *sample = *state;
        sample->partial = "x{{>p}}";
        assert_refused(sample, "a.txt", "{{>p}}", "{}",
                       "p.html:1:2: more than 100 inside each other; does a partial name itself?");
        sample->partial = "{{v}}{{#next}},{{>p}}{{/next}}";
        assert_rendered(sample, "a.txt", "{{>p}}", "{\"v\": 1, \"next\": {\"v\": 2, \"next\": null}}", "1,2");
}

static double seconds(void)
{
        struct timespec now;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_bomb_ends_soon(void **state)
{
        struct sample *sample = *state;
        double began = seconds();
        assert_refused(sample, "a.txt",
                       "{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{/a}}{{/a}}{{/a}}{{/a}}{{/a}}{{/"
                       "a}}{{/a}}{{/a}}",
                       "{\"a\": [1,2,3,4,5,6,7,8,9,10]}", "a.txt:1:37: more than 1000000 steps");
        assert_true(seconds() - began < 5);
}

static void a_large_value_is_refused_before_it_is_made_larger(void **state)
{
        struct sample *sample = *state;
        struct buffer data = {0};
        buffer_add_text(&data, "{\"x\": \"");
        for (int i = 0; i < 1048576; i++)
                buffer_add_char(&data, '&');
        buffer_add_text(&data, "\"}");
        assert_refused(sample, "a.html", "{{x}}", data.data, "a.html:1:1: more than 1048576 bytes come out");
        assert_true(sample->out.capacity < 1048576);
        assert_true(render(sample, "a.txt", "{{x}}", data.data));
        assert_refused(sample, "a.txt", "{{x}}{{x}}", data.data,
                       "a.txt:1:6: more than 1048576 bytes come out");
        buffer_fini(&data);
}

static void assert_faults(struct sample *sample, const char *text, const char *expected)
{
        assert_null(compile(sample, "a.txt", text));
        assert_string_equal(sample->faults.lines.data, expected);
        file_faults_fini(&sample->faults);
        sample->faults = (struct file_faults){0};
}

static void all_mistakes_are_told_at_once(void **state)
{
        struct sample *sample = *state;
        assert_faults(sample, "{{}}\n {{a b}}\n{{.a}} {{a..b}}{{/x}}{{#open}}",
                      "a.txt:1:1: a tag without a name\n"
                      "a.txt:2:2: a name holds no white space\n"
                      "a.txt:3:1: a dotted name has something before and after each dot\n"
                      "a.txt:3:8: a dotted name has something before and after each dot\n"
                      "a.txt:3:16: {{/x}} closes nothing\n"
                      "a.txt:3:22: {{/open}} is missing\n");
        assert_faults(sample, "{{#a}}{{/b}}", "a.txt:1:7: expected {{/a}} before {{/b}}\n");
        assert_faults(sample, "a\n{{b", "a.txt:2:1: a tag without its end: }} is missing\n");
        assert_faults(sample, "{{>*x}}",
                      "a.txt:1:1: names that come from the data ({{>*name}}) are not supported\n");
        assert_faults(sample, "{{=x=}}", "a.txt:1:1: expected two new delimiters, as in {{=<% %>=}}\n");
        assert_faults(sample, "ab\n\xc3(", "a.txt:2:1: bytes that are not UTF-8, or a NUL\n");
}

static void tags_nested_without_end_are_refused(void **state)
{
        struct sample *sample = *state;
        struct buffer text = {0};
        for (int i = 0; i < 100; i++)
                buffer_add_text(&text, "{{#a}}");
        assert_faults(sample, text.data, "a.txt:1:301: more than 50 tags inside each other\n");
        buffer_fini(&text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, sample_open, sample_close)
                TEST(html_escapes_and_text_does_not),
                TEST(numbers_come_out_as_they_were_written),
                TEST(what_is_missing_is_an_error_with_its_place),
                TEST(a_section_may_ask_for_what_is_missing),
                TEST(a_layout_takes_blocks_and_keeps_its_own),
                TEST(a_block_inside_its_own_argument_is_not_itself),
                TEST(a_recursive_partial_ends),
                TEST(a_bomb_ends_soon),
                TEST(a_large_value_is_refused_before_it_is_made_larger),
                TEST(all_mistakes_are_told_at_once),
                TEST(tags_nested_without_end_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
