#include "store_cases.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void reset(void *context)
{
        fake_store_init(context, 1000000);
}

static struct store_reply call(void *context, const struct store_request *request)
{
        return fake_store_call(context, request);
}

static void lose(void *context, uint8_t id)
{
        fake_store_lose(context, id);
}

static void drop(void *context, uint8_t id)
{
        fake_store_drop(context, id);
}

static void queue(void *context, uint8_t id)
{
        struct fake_store *store = context;
        store->records[id].state = STATE_QUEUED;
}

static void expire_lease(void *context, uint8_t id)
{
        struct fake_store *store = context;
        store->records[id].lease_until_ms = 1;
}

static void set_due(void *context, uint8_t id, int64_t due_ms)
{
        struct fake_store *store = context;
        store->records[id].due_ms = due_ms;
}

static void old_intent(void *context, uint8_t id, uint8_t effect)
{
        struct fake_store *store = context;
        store->records[id].intents = 1U << (effect - 1);
}

static void set_back(void *context, uint8_t id)
{
        struct fake_store *store = context;
        store->records[id].lease_until_ms += 1000000000;
}

static struct store_record look(void *context, uint8_t id)
{
        const struct fake_store *store = context;
        struct store_record record = store->records[id];
        if (record.lease_until_ms > 0)
                record.lease_until_ms -= store->now_ms;
        return record;
}

static void the_model_of_the_store_answers_every_case_as_the_scripts_do(void **state)
{
        (void)state;
        struct fake_store store;
        struct store_driver driver = {
                .context = &store,
                .reset = reset,
                .call = call,
                .lose = lose,
                .drop = drop,
                .queue = queue,
                .expire_lease = expire_lease,
                .set_due = set_due,
                .set_back = set_back,
                .old_intent = old_intent,
                .look = look,
        };
        char error[400];
        for (size_t i = 0; i < store_case_count(); i++)
                if (!store_case_run(i, &driver, error, sizeof error))
                        fail_msg("%s", error);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_model_of_the_store_answers_every_case_as_the_scripts_do),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
