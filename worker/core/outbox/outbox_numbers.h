#ifndef LEVERET_CORE_OUTBOX_NUMBERS_H
#define LEVERET_CORE_OUTBOX_NUMBERS_H

#include "core/outbox/outbox_row.h"
#include "core/text/buffer.h"
#include "core/watch/metrics.h"
#include "core/watch/metrics_text.h"

/* What a relay shows of itself: pages of the admin server. */

struct outbox_numbers {
        bool postgres_up, publisher_up, publisher_blocked;
        const char *postgres_trouble, *publisher_trouble; /* what was said last; "" while up */
        uint64_t postgres_losses, publisher_losses;
        int64_t waiting, aside;          /* rows, up to OUTBOX_COUNT_MAX; negative: not known */
        int64_t oldest_ms;               /* age of the first that waits; negative: not known, or none waits */
        uint64_t rows[OUTBOX_STAYS + 1]; /* by fate, since the start */
        struct histogram delay;          /* seconds from created_at to the confirm */
        uint64_t log_lines_dropped;
        struct metrics_process process;
        const char *worker, *version;
        bool draining;
};

/* Does it move rows? */
bool outbox_is_ready(const struct outbox_numbers *numbers);
/* Adds "ready" or "not ready" and, verbose, what holds it back and what waits, each a line. */
void outbox_ready_render(const struct outbox_numbers *numbers, bool verbose, struct buffer *out);
/* Adds one JSON object. */
void outbox_status_render(const struct outbox_numbers *numbers, struct buffer *out);
/* Adds the Prometheus text format. */
void outbox_metrics_render(const struct outbox_numbers *numbers, struct buffer *out);
/* Adds one line for each family, as metrics_list. */
void outbox_metrics_list(struct buffer *out);
/* Adds "12 rows wait, the first for 3s; 2 stand aside", or that it is not known. */
void outbox_depth_print(const struct outbox_numbers *numbers, struct buffer *out);
/* Adds ,"outbox":{"known":true,"waiting":12,"oldest_ms":3000,"aside":2}, null what is not known. */
void outbox_depth_json(const struct outbox_numbers *numbers, struct buffer *out);

#endif
