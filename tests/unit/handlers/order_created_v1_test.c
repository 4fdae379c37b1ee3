#include "plan_text.h"

extern const struct handler order_created_v1;

static void the_customer_is_told(void **state)
{
        (void)state;
        assert_plan(order_created_v1,
                    "{\"order_id\": 42, \"customer_email\": \"ada@example.com\", \"title\": \"Tea\"}",
                    "mail customer\n"
                    "  to: ada@example.com\n"
                    "  subject: Order created: Tea\n"
                    "  text:\n"
                    "    Order 42 was created.\n");
}

static void a_title_of_two_lines_is_refused(void **state)
{
        (void)state;
        assert_bad_payload(
                order_created_v1,
                "{\"order_id\": 1, \"customer_email\": \"a@b.c\", \"title\": \"x\\r\\nBcc: e@v.il\"}",
                "/title: expected one line without control characters");
}

static void an_order_is_numbered_from_one(void **state)
{
        (void)state;
        assert_bad_payload(order_created_v1,
                           "{\"order_id\": 0, \"customer_email\": \"a@b.c\", \"title\": \"x\"}",
                           "/order_id: expected an integer of at least 1");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_customer_is_told),
                cmocka_unit_test(a_title_of_two_lines_is_refused),
                cmocka_unit_test(an_order_is_numbered_from_one),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
