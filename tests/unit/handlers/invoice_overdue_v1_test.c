#include "plan_text.h"

extern const struct handler invoice_overdue_v1;

#define INVOICE(cents, more)                                                                                 \
        "{\"number\":\"2026-7\",\"amount_cents\":" cents ",\"customer\":{\"email\":\"c@example.com\"}" more  \
        "}"
#define MANAGER ",\"manager\":{\"email\":\"m@example.com\"}"
#define MAIL(key, to, amount)                                                                                \
        "mail " key "\n  to: " to                                                                            \
        "\n  subject: Invoice 2026-7 is overdue\n  text:\n    Invoice 2026-7 over " amount " is overdue.\n"

static void below_1000_only_the_customer_is_told(void **state)
{
        (void)state;
        assert_plan(invoice_overdue_v1, INVOICE("99999", MANAGER),
                    MAIL("customer", "c@example.com", "999.99"));
}

static void from_1000_the_manager_is_told_too(void **state)
{
        (void)state;
        assert_plan(invoice_overdue_v1, INVOICE("100000", MANAGER),
                    MAIL("customer", "c@example.com", "1000.00") MAIL("manager", "m@example.com", "1000.00"));
}

static void without_a_manager_the_customer_is_told_alone(void **state)
{
        (void)state;
        assert_plan(invoice_overdue_v1, INVOICE("100005", ""), MAIL("customer", "c@example.com", "1000.05"));
}

static void an_error_names_the_nested_member(void **state)
{
        (void)state;
        assert_bad_payload(invoice_overdue_v1,
                           "{\"number\":\"1\",\"amount_cents\":1,\"customer\":{\"email\":\"nobody\"}}",
                           "/customer/email: expected an e-mail address");
        assert_bad_payload(invoice_overdue_v1, "{\"number\":\"1\",\"amount_cents\":1,\"customer\":{}}",
                           "/customer/email: required");
        assert_bad_payload(invoice_overdue_v1, INVOICE("5", ",\"manager\":{\"email\":7}"),
                           "/manager/email: expected an e-mail address");
        assert_bad_payload(invoice_overdue_v1, INVOICE("0", ""),
                           "/amount_cents: expected an integer of at least 1");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(below_1000_only_the_customer_is_told),
                cmocka_unit_test(from_1000_the_manager_is_told_too),
                cmocka_unit_test(without_a_manager_the_customer_is_told_alone),
                cmocka_unit_test(an_error_names_the_nested_member),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
