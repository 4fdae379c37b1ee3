#include "core/codec/gzip.h"

#include <dlfcn.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

/* Stands before zlib's, which takes memory as it unpacks. */
static bool no_memory;

int inflate(z_streamp stream, int flush)
{
        static int (*real)(z_streamp, int);
        if (no_memory)
                return Z_MEM_ERROR;
        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "inflate");
        return real(stream, flush);
}

/* printf '{"a":1}' | gzip -n */
static const char packed[] =
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\x4a\x54\xb2\x32\xac\x05\x00\xaf"
        "\xac\x1b\x56\x07\x00\x00\x00";
static const struct slice one = {.data = packed, .len = sizeof(packed) - 1};

static enum gzip_answer unpack(struct slice from, size_t max, char out[64])
{
        struct arena arena;
        struct slice text = {0};
        arena_init(&arena);
        enum gzip_answer answer = gzip_unpack(&arena, from, max, &text);
        assert_true(text.len < 64);
        memcpy(out, text.data ? text.data : "", text.len);
        out[text.len] = '\0';
        arena_fini(&arena);
        return answer;
}

/* The bytes with others after them. */
static struct slice with(char buffer[256], struct slice first, struct slice then)
{
        memcpy(buffer, first.data, first.len);
        memcpy(buffer + first.len, then.data, then.len);
        return (struct slice){.data = buffer, .len = first.len + then.len};
}

static void unpacks_one_member(void **state)
{
        (void)state;
        char out[64];
        assert_int_equal(unpack(one, 100, out), GZIP_OK);
        assert_string_equal(out, "{\"a\":1}");
}

static void members_after_each_other_are_one_text(void **state)
{
        (void)state;
        char out[64], buffer[256];
        assert_int_equal(unpack(with(buffer, one, one), 100, out), GZIP_OK);
        assert_string_equal(out, "{\"a\":1}{\"a\":1}");
}

static void the_bound_holds_to_the_byte_and_over_all_members(void **state)
{
        (void)state;
        char out[64], buffer[256];
        assert_int_equal(unpack(one, 7, out), GZIP_OK);
        assert_int_equal(unpack(one, 6, out), GZIP_TOO_LARGE);
        assert_int_equal(unpack(with(buffer, one, one), 14, out), GZIP_OK);
        assert_int_equal(unpack(with(buffer, one, one), 13, out), GZIP_TOO_LARGE);
}

static void whatever_is_cut_short_is_broken(void **state)
{
        (void)state;
        char out[64];
        for (size_t len = 0; len < one.len; len++)
                assert_int_equal(unpack((struct slice){.data = packed, .len = len}, 100, out), GZIP_BROKEN);
        assert_int_equal(unpack((struct slice){0}, 100, out), GZIP_BROKEN);
}

static void a_wrong_checksum_is_broken(void **state)
{
        (void)state;
        char out[64], bytes[sizeof(packed)];
        for (size_t i = one.len - 8; i < one.len; i++) {
                memcpy(bytes, packed, sizeof(packed));
                bytes[i] ^= 1;
                assert_int_equal(unpack((struct slice){.data = bytes, .len = one.len}, 100, out),
                                 GZIP_BROKEN);
        }
}

static void what_follows_and_is_no_member_is_broken(void **state)
{
        (void)state;
        static const struct slice after[] = {SLICE_LITERAL("\0"), SLICE_LITERAL("\0\0\0\0\0\0\0\0"),
                                             SLICE_LITERAL("x"), SLICE_LITERAL("\x1f\x8b")};
        char out[64], buffer[256];
        for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++)
                assert_int_equal(unpack(with(buffer, one, after[i]), 100, out), GZIP_BROKEN);
}

/* Else a good message would die of a bad moment. */
static void no_memory_is_not_taken_for_broken(void **state)
{
        (void)state;
        char out[64];
        pid_t child = fork();
        if (child == 0) {
                setrlimit(RLIMIT_CORE, &(struct rlimit){0});
                signal(SIGABRT, SIG_DFL);
                no_memory = true;
                _exit((int)unpack(one, 100, out));
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void other_formats_are_broken(void **state)
{
        (void)state;
        static const struct slice others[] = {
                SLICE_LITERAL("{\"a\":1}"),
                SLICE_LITERAL("\x78\x9c\xab\x56\x4a\x54\xb2\x32\xac\x05\x00\x09\x3f\x02\x55"), /* zlib */
                SLICE_LITERAL("\xab\x56\x4a\x54\xb2\x32\xac\x05\x00"), /* raw deflate */
        };
        char out[64];
        for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
                assert_int_equal(unpack(others[i], 100, out), GZIP_BROKEN);
}

/* zlib counts in 32 bits: more is refused unread. */
static void nothing_is_broken_and_more_than_zlib_counts_is_too_large(void **state)
{
        char out[64];
        (void)state;
        assert_int_equal(unpack((struct slice){.data = packed}, 7, out), GZIP_BROKEN);
        assert_int_equal(unpack((struct slice){.data = packed, .len = (size_t)UINT_MAX + 1}, 7, out),
                         GZIP_TOO_LARGE);
}

static void a_bomb_is_stopped_at_the_bound(void **state)
{
        (void)state;
        /* head -c 1000000 /dev/zero | gzip -9n */
        static const char head[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x01\x01\x00\x00\x00\x82"
                                   "\x20\xff\xaf\x6e\x48\x40\x01";
        static const char tail[] = "\xaf\x06\x9e\xcb\x79\x12\x40\x42\x0f\x00";
        static char bomb[1003]; /* all zeros between the two */
        memcpy(bomb, head, sizeof(head) - 1);
        memcpy(bomb + sizeof(bomb) - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
        struct slice packed_bomb = {.data = bomb, .len = sizeof(bomb)}, text = {0};
        struct arena arena;
        arena_init(&arena);
        assert_int_equal(gzip_unpack(&arena, packed_bomb, 262144, &text), GZIP_TOO_LARGE);
        assert_true(arena.used == 0);
        assert_int_equal(gzip_unpack(&arena, packed_bomb, 1000000, &text), GZIP_OK);
        assert_int_equal(text.len, 1000000);
        arena_fini(&arena);
}

static void what_was_packed_unpacks_and_more_than_the_bound_is_not_packed(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        char text[5000];
        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = (char)(i * i >> 3);
        for (size_t len = 0; len <= sizeof(text); len += 1250) {
                struct slice plain = {.data = text, .len = len}, back = {0};
                struct slice small = gzip_pack(&arena, plain, 8192);
                assert_true(small.len > 0);
                assert_int_equal(gzip_unpack(&arena, small, sizeof(text), &back), GZIP_OK);
                assert_int_equal(back.len, len);
                assert_memory_equal(back.data ? back.data : "", text, len);
                assert_non_null(gzip_pack(&arena, plain, small.len).data);
                assert_null(gzip_pack(&arena, plain, small.len - 1).data);
        }
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(unpacks_one_member),
                cmocka_unit_test(members_after_each_other_are_one_text),
                cmocka_unit_test(the_bound_holds_to_the_byte_and_over_all_members),
                cmocka_unit_test(whatever_is_cut_short_is_broken),
                cmocka_unit_test(a_wrong_checksum_is_broken),
                cmocka_unit_test(what_follows_and_is_no_member_is_broken),
                cmocka_unit_test(no_memory_is_not_taken_for_broken),
                cmocka_unit_test(other_formats_are_broken),
                cmocka_unit_test(nothing_is_broken_and_more_than_zlib_counts_is_too_large),
                cmocka_unit_test(a_bomb_is_stopped_at_the_bound),
                cmocka_unit_test(what_was_packed_unpacks_and_more_than_the_bound_is_not_packed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
