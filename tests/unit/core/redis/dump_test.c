#include "core/redis/dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void the_checksum_is_that_of_redis(void **state)
{
        struct redis_crc crc;
        (void)state;
        redis_crc_init(&crc);
        /* src/crc64.c of Redis names it. */
        assert_true(redis_crc_of(&crc, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
        assert_true(redis_crc_of(&crc, "", 0) == 0);
}

/* As Redis 7.0.15 says after `HSET h f v`: DUMP h. */
static void a_small_hash_is_what_dump_says_of_it(void **state)
{
        static const uint8_t said[] = {0x10, 0x0d, 0x0d, 0x00, 0x00, 0x00, 0x02, 0x00, 0x81,
                                       0x66, 0x02, 0x81, 0x76, 0x02, 0xff, 0x0a, 0x00, 0x20,
                                       0xf1, 0x3d, 0x44, 0x23, 0x54, 0x08, 0x9d};
        struct redis_crc crc;
        struct buffer out = {0};
        struct redis_dump dump;
        (void)state;
        redis_crc_init(&crc);
        buffer_add(&out, "before", 6);
        redis_dump_begin(&dump, &out);
        redis_dump_add_text(&dump, "f");
        redis_dump_add_text(&dump, "v");
        redis_dump_end(&dump, &crc);
        /* Redis writes the length in one byte where that suffices; ours is always in four. */
        const uint8_t *ours = (const uint8_t *)out.data + 6;
        size_t listpack = said[1];
        assert_int_equal(out.len - 6, sizeof said + 4);
        assert_int_equal(ours[0], said[0]);
        assert_int_equal(ours[5], listpack);
        assert_memory_equal(ours + 6, said + 2, listpack + 2);
        buffer_fini(&out);
}

/* Lengths around which an entry's head or its way back takes another byte, read as a listpack is: forwards.
 */
static void entries_of_every_length_are_found_again(void **state)
{
        static const size_t lengths[] = {0,   1,    62,   63,   64,    125,   126,  127,
                                         128, 4094, 4095, 4096, 16379, 16380, 70000};
        static char text[70000];
        struct redis_crc crc;
        (void)state;
        redis_crc_init(&crc);
        memset(text, 'x', sizeof text);
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                struct buffer out = {0};
                struct redis_dump dump;
                redis_dump_begin(&dump, &out);
                redis_dump_add(&dump, (struct slice){.data = text, .len = lengths[i]});
                redis_dump_add_text(&dump, "v");
                redis_dump_end(&dump, &crc);
                const uint8_t *entry = (const uint8_t *)out.data + 12;
                size_t head = lengths[i] < 64 ? 1 : lengths[i] < 4096 ? 2 : 5;
                size_t len = head + lengths[i];
                size_t back = len < 128 ? 1 : len < 16384 ? 2 : len < 2097152 ? 3 : 4;
                assert_int_equal(entry[len + back], 0x80 | 1); /* the next: one byte, 'v' */
                assert_int_equal(entry[len + back + 1], 'v');
                size_t told = 0;
                for (size_t k = 0; k < back; k++) /* backwards, the lowest seven bits first */
                        told |= (size_t)(entry[len + back - 1 - k] & 0x7f) << 7 * k;
                assert_int_equal(told, len);
                buffer_fini(&out);
        }
}

static void a_number_is_its_digits(void **state)
{
        struct redis_crc crc;
        struct buffer out = {0};
        struct redis_dump dump;
        (void)state;
        redis_crc_init(&crc);
        redis_dump_begin(&dump, &out);
        redis_dump_add_integer(&dump, INT64_MIN);
        redis_dump_end(&dump, &crc);
        assert_memory_equal(out.data + 13, "-9223372036854775808", 20);
        buffer_fini(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_checksum_is_that_of_redis),
                cmocka_unit_test(a_small_hash_is_what_dump_says_of_it),
                cmocka_unit_test(entries_of_every_length_are_found_again),
                cmocka_unit_test(a_number_is_its_digits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
