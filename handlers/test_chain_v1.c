#include "handler.h"

/* Chains and webhooks for the fault tests; no release knows them. */

#ifdef LEVERET_CRASHPOINTS

struct chain {
        int64_t number, children;
        const char *url;
};

static const struct field fields[] = {
        FIELD_INT(struct chain, number),
        FIELD_INT(struct chain, children, .optional = true, .min = 0, .max = 1000,
                  .description = "messages of the batch"),
        FIELD_STRING(struct chain, url, .optional = true, .max_length = 200, .one_line = true),
        FIELD_END,
};

static const char *data_of(const struct chain *chain, struct plan *plan)
{
        return plan_printf(plan, "{\"number\": %" PRId64 ", \"url\": \"%s\"}", chain->number,
                           chain->url ? chain->url : "");
}

static void add_mail(const struct chain *chain, struct plan *plan)
{
        plan_mail(plan, &(struct mail){.key = "mail",
                                       .to = plan_printf(plan, "chain%" PRId64 "@example.com", chain->number),
                                       .subject = "The last step",
                                       .text = "It is done.\n"});
}

static void add_post(const struct chain *chain, struct plan *plan)
{
        if (chain->url && chain->url[0])
                plan_post(plan,
                          &(struct post){.key = "hook", .url = chain->url, .data = data_of(chain, plan)});
}

/* One post, then the next step. */
static void plan_first(const struct chain *chain, struct plan *plan)
{
        add_post(chain, plan);
        plan_publish(plan, &(struct outgoing){.key = "next",
                                              .type = "test.chain.second.v1",
                                              .data = data_of(chain, plan)});
}

/* A batch of last steps, or one. */
static void plan_second(const struct chain *chain, struct plan *plan)
{
        for (int64_t i = 0; i < (chain->children ? chain->children : 1); i++)
                plan_publish(plan, &(struct outgoing){
                                           .key = "last",
                                           .type = "test.chain.last.v1",
                                           .data = data_of(chain, plan),
                                           .subject = plan_printf(plan, "chain/%" PRId64, chain->number)});
}

static void plan_last(const struct chain *chain, struct plan *plan)
{
        add_mail(chain, plan);
        add_post(chain, plan);
}

HANDLER(test_chain_first_v1, struct chain, plan_first,
        {
                .type = "test.chain.first.v1",
                .summary = "Posts and publishes the second step; only in test builds.",
                .example = "{\"number\": 1}",
                .fields = fields,
        });

HANDLER(test_chain_second_v1, struct chain, plan_second,
        {
                .type = "test.chain.second.v1",
                .summary = "Publishes the last steps; only in test builds.",
                .example = "{\"number\": 1}",
                .fields = fields,
        });

HANDLER(test_chain_last_v1, struct chain, plan_last,
        {
                .type = "test.chain.last.v1",
                .summary = "Mails and posts; only in test builds.",
                .example = "{\"number\": 1}",
                .fields = fields,
        });

#endif
