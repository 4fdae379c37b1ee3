#include "core/codec/looks_like.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_clients_send_by_default_is_known_by_its_first_bytes(void **state)
{
        static const struct {
                struct slice body;
                const char *look;
        } cases[] = {
                {SLICE_LITERAL("<?xml version=\"1.0\"?><order/>"), "XML"},
                {SLICE_LITERAL("<!DOCTYPE html><html>"), "HTML"},
                {SLICE_LITERAL("a:1:{s:2:\"to\";s:5:\"a@b.c\";}"), "serialize() of PHP"},
                {SLICE_LITERAL("\x80\x04\x95\x1a\0"), "a Python pickle"},
                {SLICE_LITERAL("\xac\xed\0\x05sr\0"), "a serialized Java object"},
                {SLICE_LITERAL("\x82\xa2to\xa1x"), "MessagePack"},
                {SLICE_LITERAL("\x1f\x8b\x08\0"), "gzip, but content_encoding does not say so"},
                {SLICE_LITERAL("{\0\"\0t\0"), "UTF-16"},
                {SLICE_LITERAL("\xff\xfe{\0\"\0"), "UTF-16"},
                {SLICE_LITERAL("{\0\0\0\"\0\0\0"), "UTF-32"},
                {SLICE_LITERAL("\0\0\0{\0\0\0\""), "UTF-32"},
                {SLICE_LITERAL("\xff\xfe\0\0{\0\0\0"), "UTF-32"},
                {SLICE_LITERAL("\0\0\xfe\xff\0\0\0{"), "UTF-32"},
                {SLICE_LITERAL("eyJ0byI6ImFAYi5jIn0="), "JSON in base64"},
                {SLICE_LITERAL("to=a%40b.c&subject=x"), "a form (name=value)"},
                {SLICE_LITERAL("{'to': 'a@b.c'}"), "a Python dict, not JSON"},
                {SLICE_LITERAL("[object Object]"), "a JavaScript object that was not put into JSON"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                assert_string_equal(looks_like(cases[i].body), cases[i].look);
}

static void of_what_is_not_known_nothing_is_said(void **state)
{
        static const struct slice bodies[] = {
                SLICE_LITERAL(""),  SLICE_LITERAL("{\"a\":"), SLICE_LITERAL("{"),    SLICE_LITERAL("hello"),
                SLICE_LITERAL("a"), SLICE_LITERAL("[1,]"),    SLICE_LITERAL("{a=1}")};
        (void)state;
        for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
                assert_null(looks_like(bodies[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_clients_send_by_default_is_known_by_its_first_bytes),
                cmocka_unit_test(of_what_is_not_known_nothing_is_said),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
