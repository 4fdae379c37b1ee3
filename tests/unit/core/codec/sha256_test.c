#include "core/codec/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void the_empty_text_has_the_published_digest(void **state)
{
        (void)state;
        struct sha256 hash;
        char hex[SHA256_HEX_SIZE];
        sha256_init(&hash);
        sha256_add(&hash, NULL, 0);
        sha256_final_hex(&hash, hex);
        assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void pieces_give_the_digest_of_the_whole(void **state)
{
        (void)state;
        /* FIPS 180-4's two-block example, cut at every place. */
        const char *text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        for (size_t cut = 0; cut <= strlen(text); cut++) {
                struct sha256 hash;
                char hex[SHA256_HEX_SIZE];
                sha256_init(&hash);
                sha256_add(&hash, text, cut);
                sha256_add(&hash, text + cut, strlen(text) - cut);
                sha256_final_hex(&hash, hex);
                assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_empty_text_has_the_published_digest),
                cmocka_unit_test(pieces_give_the_digest_of_the_whole),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
