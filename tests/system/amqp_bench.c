#include "amqp_bench.h"

const char *url(void)
{
        return getenv("LEVERET_TEST_AMQP_URL");
}

static void on_up(void *context, uint64_t epoch)
{
        struct bench *bench = context;
        bench->ups++;
        assert_int_equal(epoch, bench->ups);
}

static void on_down(void *context, uint64_t epoch, const char *error)
{
        struct bench *bench = context;
        bench->downs++;
        assert_int_equal(epoch, bench->ups);
        snprintf(bench->last_error, sizeof(bench->last_error), "%s", error);
}

static void on_fatal(void *context, const char *error)
{
        struct bench *bench = context;
        bench->fatals++;
        snprintf(bench->last_error, sizeof(bench->last_error), "%s", error);
}

static void on_delivery(void *context, size_t queue, uint64_t epoch, struct amqp_delivery delivery)
{
        struct bench *bench = context;
        const struct message *message = delivery.message;
        assert_int_equal(queue, 0);
        bench->deliveries++;
        bench->redelivered += message->redelivered;
        bench->unusable += message->properties.headers_unusable;
        bench->not_kept += message->body.len < message->body_size;
        bench->body_bytes += message->body.len;
        if (bench->hold && bench->held_count < HELD_MAX)
                bench->held[bench->held_count++] = (struct held){.epoch = epoch, .tag = delivery.tag};
        else
                amqp_consumer_ack(bench->consumer, epoch, delivery.tag);
        arena_free(delivery.arena);
}

static void on_lost(void *context, size_t queue, const char *error)
{
        struct bench *bench = context;
        (void)queue;
        bench->losts++;
        snprintf(bench->last_error, sizeof(bench->last_error), "%s", error);
}

static void on_found(void *context, size_t queue)
{
        struct bench *bench = context;
        (void)queue;
        bench->founds++;
}

static void on_cancelled(void *context, size_t queue)
{
        struct bench *bench = context;
        (void)queue;
        bench->cancels++;
}

const struct amqp_consumer_events events = {
        .up = on_up,
        .down = on_down,
        .fatal = on_fatal,
        .delivery = on_delivery,
        .lost = on_lost,
        .found = on_found,
        .cancelled = on_cancelled,
};

/* --- driving --- */

int64_t now_ms(void)
{
        return (int64_t)(uv_hrtime() / 1000000);
}

static void on_wake(uv_timer_t *timer)
{
        (void)timer;
}

/* Turns the loop until the counter has reached the value. Fails the test after `limit_ms`. Returns how long
 * it took. */
int64_t await(struct bench *bench, const unsigned *counter, unsigned value, int64_t limit_ms)
{
        int64_t begin_ms = now_ms();
        uv_timer_t wake;
        uv_timer_init(&bench->loop, &wake);
        uv_timer_start(&wake, on_wake, 20, 20);
        while (*counter < value && now_ms() - begin_ms < limit_ms)
                uv_run(&bench->loop, UV_RUN_ONCE);
        uv_close((uv_handle_t *)&wake, NULL);
        uv_run(&bench->loop, UV_RUN_NOWAIT);
        if (*counter < value)
                fail_msg("%u in place of %u after %d ms; last error: %s", *counter, value, (int)limit_ms,
                         bench->last_error);
        return now_ms() - begin_ms;
}

void turn_for(struct bench *bench, int64_t duration_ms)
{
        unsigned never = 0;
        int64_t end_ms = now_ms() + duration_ms;
        uv_timer_t wake;
        uv_timer_init(&bench->loop, &wake);
        uv_timer_start(&wake, on_wake, 10, 10);
        while (never == 0 && now_ms() < end_ms)
                uv_run(&bench->loop, UV_RUN_ONCE);
        uv_close((uv_handle_t *)&wake, NULL);
        uv_run(&bench->loop, UV_RUN_NOWAIT);
}

const char *queue_name(const struct bench *bench)
{
        return bench->config.queues[0].name;
}

int begin(void **state)
{
        static unsigned number;
        struct bench *bench = calloc(1, sizeof(*bench));
        uv_loop_init(&bench->loop);
        arena_init(&bench->arena);
        const char *name = arena_printf(&bench->arena, "io.%d.%u", (int)getpid(), ++number);
        bench->config.amqp.url = url();
        bench->config.amqp.heartbeat_ms = 30000;
        bench->config.queue_count = 1;
        bench->config.queues[0] = (struct config_queue){
                .declare = true,
                .name = name,
                .bindings = {name},
                .binding_count = 1,
                .prefetch = 256,
                .tiers = {"1s"},
                .tiers_ms = {1000},
                .tier_count = 1,
        };
        *state = bench;
        return 0;
}

/* A connection for what only the tests do. */
struct broker *side_open(struct bench *bench)
{
        static struct amqp_settings settings;
        struct amqp_error error;
        struct config config = {.amqp = {.url = url(), .heartbeat_ms = 30000}};
        assert_true(amqp_settings_parse(&bench->arena, &config, &settings, &error));
        struct broker *broker = broker_open(&settings, "test", &error);
        if (!broker)
                fail_msg("%s", error.text);
        amqp_channel_open(broker->state, 1);
        return broker;
}

void queue_delete(struct bench *bench, const char *name)
{
        struct broker *broker = side_open(bench);
        amqp_queue_delete(broker->state, 1, bytes_of(name), 0, 0);
        broker_close(broker, 1000);
}

static unsigned queue_depth(struct bench *bench, const char *name)
{
        struct broker *broker = side_open(bench);
        amqp_queue_declare_ok_t *ok = amqp_queue_declare(broker->state, 1, bytes_of(name), /* passive = */ 1,
                                                         1, 0, 0, amqp_empty_table);
        unsigned depth = ok ? ok->message_count : UINT32_MAX;
        broker_close(broker, 1000);
        return depth;
}

/* Only what is ready counts, and what a closed connection held becomes ready a moment later. */
void await_depth(struct bench *bench, const char *name, unsigned depth)
{
        int64_t begin_ms = now_ms();
        while (queue_depth(bench, name) != depth)
                if (now_ms() - begin_ms > PROMPT_MS)
                        fail_msg("%s holds %u in place of %u", name, queue_depth(bench, name), depth);
}

int end(void **state)
{
        struct bench *bench = *state;
        if (bench->consumer)
                amqp_consumer_close(bench->consumer);
        if (bench->publisher)
                amqp_publisher_close(bench->publisher, 1000);
        uv_run(&bench->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&bench->loop), 0);
        const char *name = queue_name(bench);
        queue_delete(bench, name);
        queue_delete(bench, topology_dlq_name(&bench->arena, name));
        queue_delete(bench, topology_tier_queue(&bench->arena, name, "1s"));
        arena_fini(&bench->arena);
        free(bench);
        return 0;
}

void consumer_start(struct bench *bench, uint16_t prefetch)
{
        bench->consumer = amqp_consumer_open(&bench->loop, &bench->config, &events, bench);
        amqp_consumer_want(bench->consumer, 0, prefetch);
        await(bench, &bench->ups, 1, PROMPT_MS);
}

/* Until the broker has taken in every ack. Its channel keeps acks back while a quorum queue has more than 32
 * commands to do, and forgets them when it is closed, also in good order; a cancel goes through the queue
 * behind them. */
void consumer_settle(struct bench *bench)
{
        unsigned cancels = bench->cancels;
        amqp_consumer_want(bench->consumer, 0, 0);
        await(bench, &bench->cancels, cancels + 1, PROMPT_MS);
}

void publisher_start(struct bench *bench, int64_t timeout_ms)
{
        struct amqp_error error;
        if (!amqp_topology_apply(&bench->config, TOPOLOGY_DECLARE, NULL, &error))
                fail_msg("%s", error.text);
        bench->publisher = amqp_publisher_open(&bench->loop, &bench->config, timeout_ms);
}

void on_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct expectation *expectation = context;
        struct bench *bench = expectation->bench;
        bench->ended++;
        bench->outcomes[outcome]++;
        bench->wrong_outcomes += outcome != expectation->outcome;
        snprintf(bench->last_error, sizeof(bench->last_error), "%s", error);
        free(expectation);
}

struct message *message_new(struct arena **arena, const char *exchange, const char *key, size_t body_len)
{
        *arena = malloc(sizeof(**arena));
        arena_init(*arena);
        struct message *message = arena_alloc(*arena, sizeof(*message));
        message->exchange = slice_of(exchange);
        message->routing_key = slice_of(arena_strdup(*arena, key));
        message->properties.message_id = SLICE_LITERAL("m1");
        message->properties.type = SLICE_LITERAL("test.v1");
        message->body = (struct slice){.data = arena_alloc(*arena, body_len), .len = body_len};
        return message;
}

void publish(struct bench *bench, const char *exchange, const char *key, size_t body_len,
             enum publish_outcome expected)
{
        struct arena *arena;
        struct message *message = message_new(&arena, exchange, key, body_len);
        struct expectation *expectation = malloc(sizeof(*expectation));
        *expectation = (struct expectation){.bench = bench, .outcome = expected};
        amqp_publisher_publish(bench->publisher, arena, message, on_published, expectation);
}

void publish_many(struct bench *bench, unsigned count, size_t body_len)
{
        unsigned ended = bench->ended;
        for (unsigned i = 0; i < count; i++)
                publish(bench, "", queue_name(bench), body_len, PUBLISH_CONFIRMED);
        await(bench, &bench->ended, ended + count, 60000);
        assert_int_equal(bench->wrong_outcomes, 0);
}

void ctl(const char *arguments)
{
        const char *command = getenv("LEVERET_TEST_RABBITMQCTL");
        char line[1024];
        if (!command)
                skip();
        snprintf(line, sizeof(line), "%s %s >/dev/null 2>&1", command, arguments);
        if (system(line) != 0)
                fail_msg("failed: %s", line);
}

static int connect_upstream(void)
{
        struct arena arena;
        struct amqp_settings settings;
        struct amqp_error error;
        struct config config = {.amqp = {.url = url(), .heartbeat_ms = 30000}};
        arena_init(&arena);
        amqp_settings_parse(&arena, &config, &settings, &error);
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)settings.nodes[0].port)};
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
        arena_fini(&arena);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
                abort();
        return fd;
}

/* False: one of both has hung up. */
static bool proxy_pass(struct proxy *proxy, int from, int to, bool limited)
{
        char bytes[4096];
        long allowed = limited ? atomic_load(&proxy->pass_bytes) : -1;
        size_t want = allowed >= 0 && allowed < (long)sizeof(bytes) ? (size_t)allowed : sizeof(bytes);
        ssize_t got = recv(from, bytes, want, MSG_DONTWAIT);
        if (got <= 0)
                return false;
        if (allowed >= 0)
                atomic_fetch_sub(&proxy->pass_bytes, got);
        return send(to, bytes, (size_t)got, MSG_NOSIGNAL) == got;
}

static void proxy_serve(struct proxy *proxy, int client)
{
        int upstream = connect_upstream();
        for (bool alive = true; alive && !atomic_load(&proxy->end);) {
                bool open = atomic_load(&proxy->pass_bytes) != 0;
                struct pollfd fds[2] = {{.fd = client, .events = POLLIN},
                                        {.fd = open ? upstream : -1, .events = POLLIN}};
                poll(fds, 2, 10);
                if (fds[0].revents)
                        alive = proxy_pass(proxy, client, upstream, false);
                if (fds[1].revents)
                        alive = alive && proxy_pass(proxy, upstream, client, true);
        }
        close(client);
        close(upstream);
}

static void *proxy_run(void *context)
{
        struct proxy *proxy = context;
        while (!atomic_load(&proxy->end)) {
                struct pollfd poll_fd = {.fd = proxy->listener, .events = POLLIN};
                if (poll(&poll_fd, 1, 20) == 1)
                        proxy_serve(proxy, accept(proxy->listener, NULL, NULL));
        }
        return NULL;
}

void proxy_start(struct proxy *proxy, struct bench *bench)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(address);
        proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(proxy->listener, 8), 0);
        getsockname(proxy->listener, (struct sockaddr *)&address, &len);
        proxy->port = ntohs(address.sin_port);
        atomic_store(&proxy->pass_bytes, -1);
        atomic_store(&proxy->end, false);
        pthread_create(&proxy->thread, NULL, proxy_run, proxy);
        bench->config.amqp.url = arena_printf(&bench->arena, "amqp://127.0.0.1:%d/", proxy->port);
}

void proxy_stop(struct proxy *proxy)
{
        atomic_store(&proxy->end, true);
        pthread_join(proxy->thread, NULL);
        close(proxy->listener);
}
