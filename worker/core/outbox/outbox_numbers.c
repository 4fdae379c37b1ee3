#include "core/outbox/outbox_numbers.h"

#include "core/outbox/outbox_sql.h"
#include "core/text/word.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *fate_word(enum outbox_fate fate)
{
        switch (fate) {
        case OUTBOX_GONE:
                return "moved";
        case OUTBOX_ASIDE:
                return "aside";
        case OUTBOX_STAYS:
                return "again";
        }
        abort();
}

bool outbox_is_ready(const struct outbox_numbers *numbers)
{
        return numbers->postgres_up && numbers->publisher_up && !numbers->publisher_blocked &&
               !numbers->draining;
}

/* ---- for people ---- */

static void outbox_numbers_add_count(struct buffer *out, int64_t count)
{
        buffer_printf(out, "%" PRId64 "%s", count, count == OUTBOX_COUNT_MAX ? " or more" : "");
}

void outbox_depth_print(const struct outbox_numbers *numbers, struct buffer *out)
{
        if (numbers->waiting < 0) {
                buffer_add_text(out, "how many rows wait is not known");
                return;
        }
        outbox_numbers_add_count(out, numbers->waiting);
        buffer_add_text(out, numbers->waiting == 1 ? " row waits" : " rows wait");
        if (numbers->waiting > 0 && numbers->oldest_ms >= 0)
                buffer_printf(out, ", the first for %" PRId64 " s", numbers->oldest_ms / 1000);
        if (numbers->aside > 0) {
                buffer_add_text(out, "; ");
                outbox_numbers_add_count(out, numbers->aside);
                buffer_add_text(out, numbers->aside == 1 ? " stands aside" : " stand aside");
        }
}

static void add_reason(struct buffer *out, const char *reason, const char *trouble)
{
        buffer_printf(out, "%s%s%s\n", reason, trouble[0] ? ": " : "", trouble);
}

static void outbox_add_reasons(const struct outbox_numbers *numbers, struct buffer *out)
{
        if (numbers->draining)
                add_reason(out, "it is ending", "");
        if (!numbers->postgres_up)
                add_reason(out, "PostgreSQL cannot be used", numbers->postgres_trouble);
        if (!numbers->publisher_up)
                add_reason(out, "the publisher's connection is down", numbers->publisher_trouble);
        else if (numbers->publisher_blocked)
                add_reason(out, "the broker blocks publishers", "");
}

void outbox_ready_render(const struct outbox_numbers *numbers, bool verbose, struct buffer *out)
{
        buffer_add_text(out, outbox_is_ready(numbers) ? "ready\n" : "not ready\n");
        if (!verbose)
                return;
        outbox_add_reasons(numbers, out);
        outbox_depth_print(numbers, out);
        buffer_add_char(out, '\n');
}

/* ---- for programs ---- */

static void add_known(struct buffer *out, const char *name, int64_t number)
{
        if (number < 0)
                buffer_printf(out, ",\"%s\":null", name);
        else
                buffer_printf(out, ",\"%s\":%" PRId64, name, number);
}

void outbox_depth_json(const struct outbox_numbers *numbers, struct buffer *out)
{
        buffer_printf(out, ",\"outbox\":{\"known\":%s", numbers->waiting < 0 ? "false" : "true");
        add_known(out, "waiting", numbers->waiting);
        add_known(out, "oldest_ms", numbers->oldest_ms);
        add_known(out, "aside", numbers->aside);
        buffer_add_char(out, '}');
}

void outbox_status_render(const struct outbox_numbers *numbers, struct buffer *out)
{
        struct buffer reasons = {0};
        outbox_add_reasons(numbers, &reasons);
        buffer_add_text(out, "{\"relay\":");
        buffer_add_json_string(out, slice_of(numbers->worker));
        buffer_printf(out, ",\"version\":\"%s\",\"state\":\"%s\",\"ready\":%s,\"not_ready_because\":",
                      numbers->version, numbers->draining ? "draining" : "running",
                      bool_word(outbox_is_ready(numbers)));
        buffer_add_json_string(out, slice_of(reasons.len ? reasons.data : ""));
        buffer_printf(out, ",\"postgres\":{\"up\":%s},\"publisher\":{\"up\":%s,\"blocked\":%s}",
                      bool_word(numbers->postgres_up), bool_word(numbers->publisher_up),
                      bool_word(numbers->publisher_blocked));
        add_known(out, "waiting", numbers->waiting);
        add_known(out, "oldest_ms", numbers->oldest_ms);
        add_known(out, "aside", numbers->aside);
        buffer_add_text(out, ",\"rows\":{");
        for (int i = 0; i <= OUTBOX_STAYS; i++)
                buffer_printf(out, "%s\"%s\":%" PRIu64, i ? "," : "", fate_word((enum outbox_fate)i),
                              numbers->rows[i]);
        buffer_add_text(out, "}}\n");
        buffer_fini(&reasons);
}

static void render_waiting(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        if (numbers->waiting >= 0)
                metrics_add_count(out, name, "", (uint64_t)numbers->waiting);
}

static void render_row_age(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        if (numbers->waiting >= 0)
                metrics_add_number(out, name, "",
                                   numbers->oldest_ms > 0 ? (double)numbers->oldest_ms / 1000 : 0);
}

static void render_aside(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        if (numbers->aside >= 0)
                metrics_add_count(out, name, "", (uint64_t)numbers->aside);
}

static void render_rows(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (int i = 0; i <= OUTBOX_STAYS; i++) {
                buffer_clear(&labels);
                buffer_printf(&labels, "fate=\"%s\"", fate_word((enum outbox_fate)i));
                metrics_add_count(out, name, labels.data, numbers->rows[i]);
        }
        buffer_fini(&labels);
}

static void render_delay(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        metrics_add_histogram(out, name, "", &metrics_wait_buckets, &numbers->delay);
}

#define POSTGRES_LABEL "connection=\"postgres\""
#define PUBLISHER_LABEL "connection=\"amqp_publisher\""

static void render_up(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, POSTGRES_LABEL, numbers->postgres_up);
        metrics_add_count(out, name, PUBLISHER_LABEL, numbers->publisher_up);
}

static void render_losses(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, POSTGRES_LABEL, numbers->postgres_losses);
        metrics_add_count(out, name, PUBLISHER_LABEL, numbers->publisher_losses);
}

static void render_readiness(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, "", outbox_is_ready(numbers));
}

static void render_dropped(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, "", numbers->log_lines_dropped);
}

static void render_version(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        buffer_printf(&labels, "version=\"%s\"", numbers->version);
        metrics_add_count(out, name, labels.data, 1);
        buffer_fini(&labels);
}

static void render_began(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        metrics_add_number(out, name, "", numbers->process.start_s);
}

static void render_cpu_time(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        metrics_add_number(out, name, "", numbers->process.cpu_s);
}

static void render_memory(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, "", numbers->process.resident_bytes);
}

static void render_descriptors(const struct outbox_numbers *numbers, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, "", numbers->process.open_fds);
}

static const struct outbox_family {
        const char *name;
        enum metrics_kind kind;
        void (*render)(const struct outbox_numbers *numbers, const char *name, struct buffer *out);
        const char *help;
} families[] = {
        {"leveret_outbox_waiting_rows", METRICS_GAUGE, render_waiting,
         "Rows of the outbox that wait, counted up to 100,000; absent while not known."},
        {"leveret_outbox_oldest_seconds", METRICS_GAUGE, render_row_age,
         "How long the first of them has waited, 0 if none waits; absent while not known."},
        {"leveret_outbox_aside_rows", METRICS_GAUGE, render_aside,
         "Rows that stand aside with an error, counted up to 100,000; absent while not known."},
        {"leveret_outbox_rows_total", METRICS_COUNTER, render_rows,
         "Rows that this relay had in hand, by what became of them."},
        {"leveret_outbox_delay_seconds", METRICS_HISTOGRAM, render_delay,
         "Time from created_at of a row to the broker's confirm."},
        {"leveret_connection_up", METRICS_GAUGE, render_up, "1 if the connection stands."},
        {"leveret_connection_losses_total", METRICS_COUNTER, render_losses, "Times the connection was lost."},
        {"leveret_ready", METRICS_GAUGE, render_readiness, "1 if /readyz says so."},
        {"leveret_log_lines_dropped_total", METRICS_COUNTER, render_dropped,
         "Log lines that could not be written."},
        {"leveret_build_info", METRICS_GAUGE, render_version, "Always 1; the version is a label."},
        {"process_start_time_seconds", METRICS_GAUGE, render_began,
         "When the process started, seconds since 1970."},
        {"process_cpu_seconds_total", METRICS_COUNTER, render_cpu_time,
         "User and system CPU time of the process."},
        {"process_resident_memory_bytes", METRICS_GAUGE, render_memory, "Resident memory of the process."},
        {"process_open_fds", METRICS_GAUGE, render_descriptors, "Open file descriptors of the process."},
};

enum { FAMILIES = sizeof(families) / sizeof(*families) };

void outbox_metrics_render(const struct outbox_numbers *numbers, struct buffer *out)
{
        for (size_t i = 0; i < FAMILIES; i++) {
                metrics_add_head(out, families[i].name, families[i].kind, families[i].help);
                families[i].render(numbers, families[i].name, out);
        }
}

void outbox_metrics_list(struct buffer *out)
{
        for (size_t i = 0; i < FAMILIES; i++)
                buffer_printf(out, "%s\t%s\t%s\n", families[i].name, metrics_kind_word(families[i].kind),
                              families[i].help);
}
