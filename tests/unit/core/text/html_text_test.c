#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/text/html_text.h"

static void assert_text(const char *html, const char *expected)
{
        struct buffer text = {0};
        html_text_add(&text, slice_of(html));
        assert_string_equal(text.len ? text.data : "", expected);
        buffer_fini(&text);
}

static void blocks_stand_on_lines_of_their_own(void **state)
{
        (void)state;
        assert_text("<h1>Hello</h1><p>One\n  two<br>three</p><div>four</div><div>five</div>",
                    "Hello\n\nOne two\nthree\n\nfour\nfive\n");
        assert_text("<ul><li>a</li><li>b</li></ul>after", "- a\n- b\n\nafter\n");
        assert_text("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n");
}

static void what_nobody_reads_is_left_out(void **state)
{
        (void)state;
        assert_text("<!doctype html><head><title>T</title><style>p{}</style></head><body>a"
                    "<!-- <p>no --><script>if (a < b) x()</script>b",
                    "ab\n");
        assert_text("", "");
        assert_text("<p> </p>", "");
        assert_text("<script>never closed", "");
}

static void a_link_shows_where_it_leads(void **state)
{
        (void)state;
        assert_text("<a href=\"https://b.c/?x=1&amp;y=2\">shop</a> now", "shop (https://b.c/?x=1&y=2) now\n");
        assert_text("<a href='https://b.c'>https://b.c</a>", "https://b.c\n");
        assert_text("<a href=mailto:a@b.c>write</a>", "write (a@b.c)\n");
        assert_text("<a href='javascript:x()'>no</a><a name=x>none</a>", "nonone\n");
        assert_text("<a href='http://'>a</a> <a href='https://'>b</a><p><a href='mailto:'></a>", "a b\n");
        assert_text("<a href='https://b.c'><img src=x alt='Our &lt;shop&gt;'></a>",
                    "Our <shop> (https://b.c)\n");
}

/* In memory of just that length, so that the sanitizers see one byte too many. */
static void a_text_that_is_cut_anywhere_is_read_to_its_end_and_no_further(void **state)
{
        (void)state;
        static const char html[] =
                "<p class=x>a &amp; b</p><!-- c --><a href = 'https://b.c' title>d</a><img alt";
        for (size_t len = 0; len < sizeof(html); len++) {
                char *cut = malloc(len ? len : 1);
                struct buffer text = {0};
                assert_non_null(cut);
                memcpy(cut, html, len);
                html_text_add(&text, (struct slice){.data = cut, .len = len});
                buffer_fini(&text);
                free(cut);
        }
}

static void entities_are_characters(void **state)
{
        (void)state;
        assert_text("&lt;b&gt; &amp;amp; &#8364;&#x20AC;&euro;&nbsp;x",
                    "<b> &amp; \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac x\n");
        assert_text("a &unknown; & b &#0; &#x110000; &#27;[1m", "a &unknown; & b &#0; &#x110000; [1m\n");
}

static void broken_html_gives_some_text(void **state)
{
        (void)state;
        assert_text("a < b <c", "a < b\n");
        assert_text("<p title='>'>x</p>", "x\n");
        assert_text("<", "<\n");
        assert_text("&", "&\n");
        assert_text("<a href=\"https://b.c\">open", "open (https://b.c)\n");
        assert_text("</", "</\n");
}

static void preformatted_lines_stay(void **state)
{
        (void)state;
        assert_text("<pre>a\nb</pre>c\nd", "a\nb\n\nc d\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(blocks_stand_on_lines_of_their_own),
                cmocka_unit_test(what_nobody_reads_is_left_out),
                cmocka_unit_test(a_link_shows_where_it_leads),
                cmocka_unit_test(a_text_that_is_cut_anywhere_is_read_to_its_end_and_no_further),
                cmocka_unit_test(entities_are_characters),
                cmocka_unit_test(broken_html_gives_some_text),
                cmocka_unit_test(preformatted_lines_stay),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
