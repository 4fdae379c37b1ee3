#include "cli/dlq/dlq_command.h"
#include "cli/job/timeline.h"
#include "core/record/keys.h"
#include "query/jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Shows what the index holds, which never touches the queue; --full takes the message itself out for a
 * moment. */

static const struct redis_value *hash_of(struct dlq *dlq, const struct letter_entry *entry)
{
        const char *key =
                record_key(dlq->query.arena, dlq->query.config->redis.prefix, KEY_LETTER, entry->dead_id);
        return redis_sync_call(dlq->query.redis, dlq->query.arena, "HGETALL", key, NULL);
}

static void print_line(const char *name, const char *value)
{
        if (value[0])
                printf("%-16s %s\n", name, value);
}

/* Line feeds are kept, all other control characters are not. */
static void print_body(struct cli *cli, struct slice body)
{
        while (body.len > 0) {
                const char *end = memchr(body.data, '\n', body.len);
                size_t len = end ? (size_t)(end - body.data) : body.len;
                printf("  %s\n", cli_safe(cli, (struct slice){.data = body.data, .len = len}));
                size_t step = end ? len + 1 : len;
                body.data += step;
                body.len -= step;
        }
}

static void print_facts(struct dlq *dlq, const struct letter_entry *entry, const struct redis_value *hash)
{
        struct cli *cli = command_of(dlq)->cli;
        print_line("dead id", entry->dead_id);
        print_line("id", entry->id[0] ? cli_safe(cli, slice_of(entry->id)) : "none that can be used");
        print_line("message id", cli_safe(cli, entry->message_id));
        print_line("type", cli_safe(cli, entry->type));
        print_line("queue", cli_safe(cli, redis_value_field(hash, "queue")));
        print_line("reason", cli_safe(cli, entry->reason));
        print_line("error", cli_safe(cli, entry->error));
        print_line("failed", cli_time(cli, entry->failed_ms));
        print_line("first seen", cli_time(cli, entry->first_seen_ms));
        print_line("attempt", arena_printf(&cli->arena, "%" PRId64, entry->attempt));
        print_line("deferrals", cli_safe(cli, redis_value_field(hash, "deferrals")));
        print_line("redrives", arena_printf(&cli->arena, "%" PRId64, entry->redrives));
        if (entry->copies > 1)
                print_line("copies", arena_printf(&cli->arena, "%" PRId64, entry->copies));
        print_line("subject", cli_safe(cli, entry->subject));
        print_line("deadline", entry->deadline_ms > 0 ? cli_time(cli, entry->deadline_ms) : "");
        print_line("correlation id", cli_safe(cli, redis_value_field(hash, "correlation_id")));
        print_line("app id", cli_safe(cli, entry->app_id));
        print_line("exchange", cli_safe(cli, redis_value_field(hash, "exchange")));
        print_line("routing key", cli_safe(cli, entry->routing_key));
        print_line("content type", cli_safe(cli, redis_value_field(hash, "content_type")));
        print_line("encoding", cli_safe(cli, redis_value_field(hash, "content_encoding")));
        print_line("reply to", cli_safe(cli, redis_value_field(hash, "reply_to")));
        print_line("worker", cli_safe(cli, redis_value_field(hash, "worker")));
}

static void letter_print_text(struct cli *cli, const char *name, struct slice text)
{
        if (text.len > 0)
                printf("  %-26s %s\n", name, cli_safe(cli, text));
}

/* All that AMQP has, as the publisher set it. */
static void print_properties(struct cli *cli, const struct message_properties *properties)
{
        printf("\nproperties\n");
        letter_print_text(cli, "message_id", properties->message_id);
        letter_print_text(cli, "type", properties->type);
        letter_print_text(cli, "app_id", properties->app_id);
        letter_print_text(cli, "user_id", properties->user_id);
        letter_print_text(cli, "content_type", properties->content_type);
        letter_print_text(cli, "content_encoding", properties->content_encoding);
        letter_print_text(cli, "correlation_id", properties->correlation_id);
        letter_print_text(cli, "reply_to", properties->reply_to);
        letter_print_text(cli, "expiration", properties->expiration);
        if (properties->has_delivery_mode)
                printf("  %-26s %u\n", "delivery_mode", properties->delivery_mode);
        if (properties->has_priority)
                printf("  %-26s %u\n", "priority", properties->priority);
        if (properties->has_timestamp)
                printf("  %-26s %" PRIu64 "\n", "timestamp", properties->timestamp);
}

static void print_headers(struct cli *cli, const struct message *message)
{
        printf("\nheaders\n");
        for (size_t i = 0; i < message->properties.header_count; i++) {
                const struct header *header = &message->properties.headers[i];
                struct buffer value = {0};
                header_json(&value, header);
                printf("  %-26s %s\n", cli_safe(cli, header->name),
                       cli_safe(cli, (struct slice){.data = value.data, .len = value.len}));
                buffer_fini(&value);
        }
}

/* The message itself, copied into the command's arena; it goes back to its place. NULL if it is not there;
 * told. */
static struct message *peek(struct dlq *dlq, const struct letter_entry *entry, int *status)
{
        struct dlq_walk walk;
        struct amqp_delivery taken;
        struct message *copy = NULL;
        *status = dlq_walk_open(&walk, dlq, "show");
        if (*status != CLI_OK)
                return NULL;
        while (!copy && dlq_walk_next(&walk, DLQ_PATIENCE_MS, &taken) == PULL_MESSAGE) {
                struct letter letter;
                letter_read(taken.arena, dlq, taken.message, &letter);
                dlq_walk_hold(&walk, taken.tag);
                if (letter.entry == entry)
                        copy = message_copy(dlq->query.arena, taken.message);
                arena_free(taken.arena);
        }
        *status = dlq_walk_close(&walk);
        if (!copy && *status == CLI_OK)
                *status = cli_fail(
                        command_of(dlq)->cli, CLI_NOT_FOUND,
                        "%s is in the index, but not among the messages of %s; leveret dlq sync %s cleans up",
                        entry->dead_id, dlq->source, dlq->queue);
        return copy;
}

static void print_index_body(struct dlq *dlq, const struct letter_entry *entry, struct slice head)
{
        enum { SHOWN_MAX = 1024 }; /* of what the index has for searches */
        head.len = head.len > SHOWN_MAX ? SHOWN_MAX : head.len;
        bool whole = (int64_t)head.len >= entry->size;
        printf("\nbody, %s%" PRId64 " bytes\n",
               whole ? "" : arena_printf(dlq->query.arena, "the first %zu of ", head.len), entry->size);
        print_body(command_of(dlq)->cli, head);
        if (!whole)
                printf("\nAll of it, with the headers: leveret dlq show %s %s --full\n", dlq->queue,
                       entry->dead_id);
}

static int show_text(struct dlq *dlq, const struct letter_entry *entry)
{
        const struct redis_value *hash = hash_of(dlq, entry);
        int status = CLI_OK;
        print_facts(dlq, entry, hash);
        printf("\ntimeline\n");
        if (!entry->id[0] || !timeline_print(command_of(dlq)->cli, dlq->query.redis, entry->id))
                printf("  none: the message had no usable id, or it never reached a worker\n");
        if (!command_of(dlq)->full) {
                print_index_body(dlq, entry, redis_value_field(hash, "head"));
                return status;
        }
        fflush(stdout);
        struct message *message = peek(dlq, entry, &status);
        if (!message)
                return status;
        print_properties(command_of(dlq)->cli, &message->properties);
        print_headers(command_of(dlq)->cli, message);
        printf("\nbody, %" PRIu64 " bytes\n", message->body_size);
        print_body(command_of(dlq)->cli, message->body);
        return CLI_OK;
}

static int show_json(struct dlq *dlq, const struct letter_entry *entry)
{
        struct buffer out = {0};
        int status = CLI_OK;
        buffer_printf(&out, "{\"dead_id\":\"%s\"", entry->dead_id);
        letter_add_fields(hash_of(dlq, entry), &out);
        buffer_add_text(&out, ",\"events\":");
        if (entry->id[0])
                job_add_timeline(&(struct query){dlq->query.config, dlq->query.redis, dlq->query.arena},
                                 entry->id, &out);
        else
                buffer_add_text(&out, "[]");
        struct message *message = command_of(dlq)->full ? peek(dlq, entry, &status) : NULL;
        if (message) {
                struct letter letter;
                letter_read(dlq->query.arena, dlq, message, &letter);
                buffer_add_text(&out, ",\"message\":");
                letter_json(&out, &letter, message);
        }
        buffer_add_char(&out, '}');
        if (status == CLI_OK)
                cli_print_json((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
        return status;
}

int dlq_show(struct dlq *dlq)
{
        if (dlq->id_count == 0)
                return cli_usage(command_of(dlq)->cli, "dlq show QUEUE ID...");
        int status = dlq_index_choose(dlq);
        bool first = true;
        for (size_t i = 0; status == CLI_OK && i < dlq->count; i++) {
                if (!dlq->entries[i].wanted)
                        continue;
                if (!first && command_of(dlq)->cli->output == CLI_TABLE)
                        printf("\n");
                first = false;
                status = command_of(dlq)->cli->output == CLI_JSON ? show_json(dlq, &dlq->entries[i])
                                                                  : show_text(dlq, &dlq->entries[i]);
        }
        fflush(stdout);
        return status;
}
