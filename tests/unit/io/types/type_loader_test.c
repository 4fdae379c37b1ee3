#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/types/type_directory.h"

#include <sys/resource.h>
#include <time.h>

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

static const char shipped[] =
        "type: order.shipped.v1\n"
        "summary: Tells the customer.\n"
        "payload:\n"
        "  type: object\n"
        "  required: [email]\n"
        "  properties: {email: {type: string, format: email}, locale: {type: string}}\n"
        "example: {email: ada@example.com}\n"
        "effects:\n"
        "  - mail: {key: customer, to: '{{email}}', subject: Shipped, template: shipped, locale: "
        "'{{locale}}'}\n";

static void assert_errors(const char *expected)
{
        directory_load(&directory);
        assert_string_equal(directory.errors, expected);
}

static void a_type_from_files_stands_beside_those_in_c(void **state)
{
        (void)state;
        directory_write(&directory, "order.shipped.v1.yaml", shipped);
        directory_write(&directory, "templates/shipped.txt.mustache", "It is on its way.\n");
        assert_errors("");
        const struct handler *handler = type_set_find(directory.set, slice_of("order.shipped.v1"));
        assert_string_equal(handler->summary, "Tells the customer.");
        assert_non_null(type_set_find(directory.set, slice_of("email.send.v1")));
        assert_null(type_set_find(directory.set, slice_of("order.shipped.v2")));
        assert_null(type_set_find(directory.set, (struct slice){0}));
        assert_int_equal(strlen(directory.set->digest), 64);
}

static void the_digest_is_that_of_all_files(void **state)
{
        (void)state;
        char before[TYPE_SET_DIGEST];
        directory_write(&directory, "order.shipped.v1.yaml", shipped);
        directory_write(&directory, "templates/shipped.txt.mustache", "one");
        assert_errors("");
        strcpy(before, directory.set->digest);
        assert_errors("");
        assert_string_equal(directory.set->digest, before);
        directory_write(&directory, "templates/shipped.txt.mustache", "two");
        assert_errors("");
        assert_string_not_equal(directory.set->digest, before);
}

static void all_errors_of_all_files_are_told_at_once(void **state)
{
        (void)state;
        directory_write(&directory, "a.b.v1.yaml", "type: a.b.v1\nsumary: x\neffects: {\n");
        directory_write(&directory, "c.d.v1.yaml", "type: c.e.v1\nsummary: x\npayload: {type: strin}\n");
        directory_write(&directory, "e.f.v1.yml", "");
        directory_write(&directory, "templates/x.html.mustache", "{{#open}}");
        directory_write(&directory, "templates/y.mustache", "");
        assert_errors("./a.b.v1.yaml:4:1: not YAML: did not find expected node content (a bracket or brace "
                      "that nothing closes? a value with #, { or } needs quotes)\n"
                      "./c.d.v1.yaml:1:7: the file of this type is named c.e.v1.yaml\n"
                      "./c.d.v1.yaml:3:17: expected object, array, string, integer, number or boolean\n"
                      "./c.d.v1.yaml:1:1: example is required: a payload that is accepted\n"
                      "./c.d.v1.yaml:1:1: expected effects: a list of 1 to 32\n"
                      "./e.f.v1.yml: the file of a type is named <type>.yaml\n"
                      "./templates/x.html.mustache:1:1: {{/open}} is missing\n"
                      "./templates/y.mustache: expected NAME.html.mustache or NAME.txt.mustache\n");
}

static void a_half_written_file_is_no_type(void **state)
{
        (void)state;
        directory_write(&directory, "templates/shipped.txt.mustache", "x");
        for (size_t len = 1; len + 1 < sizeof(shipped); len += 7) {
                char half[sizeof(shipped)];
                snprintf(half, sizeof(half), "%.*s", (int)len, shipped);
                directory_write(&directory, "order.shipped.v1.yaml", half);
                assert_false(directory_load(&directory));
                assert_memory_equal(directory.errors, "./order.shipped.v1.yaml:", 24);
        }
}

static void what_is_no_type_and_no_template_is_passed_over(void **state)
{
        (void)state;
        directory_write(&directory, ".order.shipped.v1.yaml.swp", "no");
        directory_write(&directory, "order.shipped.v1.yaml~", "no");
        directory_write(&directory, "README", "no");
        directory_write(&directory, "templates/notes.txt", "no");
        assert_errors("");
}

static void what_cannot_be_read_is_an_error(void **state)
{
        (void)state;
        char loop[128], fifo[128];
        snprintf(loop, sizeof(loop), "%s/loop.v1.yaml", directory.path);
        snprintf(fifo, sizeof(fifo), "%s/pipe.v1.yaml", directory.path);
        assert_int_equal(symlink("loop.v1.yaml", loop), 0);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_errors("./loop.v1.yaml: cannot be read: Too many levels of symbolic links\n"
                      "./pipe.v1.yaml: is no file\n");
        struct file_faults faults = {0};
        const char *gone = "/tmp/leveret-types-gone";
        assert_null(type_set_load(
                &(struct type_sources){.directories = &gone, .directory_count = 1, .compiled = handlers},
                &faults));
        assert_string_equal(faults.lines.data,
                            "/tmp/leveret-types-gone: cannot be read: No such file or directory\n");
        file_faults_fini(&faults);
}

static void more_files_than_a_directory_may_hold_are_an_error(void **state)
{
        (void)state;
        char first[128], other[128];
        directory_write(&directory, "note", "");
        snprintf(first, sizeof(first), "%s/note", directory.path);
        for (int i = 2; i < TYPE_ENTRIES_MAX; i++) { /* templates is one, too */
                snprintf(other, sizeof(other), "%s/note%d", directory.path, i);
                assert_int_equal(link(first, other), 0);
        }
        assert_errors("");
        directory_write(&directory, "one-more", "");
        assert_errors(".: more than 20000 files\n");
}

static void a_type_is_there_once(void **state)
{
        (void)state;
        struct buffer text = {0};
        buffer_printf(&text, "type: email.send.v1\n%s", strchr(shipped, '\n') + 1);
        directory_write(&directory, "email.send.v1.yaml", text.data);
        directory_write(&directory, "templates/shipped.txt.mustache", "x");
        assert_errors("./email.send.v1.yaml:1:1: email.send.v1 is also a type in C\n");
        buffer_fini(&text);
}

static void a_file_too_large_and_a_file_too_deep_are_refused(void **state)
{
        (void)state;
        struct buffer text = {0};
        for (int i = 0; i < 300000; i++)
                buffer_add_char(&text, '#');
        directory_write(&directory, "a.b.v1.yaml", text.data);
        buffer_clear(&text);
        buffer_add_text(&text, "payload: ");
        for (int i = 0; i < 100; i++)
                buffer_add_text(&text, "{type: object, properties: {a: ");
        directory_write(&directory, "c.d.v1.yaml", text.data);
        directory_write(&directory, "e.f.v1.yaml", "a: &x [1, 2]\nb: [*x, *x]\n");
        directory_load(&directory);
        assert_string_equal(directory.errors,
                            "./a.b.v1.yaml: is larger than 262144 bytes\n"
                            "./c.d.v1.yaml:1:626: more than 40 lists and mappings inside each other\n"
                            "./e.f.v1.yaml:1:4: anchors, aliases and tags have no meaning here\n");
        buffer_fini(&text);
}

static double seconds(void)
{
        struct timespec now;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A second is what it may take without sanitizers; they cost a few times that. */
static void a_thousand_types_load_in_a_moment(void **state)
{
        (void)state;
        for (int i = 0; i < 1000; i++) {
                char name[64];
                struct buffer text = {0};
                buffer_printf(&text, "type: order%d.shipped.v1\n%s", i, strchr(shipped, '\n') + 1);
                snprintf(name, sizeof(name), "order%d.shipped.v1.yaml", i);
                directory_write(&directory, name, text.data);
                buffer_fini(&text);
        }
        directory_write(&directory, "templates/shipped.txt.mustache", "It is on its way.\n");
        directory_write(&directory, "templates/shipped.de.txt.mustache", "Es ist unterwegs.\n");
        double began = seconds();
        assert_errors("");
        print_message("1,000 types: %.2f s\n", seconds() - began);
        assert_true(seconds() - began < 5);
        assert_non_null(type_set_find(directory.set, slice_of("order999.shipped.v1")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(a_type_from_files_stands_beside_those_in_c),
                TEST(the_digest_is_that_of_all_files),
                TEST(all_errors_of_all_files_are_told_at_once),
                TEST(a_half_written_file_is_no_type),
                TEST(what_is_no_type_and_no_template_is_passed_over),
                TEST(what_cannot_be_read_is_an_error),
                TEST(more_files_than_a_directory_may_hold_are_an_error),
                TEST(a_type_is_there_once),
                TEST(a_file_too_large_and_a_file_too_deep_are_refused),
                TEST(a_thousand_types_load_in_a_moment),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
