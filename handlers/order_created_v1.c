#include "handler.h"

struct order_created {
        int64_t order_id;
        const char *customer_email, *title;
};

static const struct field fields[] = {
        FIELD_INT(struct order_created, order_id, .min = 1),
        FIELD_EMAIL(struct order_created, customer_email),
        FIELD_STRING(struct order_created, title, .max_length = 200, .one_line = true,
                     .description = "what was ordered, in a few words"),
        FIELD_END,
};

static void plan_order_created(const struct order_created *order, struct plan *plan)
{
        plan_mail(plan,
                  &(struct mail){
                          .key = "customer",
                          .to = order->customer_email,
                          .subject = plan_printf(plan, "Order created: %s", order->title),
                          .text = plan_printf(plan, "Order %" PRId64 " was created.\n", order->order_id),
                  });
}

HANDLER(order_created_v1, struct order_created, plan_order_created,
        {
                .type = "order.created.v1",
                .summary = "Tells the customer that the order was created.",
                .fields = fields,
                .closed = true,
                .example = "{\"order_id\": 42, \"customer_email\": \"ada@example.com\", \"title\": \"Tea\"}",
        });
