#include "io/log/log.h"
#include "io/machine/process_usage.h"
#include "relay/relay_state.h"

/* What the admin server shows. On the loop's thread. */

static void numbers_take(struct relay *relay, struct outbox_numbers *numbers, char publisher[AMQP_ERROR_MAX],
                         char postgres[POSTGRES_ERROR_MAX])
{
        uv_mutex_lock(&relay->mutex);
        *numbers = relay->numbers;
        memcpy(postgres, relay->postgres_trouble, POSTGRES_ERROR_MAX);
        uv_mutex_unlock(&relay->mutex);
        amqp_publisher_trouble(relay->publisher, publisher);
        numbers->publisher_up = amqp_publisher_is_up(relay->publisher);
        numbers->publisher_blocked = amqp_publisher_is_blocked(relay->publisher);
        numbers->publisher_losses = amqp_publisher_losses(relay->publisher);
        numbers->publisher_trouble = publisher;
        numbers->postgres_trouble = postgres;
        numbers->worker = relay->name;
        numbers->version = LEVERET_VERSION;
        numbers->draining = relay->draining_ms > 0;
        numbers->log_lines_dropped = log_dropped();
        numbers->process = (struct metrics_process){.start_s = (double)relay->started_ms / 1000};
}

void relay_pages_render(void *context, enum admin_page page, bool verbose, struct buffer *body, int *status)
{
        struct relay *relay = context;
        struct outbox_numbers numbers;
        char publisher[AMQP_ERROR_MAX], postgres[POSTGRES_ERROR_MAX];
        numbers_take(relay, &numbers, publisher, postgres);
        switch (page) {
        case ADMIN_LIVEZ:
                buffer_add_text(body, "alive\n");
                return;
        case ADMIN_READYZ:
                *status = outbox_is_ready(&numbers) ? 200 : 503;
                outbox_ready_render(&numbers, verbose, body);
                return;
        case ADMIN_METRICS:
                process_usage_read(&numbers.process);
                outbox_metrics_render(&numbers, body);
                return;
        case ADMIN_STATUS:
                outbox_status_render(&numbers, body);
                return;
        case ADMIN_PAGE_COUNT:
                return;
        }
}
