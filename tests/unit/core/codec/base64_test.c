#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/codec/base64.h"

static void any_bytes_come_back(void **state)
{
        (void)state;
        char bytes[256];
        for (int i = 0; i < 256; i++)
                bytes[i] = (char)(i * 7);
        for (size_t len = 0; len <= sizeof(bytes); len++) {
                struct buffer text = {0};
                char out[sizeof(bytes) + 3];
                size_t got = 1;
                base64_add(&text, bytes, len);
                assert_true(base64_decode((struct slice){.data = text.data, .len = text.len}, out, &got));
                assert_int_equal(got, len);
                assert_memory_equal(out, bytes, len);
                buffer_fini(&text);
        }
}

/* RFC 4648 section 10. */
static void the_vectors_of_the_standard_hold(void **state)
{
        static const char *const pairs[][2] = {{"Zg==", "f"},         {"Zm8=", "fo"},
                                               {"Zm9v", "foo"},       {"Zm9vYg==", "foob"},
                                               {"Zm9vYmE=", "fooba"}, {"++//", "\xfb\xef\xff"}};
        (void)state;
        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
                char out[16];
                size_t len;
                assert_true(base64_decode(slice_of(pairs[i][0]), out, &len));
                assert_int_equal(len, strlen(pairs[i][1]));
                assert_memory_equal(out, pairs[i][1], len);
        }
}

static void what_an_encoder_does_not_write_is_refused(void **state)
{
        static const char *const bad[] = {"Z",
                                          "Zg",
                                          "Zg=",
                                          "Zm9v\n",
                                          "Zm9v\r\n",
                                          "Zg==Zg==",
                                          "Z===",
                                          "====",
                                          "Zm=v",
                                          "Zh==",
                                          "Zm9=",
                                          "Zm9-",
                                          "Zm9_",
                                          " m9v",
                                          "Zg== ",
                                          "Zm9vZg=A",
                                          "\xc3\xa4"
                                          "AA"};
        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                char out[16];
                size_t len;
                if (base64_decode(slice_of(bad[i]), out, &len))
                        fail_msg("taken: %s", bad[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_bytes_come_back),
                cmocka_unit_test(the_vectors_of_the_standard_hold),
                cmocka_unit_test(what_an_encoder_does_not_write_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
