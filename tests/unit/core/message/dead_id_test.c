#include "core/message/dead_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *of_job(const char *queue, const char *id, const char *fingerprint, uint32_t redrives,
                          enum reason reason)
{
        static char ids[4][DEAD_ID_SIZE];
        static unsigned next;
        char *out = ids[next++ % 4];
        dead_id_of_job(out, &(struct job_death){queue, id, fingerprint, redrives, reason});
        return out;
}

static void it_is_the_beginning_of_the_hash_that_the_contract_names(void **state)
{
        (void)state;
        /* printf 'work\0job-1\0abc\0002\0expired' | sha256sum */
        assert_string_equal(of_job("work", "job-1", "abc", 2, REASON_EXPIRED),
                            "74d3f5b3378024821fed71ad69ec372f");
}

static void the_same_death_has_the_same_id(void **state)
{
        (void)state;
        assert_string_equal(of_job("q", "a", "f", 0, REASON_REJECTED),
                            of_job("q", "a", "f", 0, REASON_REJECTED));
}

static void every_part_makes_another_death(void **state)
{
        (void)state;
        const char *death = of_job("q", "a", "f", 1, REASON_REJECTED);
        assert_string_not_equal(death, of_job("p", "a", "f", 1, REASON_REJECTED));
        assert_string_not_equal(death, of_job("q", "b", "f", 1, REASON_REJECTED));
        assert_string_not_equal(death, of_job("q", "a", "g", 1, REASON_REJECTED));
        death = of_job("q", "a", "f", 1, REASON_REJECTED);
        assert_string_not_equal(death, of_job("q", "a", "f", 11, REASON_REJECTED));
        assert_string_not_equal(death, of_job("q", "a", "f", 1, REASON_EXPIRED));
        assert_string_not_equal(of_job("qa", "", "f", 1, REASON_EXPIRED),
                                of_job("q", "a", "f", 1, REASON_EXPIRED));
}

static void a_message_without_an_id_is_named_by_its_delivery(void **state)
{
        (void)state;
        char one[DEAD_ID_SIZE], other[DEAD_ID_SIZE];
        dead_id_of_delivery(one, "worker-1:3:17");
        dead_id_of_delivery(other, "worker-1:3:18");
        assert_int_equal(strlen(one), 32);
        assert_int_equal(strspn(one, "0123456789abcdef"), 32);
        assert_string_not_equal(one, other);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_is_the_beginning_of_the_hash_that_the_contract_names),
                cmocka_unit_test(the_same_death_has_the_same_id),
                cmocka_unit_test(every_part_makes_another_death),
                cmocka_unit_test(a_message_without_an_id_is_named_by_its_delivery),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
