#include "core/watch/metrics_state.h"

static const char *const connection_words[METRICS_CONNECTION_COUNT] = {
        [METRICS_AMQP_CONSUMER] = "amqp_consumer",
        [METRICS_AMQP_PUBLISHER] = "amqp_publisher",
        [METRICS_REDIS] = "redis",
};

/* One buffer is used for the labels of all series of a family. */
static const char *format_labels(struct buffer *labels, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
static const char *format_labels(struct buffer *labels, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        buffer_clear(labels);
        buffer_vprintf(labels, format, args);
        va_end(args);
        return labels->data;
}

/* The attributes that OpenTelemetry requires, and our own short `queue`, which all leveret_ names use. */
#define MESSAGING(operation) "messaging_system=\"rabbitmq\",messaging_operation_name=\"" operation "\""

static void lane_labels(const struct metrics *metrics, const struct lane *lane, struct buffer *labels)
{
        const char *queue = metrics->queues[lane->queue].name;
        format_labels(labels,
                      MESSAGING("process") ",messaging_destination_name=\"%s\",queue=\"%s\",type=\"%s\"",
                      queue, queue, metrics->types[lane->type].name);
}

static void render_consumed(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->lane_count; i++) {
                const struct lane *lane = &metrics->lanes[i];
                lane_labels(metrics, lane, &labels);
                size_t len = labels.len;
                for (int outcome = 0; outcome < METRICS_OUTCOME_COUNT; outcome++) {
                        labels.len = len;
                        buffer_printf(&labels, ",outcome=\"%s\"",
                                      metrics_outcome_word((enum metrics_outcome)outcome));
                        metrics_add_count(out, name, labels.data, lane->ends[outcome]);
                }
        }
        buffer_fini(&labels);
}

static void render_duration(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->lane_count; i++) {
                lane_labels(metrics, &metrics->lanes[i], &labels);
                metrics_add_histogram(out, name, labels.data, &metrics_process_buckets,
                                      &metrics->lanes[i].duration);
        }
        buffer_fini(&labels);
}

static void render_sent(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < METRICS_PUBLISH_WORDS; i++)
                metrics_add_count(out, name,
                                  format_labels(&labels, MESSAGING("publish") ",outcome=\"%s\"",
                                                metrics_publish_words[i]),
                                  metrics->published[i]);
        buffer_fini(&labels);
}

static void render_retries(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->lane_count; i++) {
                const struct lane *lane = &metrics->lanes[i];
                format_labels(&labels, "queue=\"%s\",type=\"%s\"", metrics->queues[lane->queue].name,
                              metrics->types[lane->type].name);
                metrics_add_count(out, name, labels.data, lane->ends[METRICS_RETRY]);
        }
        buffer_fini(&labels);
}

static void render_dead_letters(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->queue_count; i++)
                for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
                        metrics_add_count(out, name,
                                          format_labels(&labels, "queue=\"%s\",reason=\"%s\"",
                                                        metrics->queues[i].name,
                                                        reason_word((enum reason)reason)),
                                          metrics->queues[i].dead_letters[reason]);
        buffer_fini(&labels);
}

static void render_claims(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (int i = 0; i < CLAIM_ANSWER_COUNT; i++)
                metrics_add_count(
                        out, name,
                        format_labels(&labels, "answer=\"%s\"", claim_answer_word((enum claim_answer)i)),
                        metrics->claims[i]);
        buffer_fini(&labels);
}

static const char *mail_labels(const struct outlet_numbers *outlet, int outcome, struct buffer *labels)
{
        return format_labels(labels, "outlet=\"%s\",transport=\"%s\",outcome=\"%s\"", outlet->name,
                             outlet->transport, send_outcome_word((enum send_outcome)outcome));
}

static void render_mails(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t k = 0; k < metrics->outlet_count; k++)
                for (int i = 0; i <= SEND_AMBIGUOUS; i++)
                        metrics_add_count(out, name, mail_labels(&metrics->outlets[k], i, &labels),
                                          metrics->outlets[k].sends[i].count);
        buffer_fini(&labels);
}

static void render_mail_duration(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t k = 0; k < metrics->outlet_count; k++)
                for (int i = 0; i <= SEND_AMBIGUOUS; i++)
                        metrics_add_histogram(out, name, mail_labels(&metrics->outlets[k], i, &labels),
                                              &metrics_process_buckets, &metrics->outlets[k].sends[i]);
        buffer_fini(&labels);
}

static void render_looks(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t k = 0; k < metrics->outlet_count; k++)
                for (int i = 0; i < LOOK_ANSWER_COUNT; i++)
                        metrics_add_count(out, name,
                                          format_labels(&labels, "outlet=\"%s\",answer=\"%s\"",
                                                        metrics->outlets[k].name,
                                                        look_answer_word((enum look_answer)i)),
                                          metrics->outlets[k].looks[i]);
        buffer_fini(&labels);
}

static const char *outlet_label(const struct metrics *metrics, size_t outlet, struct buffer *labels)
{
        return format_labels(labels, "outlet=\"%s\"", metrics->outlets[outlet].name);
}

static void render_refused_recipients(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t k = 0; k < metrics->outlet_count; k++)
                metrics_add_count(out, name, outlet_label(metrics, k, &labels),
                                  metrics->outlets[k].refused_recipients);
        buffer_fini(&labels);
}

static void render_share_questions(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t k = 0; k < metrics->outlet_count; k++)
                metrics_add_count(out, name, outlet_label(metrics, k, &labels),
                                  metrics->outlets[k].share.questions);
        buffer_fini(&labels);
}

static void render_share_given(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t k = 0; k < metrics->outlet_count; k++)
                metrics_add_count(out, name, outlet_label(metrics, k, &labels),
                                  metrics->outlets[k].share.given);
        buffer_fini(&labels);
}

static void render_share_used(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t k = 0; k < metrics->outlet_count; k++)
                metrics_add_count(out, name, outlet_label(metrics, k, &labels),
                                  metrics->outlets[k].share.used);
        buffer_fini(&labels);
}

static void render_put_off(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t k = 0; k < metrics->outlet_count; k++)
                metrics_add_count(out, name, outlet_label(metrics, k, &labels),
                                  metrics->outlets[k].share.put_off);
        buffer_fini(&labels);
}

static const char *queue_label(const struct metrics *metrics, size_t queue, struct buffer *labels)
{
        return format_labels(labels, "queue=\"%s\"", metrics->queues[queue].name);
}

static void render_queue_wait(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->queue_count; i++)
                metrics_add_histogram(out, name, queue_label(metrics, i, &labels), &metrics_wait_buckets,
                                      &metrics->queues[i].wait);
        buffer_fini(&labels);
}

static void render_queue_depth(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->queue_count; i++)
                if (metrics->queues[i].depth >= 0)
                        metrics_add_count(out, name, queue_label(metrics, i, &labels),
                                          (uint64_t)metrics->queues[i].depth);
        buffer_fini(&labels);
}

static void render_queue_retrying(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->queue_count; i++)
                if (metrics->queues[i].retrying >= 0)
                        metrics_add_count(out, name, queue_label(metrics, i, &labels),
                                          (uint64_t)metrics->queues[i].retrying);
        buffer_fini(&labels);
}

static void render_queue_oldest(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->queue_count; i++)
                if (metrics->queues[i].oldest_s >= 0)
                        metrics_add_number(out, name, queue_label(metrics, i, &labels),
                                           metrics->queues[i].oldest_s);
        buffer_fini(&labels);
}

static void render_consuming(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->queue_count; i++)
                metrics_add_count(out, name, queue_label(metrics, i, &labels), metrics->queues[i].consuming);
        buffer_fini(&labels);
}

static void render_in_flight(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->queue_count; i++)
                metrics_add_count(out, name, queue_label(metrics, i, &labels), metrics->queues[i].in_flight);
        buffer_fini(&labels);
}

static void render_in_flight_bytes(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, "", metrics->in_flight_bytes);
}

static void render_oldest(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_number(out, name, "", metrics->oldest_s);
}

static void render_stuck_jobs(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, "", metrics->stuck_jobs);
}

static void render_last_success(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->type_count; i++)
                if (metrics->types[i].name && metrics->types[i].last_success_s > 0)
                        metrics_add_number(out, name,
                                           format_labels(&labels, "type=\"%s\"", metrics->types[i].name),
                                           metrics->types[i].last_success_s);
        buffer_fini(&labels);
}

static void render_failures(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t i = 0; i < metrics->type_count; i++)
                if (metrics->types[i].name)
                        metrics_add_count(out, name,
                                          format_labels(&labels, "type=\"%s\"", metrics->types[i].name),
                                          metrics->types[i].consecutive_failures);
        buffer_fini(&labels);
}

static void render_connection_up(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (int i = 0; i < METRICS_CONNECTION_COUNT; i++)
                metrics_add_count(out, name, format_labels(&labels, "connection=\"%s\"", connection_words[i]),
                                  metrics->up[i]);
        buffer_fini(&labels);
}

static void render_connection_losses(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (int i = 0; i < METRICS_CONNECTION_COUNT; i++)
                metrics_add_count(out, name, format_labels(&labels, "connection=\"%s\"", connection_words[i]),
                                  metrics->losses[i]);
        buffer_fini(&labels);
}

static void render_breaker(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t k = 0; k < metrics->outlet_count; k++) {
                const struct outlet_numbers *outlet = &metrics->outlets[k];
                for (int i = 0; i <= BREAKER_HALF_OPEN; i++)
                        metrics_add_count(out, name,
                                          format_labels(&labels,
                                                        "outlet=\"%s\",transport=\"%s\",state=\"%s\"",
                                                        outlet->name, outlet->transport,
                                                        breaker_state_word((enum breaker_state)i)),
                                          (enum breaker_state)i == outlet->breaker);
        }
        buffer_fini(&labels);
}

static void render_openings(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        for (size_t k = 0; k < metrics->outlet_count; k++)
                metrics_add_count(out, name,
                                  format_labels(&labels, "outlet=\"%s\",transport=\"%s\"",
                                                metrics->outlets[k].name, metrics->outlets[k].transport),
                                  metrics->outlets[k].openings);
        buffer_fini(&labels);
}

static void render_ready(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, "", metrics->ready);
}

static void render_loop(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_histogram(out, name, "", &metrics_loop_buckets, &metrics->loop);
}

static void render_loop_max(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_number(out, name, "", metrics->loop_max_s);
}

static void render_log_lines_dropped(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, "", metrics->log_lines_dropped);
}

static void render_build_info(const struct metrics *metrics, const char *name, struct buffer *out)
{
        struct buffer labels = {0};
        metrics_add_count(out, name, format_labels(&labels, "version=\"%s\"", metrics->version), 1);
        buffer_fini(&labels);
}

static void render_start(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_number(out, name, "", metrics->process.start_s);
}

static void render_cpu(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_number(out, name, "", metrics->process.cpu_s);
}

static void render_resident(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, "", metrics->process.resident_bytes);
}

static void render_fds(const struct metrics *metrics, const char *name, struct buffer *out)
{
        metrics_add_count(out, name, "", metrics->process.open_fds);
}

/* Every name there is; alert rules and dashboards are checked against this table. */
static const struct family {
        const char *name;
        enum metrics_kind kind;
        void (*render)(const struct metrics *metrics, const char *name, struct buffer *out);
        const char *help;
} families[] = {
        {"messaging_client_consumed_messages_total", METRICS_COUNTER, render_consumed,
         "Deliveries by queue, type and how they ended."},
        {"messaging_process_duration_seconds", METRICS_HISTOGRAM, render_duration,
         "Time from the start of a job to its end."},
        {"messaging_client_sent_messages_total", METRICS_COUNTER, render_sent,
         "Copies published for retry, deferral or the dead-letter exchange, by what became of them."},
        {"leveret_retries_total", METRICS_COUNTER, render_retries,
         "Deliveries that come again with the next attempt."},
        {"leveret_dead_letters_total", METRICS_COUNTER, render_dead_letters,
         "Dead-lettered messages by reason."},
        {"leveret_claims_total", METRICS_COUNTER, render_claims, "Claims by the answer of the job store."},
        {"leveret_mails_total", METRICS_COUNTER, render_mails, "Tries to send a mail by outcome."},
        {"leveret_mail_duration_seconds", METRICS_HISTOGRAM, render_mail_duration,
         "Time of one try to send a mail."},
        {"leveret_mail_lookups_total", METRICS_COUNTER, render_looks,
         "Questions to a mail service whether it has a mail, by its answer."},
        {"leveret_mail_refused_recipients_total", METRICS_COUNTER, render_refused_recipients,
         "Recipients that were refused for good, of mails that went out to the others."},
        {"leveret_rate_shared_commands_total", METRICS_COUNTER, render_share_questions,
         "Commands to Redis for rate_shared."},
        {"leveret_rate_shared_given_total", METRICS_COUNTER, render_share_given,
         "Sends that rate_shared allowed this worker."},
        {"leveret_rate_shared_used_total", METRICS_COUNTER, render_share_used,
         "Of those, the ones that began; the others are void."},
        {"leveret_rate_domain_deferred_total", METRICS_COUNTER, render_put_off,
         "Mails that were put off, as rate_domain had no place in the next second."},
        {"leveret_queue_wait_seconds", METRICS_HISTOGRAM, render_queue_wait,
         "Time from the timestamp of a message to the start of its job."},
        {"leveret_queue_messages", METRICS_GAUGE, render_queue_depth,
         "Messages that wait in the queue; absent while not known."},
        {"leveret_queue_oldest_seconds", METRICS_GAUGE, render_queue_oldest,
         "The oldest message that waits in the queue waits no longer than this; absent while not known."},
        {"leveret_queue_retry_messages", METRICS_GAUGE, render_queue_retrying,
         "Messages that wait in the delay tiers of the queue; absent while not known."},
        {"leveret_consuming", METRICS_GAUGE, render_consuming, "1 if messages of the queue are consumed."},
        {"leveret_in_flight_messages", METRICS_GAUGE, render_in_flight,
         "Deliveries held and not yet settled."},
        {"leveret_in_flight_bytes", METRICS_GAUGE, render_in_flight_bytes,
         "Bytes of the deliveries in flight."},
        {"leveret_in_flight_oldest_seconds", METRICS_GAUGE, render_oldest,
         "Age of the oldest delivery in flight, 0 if there is none."},
        {"leveret_stuck_jobs", METRICS_GAUGE, render_stuck_jobs,
         "Jobs that are running in the store, their lease ran out, and no delivery came."},
        {"leveret_last_success_timestamp_seconds", METRICS_GAUGE, render_last_success,
         "When a job of the type was last completed by this process; absent if never."},
        {"leveret_consecutive_failures", METRICS_GAUGE, render_failures,
         "Retries and dead letters of the type since its last completed job."},
        {"leveret_connection_up", METRICS_GAUGE, render_connection_up, "1 if the connection stands."},
        {"leveret_connection_losses_total", METRICS_COUNTER, render_connection_losses,
         "Times the connection was lost."},
        {"leveret_breaker_state", METRICS_GAUGE, render_breaker, "1 for the state that the breaker is in."},
        {"leveret_breaker_openings_total", METRICS_COUNTER, render_openings, "Times the breaker opened."},
        {"leveret_ready", METRICS_GAUGE, render_ready, "1 if /readyz says so."},
        {"leveret_loop_callback_cpu_seconds", METRICS_HISTOGRAM, render_loop,
         "CPU time of one callback of the loop."},
        {"leveret_loop_callback_cpu_max_seconds", METRICS_GAUGE, render_loop_max,
         "The longest CPU time of one callback since the start of the process."},
        {"leveret_log_lines_dropped_total", METRICS_COUNTER, render_log_lines_dropped,
         "Log lines that could not be written."},
        {"leveret_build_info", METRICS_GAUGE, render_build_info, "Always 1; the version is a label."},
        {"process_start_time_seconds", METRICS_GAUGE, render_start,
         "When the process started, seconds since 1970."},
        {"process_cpu_seconds_total", METRICS_COUNTER, render_cpu,
         "User and system CPU time of the process."},
        {"process_resident_memory_bytes", METRICS_GAUGE, render_resident, "Resident memory of the process."},
        {"process_open_fds", METRICS_GAUGE, render_fds, "Open file descriptors of the process."},
};

void metrics_render(const struct metrics *metrics, struct buffer *out)
{
        for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
                metrics_add_head(out, families[i].name, families[i].kind, families[i].help);
                families[i].render(metrics, families[i].name, out);
        }
}

void metrics_list(struct buffer *out)
{
        for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
                buffer_printf(out, "%s\t%s\t%s\n", families[i].name, metrics_kind_word(families[i].kind),
                              families[i].help);
}
