#include "core/mail/mail_key.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void the_key_is_the_digest_of_prefix_job_and_effect_parted_by_nul(void **state)
{
        (void)state;
        char key[MAIL_KEY_BYTES + 1];
        mail_key(key, SLICE_LITERAL("leveret"), SLICE_LITERAL("order-42"), SLICE_LITERAL("customer"));
        /* printf 'leveret\0order-42\0customer' | sha256sum */
        assert_string_equal(key, "3d583cfe13bfdbf5ff54456a02953e226d92905021e9682949aa38d7d4fcf75f");
}

static void shifting_a_character_between_the_parts_gives_another_key(void **state)
{
        (void)state;
        char one[MAIL_KEY_BYTES + 1], other[MAIL_KEY_BYTES + 1];
        mail_key(one, SLICE_LITERAL("l"), SLICE_LITERAL("ab"), SLICE_LITERAL("c"));
        mail_key(other, SLICE_LITERAL("l"), SLICE_LITERAL("a"), SLICE_LITERAL("bc"));
        assert_string_not_equal(one, other);
}

static void the_message_id_is_the_key_at_the_senders_domain(void **state)
{
        (void)state;
        struct buffer id = {0};
        mail_message_id(&id, "abc", "Shop <shop@example.com>");
        assert_string_equal(id.data, "<abc@example.com>");
        buffer_clear(&id);
        mail_message_id(&id, "abc", "nonsense");
        assert_string_equal(id.data, "<abc@localhost>");
        buffer_fini(&id);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_key_is_the_digest_of_prefix_job_and_effect_parted_by_nul),
                cmocka_unit_test(shifting_a_character_between_the_parts_gives_another_key),
                cmocka_unit_test(the_message_id_is_the_key_at_the_senders_domain),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
