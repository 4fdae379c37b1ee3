#include "handler.h"

/* From this amount on the customer's manager is told too. */
#define MANAGER_FROM_CENTS 100000

struct party {
        const char *email;
};

struct invoice_overdue {
        const char *number;
        int64_t amount_cents;
        const struct party *customer, *manager;
};

static const struct field party_fields[] = {
        FIELD_EMAIL(struct party, email),
        FIELD_END,
};

static const struct field fields[] = {
        FIELD_STRING(struct invoice_overdue, number, .min_length = 1, .max_length = 64, .one_line = true,
                     .description = "the invoice's number as printed on it"),
        FIELD_INT(struct invoice_overdue, amount_cents, .min = 1, .description = "what is still to be paid"),
        FIELD_OBJECT(struct invoice_overdue, customer, party_fields),
        FIELD_OBJECT(struct invoice_overdue, manager, party_fields, .optional = true,
                     .description = "told too from 1000.00 on"),
        FIELD_END,
};

static void remind(const struct invoice_overdue *invoice, struct plan *plan, const char *key,
                   const struct party *party)
{
        int64_t whole = invoice->amount_cents / 100, cents = invoice->amount_cents % 100;
        plan_mail(plan,
                  &(struct mail){
                          .key = key,
                          .to = party->email,
                          .subject = plan_printf(plan, "Invoice %s is overdue", invoice->number),
                          .text = plan_printf(plan, "Invoice %s over %" PRId64 ".%02" PRId64 " is overdue.\n",
                                              invoice->number, whole, cents),
                  });
}

static void plan_invoice_overdue(const struct invoice_overdue *invoice, struct plan *plan)
{
        remind(invoice, plan, "customer", invoice->customer);
        if (invoice->manager && invoice->amount_cents >= MANAGER_FROM_CENTS)
                remind(invoice, plan, "manager", invoice->manager);
}

HANDLER(invoice_overdue_v1, struct invoice_overdue, plan_invoice_overdue,
        {
                .type = "invoice.overdue.v1",
                .summary = "Reminds the customer of an unpaid invoice, and from 1000.00 on the customer's "
                           "manager.",
                .fields = fields,
                .closed = true,
                .example = "{\"number\": \"2026-0042\", \"amount_cents\": 129900, \"customer\": {\"email\": "
                           "\"ada@example.com\"}, \"manager\": {\"email\": \"grace@example.com\"}}",
        });
