#include "run/send.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What a queue can need of the outlets, and what no outlet takes. */

enum { MAIL, BACKUP, HOOKS, PUBLISH };

static void plan_nothing(const void *payload, struct plan *plan)
{
        (void)payload;
        (void)plan;
}

static void plan_message(const void *payload, struct plan *plan)
{
        (void)payload;
        plan_publish(plan, &(struct outgoing){.key = "next", .type = "b.v1", .data = "{}"});
}

static void plan_mail_of(const void *payload, struct plan *plan)
{
        (void)payload;
        plan_mail(plan, &(struct mail){.key = "m", .to = "a@b.c", .subject = "S", .text = "T"});
}

static const struct field no_fields[] = {FIELD_END};
static const struct handler
        quiet = {.type = "quiet.v1", .example = "{}", .fields = no_fields, .size = 8, .plan = plan_nothing},
        mails = {.type = "mails.v1", .example = "{}", .fields = no_fields, .size = 8, .plan = plan_mail_of},
        chains = {.type = "chains.v1", .example = "{}", .fields = no_fields, .size = 8, .plan = plan_message};
static const struct handler *const table[] = {&quiet, &mails, &chains, NULL};

static const struct config_outlet publish_config = {.name = "publish", .kind = OUTLET_PUBLISH};
static struct config *config;
static struct engine *engine;
static struct arena arena;

static void outlet_set(size_t index, const struct config_outlet *one)
{
        outlet_init(&engine->outlets[index], one, 0);
        engine->outlets[index].index = index;
        engine->outlet_count = index + 1;
}

static int setup(void **state)
{
        (void)state;
        arena_init(&arena);
        config = arena_alloc(&arena, sizeof(*config));
        engine = arena_alloc(&arena, sizeof(*engine));
        engine->config = config;
        engine->types = type_set_new();
        struct file_faults faults = {0};
        assert_true(type_set_close(engine->types, table, &faults));
        TAILQ_INIT(&engine->lanes);
        config->mail = (struct config_outlet){.name = "mail", .kind = OUTLET_MAIL};
        config->outlets[0] = (struct config_outlet){.name = "backup", .kind = OUTLET_MAIL};
        config->outlets[1] = (struct config_outlet){.name = "hooks", .kind = OUTLET_POST};
        config->outlets[1].post.allow = (struct config_texts){.list = {"https://a.test"}, .count = 1};
        config->outlet_count = 2;
        config->queues[0] =
                (struct config_queue){.name = "q", .bindings = {"mails.#"}, .binding_count = 1, .weight = 10};
        config->queue_count = 1;
        outlet_set(MAIL, &config->mail);
        outlet_set(BACKUP, &config->outlets[0]);
        outlet_set(HOOKS, &config->outlets[1]);
        outlet_set(PUBLISH, &publish_config);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        type_set_give(engine->types);
        arena_fini(&arena);
        return 0;
}

static uint32_t needs(void)
{
        engine->queues[0].kinds = 0;
        route_configure(engine);
        return engine->queues[0].needs;
}

static void a_queue_needs_the_first_of_the_kinds_that_its_types_plan(void **state)
{
        (void)state;
        assert_int_equal(needs(), 1 << MAIL);
        config->queues[0].bindings[0] = "chains.v1";
        assert_int_equal(needs(), 1 << PUBLISH);
        config->queues[0].bindings[0] = "#";
        assert_int_equal(needs(), 1 << MAIL | 1 << PUBLISH);
        config->queues[0].bindings[0] = "quiet.*";
        assert_int_equal(needs(), 1 << MAIL);
}

static void fallbacks_and_named_outlets_are_needed_too(void **state)
{
        (void)state;
        config->mail.fallback = (struct config_texts){.list = {"backup"}, .count = 1};
        assert_int_equal(needs(), 1 << MAIL | 1 << BACKUP);
        config->mail.fallback.count = 0;
        config->queues[0].outlet = "backup";
        assert_int_equal(needs(), 1 << MAIL | 1 << BACKUP);
        config->queues[0].outlet = NULL;
        config->handlers[0] = (struct config_handler){.type = "mails.v1", .outlet = "hooks"};
        config->handlers[1] = (struct config_handler){.type = "chains.v1", .outlet = "backup"};
        config->handler_count = 2;
        assert_int_equal(needs(), 1 << MAIL | 1 << HOOKS);
}

static void what_comes_teaches_what_a_queue_needs(void **state)
{
        (void)state;
        needs();
        route_seen(engine, 0, 1u << OUTLET_POST);
        assert_int_equal(engine->queues[0].needs, 1 << MAIL | 1 << HOOKS);
}

static void a_weight_that_changes_counts_for_each_outlet_and_each_lane(void **state)
{
        (void)state;
        struct outlet *lane = arena_alloc(&arena, sizeof(*lane));
        outlet_init(lane, &config->outlets[1], 0);
        TAILQ_INSERT_TAIL(&engine->lanes, lane, lane);
        config->queues[0].weight = 70;
        route_configure(engine);
        assert_int_equal(engine->outlets[MAIL].fair.weight[0], 70);
        assert_int_equal(engine->outlets[HOOKS].fair.weight[0], 70);
        assert_int_equal(lane->fair.weight[0], 70);
}

static void a_queue_is_closed_only_while_all_that_it_needs_is_shut(void **state)
{
        (void)state;
        config->mail.fallback = (struct config_texts){.list = {"backup"}, .count = 1};
        needs();
        assert_int_equal(obstacles_of_queue(engine, 0), 0);
        engine->outlets[MAIL].breaker.state = BREAKER_OPEN;
        assert_int_equal(obstacles_of_queue(engine, 0), 0);
        assert_true(route_is_covered(engine, MAIL));
        engine->outlets[BACKUP].breaker.state = BREAKER_OPEN;
        assert_int_equal(obstacles_of_queue(engine, 0), OBSTACLE_BIT(BREAKER_OPEN));
        assert_false(route_is_covered(engine, MAIL));
        engine->outlets[BACKUP].breaker.state = BREAKER_HALF_OPEN;
        assert_int_equal(obstacles_of_queue(engine, 0), OBSTACLE_BIT(BREAKER_HALF_OPEN));
}

static const char *refusal(void (*add)(struct plan *plan))
{
        static char text[SEND_ERROR_MAX];
        struct delivery *delivery = arena_alloc(&arena, sizeof(*delivery));
        delivery->engine = engine;
        delivery->arena = &arena;
        delivery->handler = &mails;
        delivery->envelope.id = "id";
        delivery->plan = arena_alloc(&arena, sizeof(*delivery->plan));
        delivery->plan->arena = &arena;
        add(delivery->plan);
        bool allowed = route_allows(delivery);
        snprintf(text, sizeof(text), "%s", allowed ? "" : delivery->error);
        return text;
}

static void add_good(struct plan *plan)
{
        plan_mail_of(NULL, plan);
        plan_message(NULL, plan);
        plan_post(plan, &(struct post){.key = "p", .url = "https://a.test/x", .data = "1"});
}

static void add_elsewhere(struct plan *plan)
{
        plan_post(plan, &(struct post){.key = "p", .url = "https://b.test/x?secret", .data = "1"});
}

static void add_wrong_kind(struct plan *plan)
{
        plan_mail(plan,
                  &(struct mail){.key = "m", .to = "a@b.c", .subject = "S", .text = "T", .outlet = "hooks"});
}

static void add_unknown_outlet(struct plan *plan)
{
        plan_mail(plan,
                  &(struct mail){.key = "m", .to = "a@b.c", .subject = "S", .text = "T", .outlet = "later"});
}

static void add_exchange(struct plan *plan)
{
        plan_publish(plan, &(struct outgoing){.key = "x", .type = "a.v1", .data = "1", .exchange = "shop"});
}

static void what_no_outlet_takes_is_refused_with_its_effect(void **state)
{
        (void)state;
        assert_string_equal(refusal(add_good), "");
        assert_string_equal(refusal(add_unknown_outlet), ""); /* it waits for the configuration that has it */
        assert_string_equal(refusal(add_elsewhere),
                            "post p: outlets.hooks.allow does not list https://b.test");
        assert_string_equal(refusal(add_wrong_kind), "mail m: outlet hooks is of the kind post");
        assert_string_equal(refusal(add_exchange), "publish x: publish.exchanges does not list shop");
        config->publish.exchanges = (struct config_texts){.list = {"shop"}, .count = 1};
        assert_string_equal(refusal(add_exchange), "");
        config->outlet_count = 1;
        outlet_set(HOOKS, &publish_config); /* no post outlet any more */
        assert_string_equal(refusal(add_elsewhere), "post p: no outlet of the kind post is configured");
}

/* A mail's delivery, that falls back to the backup and was tried by the outlet `later`. */
static struct delivery *delivery_with_a_fallback(void)
{
        struct delivery *delivery = arena_alloc(&arena, sizeof(*delivery));
        config->mail.fallback = (struct config_texts){.list = {"backup"}, .count = 1};
        *delivery = (struct delivery){.engine = engine, .arena = &arena, .handler = &mails};
        delivery->tries = arena_alloc(&arena, 2 * sizeof(*delivery->tries));
        delivery->tries[0] = SLICE_LITERAL("outlet.m");
        delivery->tries[1] = SLICE_LITERAL("later");
        delivery->try_count = 2;
        delivery->plan = arena_alloc(&arena, sizeof(*delivery->plan));
        delivery->plan->arena = &arena;
        plan_mail_of(NULL, delivery->plan);
        return delivery;
}

/* The outlet that is chosen, and its place on the way. */
static void chosen(const struct delivery *delivery, size_t outlet, uint8_t wanted)
{
        uint8_t position;
        assert_ptr_equal(route_choose(delivery, &position), &engine->outlets[outlet]);
        assert_int_equal(position, wanted);
}

static void a_mail_leaves_by_the_first_outlet_that_takes_it(void **state)
{
        (void)state;
        struct delivery *delivery = delivery_with_a_fallback();
        chosen(delivery, MAIL, 0);
        engine->outlets[MAIL].breaker.state = BREAKER_OPEN;
        chosen(delivery, BACKUP, 1);
        engine->outlets[BACKUP].breaker.state = BREAKER_OPEN;
        chosen(delivery, MAIL, 0); /* all are shut: it waits for the first */
        engine->outlets[BACKUP].breaker.state = engine->outlets[MAIL].breaker.state = BREAKER_CLOSED;
        delivery->job.outlet_min = 1; /* the first one has refused it */
        chosen(delivery, BACKUP, 1);
}

static void what_one_outlet_may_have_accepted_leaves_by_no_other(void **state)
{
        (void)state;
        struct delivery *delivery = delivery_with_a_fallback();
        delivery->job.tries[0].doubt = DOUBT_AMBIGUOUS;
        engine->outlets[MAIL].breaker.state = BREAKER_OPEN;
        chosen(delivery, MAIL, 0);
}

static void an_outlet_off_the_way_is_used_only_for_what_it_may_have_accepted(void **state)
{
        (void)state;
        struct delivery *delivery = delivery_with_a_fallback();
        static const struct config_outlet later = {.name = "later", .kind = OUTLET_MAIL};
        outlet_set(HOOKS, &later);
        delivery->job.tries[0].outlet = ROUTE_RECORDED;
        chosen(delivery, MAIL, 0);
        delivery->job.tries[0].doubt = DOUBT_AMBIGUOUS;
        chosen(delivery, HOOKS, ROUTE_RECORDED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_queue_needs_the_first_of_the_kinds_that_its_types_plan,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(fallbacks_and_named_outlets_are_needed_too, setup, teardown),
                cmocka_unit_test_setup_teardown(what_comes_teaches_what_a_queue_needs, setup, teardown),
                cmocka_unit_test_setup_teardown(a_weight_that_changes_counts_for_each_outlet_and_each_lane,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(a_queue_is_closed_only_while_all_that_it_needs_is_shut, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(what_no_outlet_takes_is_refused_with_its_effect, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(a_mail_leaves_by_the_first_outlet_that_takes_it, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(what_one_outlet_may_have_accepted_leaves_by_no_other, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        an_outlet_off_the_way_is_used_only_for_what_it_may_have_accepted, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
