#include "cli/dlq/dlq_command.h"
#include "core/codec/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same change to many messages: a member that is set, or a program that has the body as its input and
 * writes the new one. */

/* Bytes of the longest member name in a pointer. */
enum { NAME_MAX_BYTES = 256 };

/* The value after `=`: JSON, or the text as it is. */
static json_t *dlq_mend_value_of(const char *text)
{
        char cause[JSON_CAUSE_MAX];
        json_t *value = json_parse(slice_of(text), cause);
        return value ? value : json_string(text);
}

/* Takes the next name out of a JSON pointer (RFC 6901): ~1 is '/', ~0 is '~'. False if it is too long. */
static bool next_name(const char **pointer, char name[NAME_MAX_BYTES])
{
        size_t len = 0;
        const char *at = *pointer + 1;
        for (; *at && *at != '/'; at++) {
                if (len + 1 == NAME_MAX_BYTES)
                        return false;
                bool tilde = at[0] == '~' && at[1] == '0', slash = at[0] == '~' && at[1] == '1';
                name[len++] = slash ? '/' : *at;
                at += tilde || slash;
        }
        name[len] = '\0';
        *pointer = at;
        return true;
}

static json_t *step_into(json_t *value, const char *name)
{
        char *end;
        if (!json_is_array(value))
                return json_object_get(value, name);
        unsigned long index = strtoul(name, &end, 10);
        return *end || end == name ? NULL : json_array_get(value, index);
}

static bool set_member(json_t *holder, const char *name, json_t *value)
{
        char *end;
        if (json_is_object(holder))
                return json_object_set(holder, name, value) == 0;
        unsigned long index = strtoul(name, &end, 10);
        return json_is_array(holder) && end != name && !*end && json_array_set(holder, index, value) == 0;
}

/* False if the pointer leads nowhere. The last name may be a new member. */
static bool set_pointer(json_t *body, const char *pointer, json_t *value)
{
        char name[NAME_MAX_BYTES];
        json_t *holder = body;
        while (*pointer == '/' && next_name(&pointer, name)) {
                if (!*pointer)
                        return set_member(holder, name, value);
                holder = step_into(holder, name);
                if (!holder)
                        return false;
        }
        return false;
}

static const char *set_body(struct dlq *dlq, struct slice body, struct slice *mended)
{
        struct arena *arena = dlq->query.arena;
        char cause[JSON_CAUSE_MAX];
        const char *equals = strchr(command_of(dlq)->set, '=');
        const char *pointer =
                arena_copy(arena, command_of(dlq)->set, (size_t)(equals - command_of(dlq)->set));
        json_t *json = json_parse(body, cause), *value = dlq_mend_value_of(equals + 1);
        const char *problem = json ? NULL : arena_printf(arena, "its body is no JSON: %s", cause);
        if (json && !set_pointer(json, pointer, value))
                problem = arena_printf(arena, "%s: its body has no such place", pointer);
        if (!problem) {
                struct buffer text = {0};
                json_write(&text, json, JSON_COMPACT);
                *mended = arena_slice(arena, (struct slice){.data = text.data, .len = text.len});
                buffer_fini(&text);
        }
        json_decref(json);
        json_decref(value);
        return problem;
}

/* NULL and the new body, or why the message stays as it is. */
static const char *mend_body(struct dlq *dlq, const struct message *message, struct slice *mended)
{
        struct slice body = dlq_readable_body(dlq, message);
        if (!body.data)
                return "its body cannot be unpacked";
        const char *problem = NULL;
        *mended = body;
        if (command_of(dlq)->filter)
                problem = dlq_filter_run(dlq, body, mended);
        if (!problem && command_of(dlq)->set)
                problem = set_body(dlq, *mended, mended);
        return !problem && slice_equal(*mended, body) ? "nothing would change" : problem;
}

struct counts {
        int64_t mended, failed;
};

static void mend(struct dlq_walk *walk, const struct letter_entry *entry, const struct message *message,
                 uint64_t tag, struct counts *counts)
{
        struct cli *cli = command_of(walk->dlq)->cli;
        struct copy_edit edit = {0};
        const char *problem = entry ? mend_body(walk->dlq, message, &edit.body)
                                    : "it is not in the index; leveret dlq sync finds it";
        if (problem) {
                cli_fail(cli, CLI_ERROR, "%s: %s; it stays", entry ? entry->dead_id : "a message",
                         cli_safe(cli, slice_of(problem)));
                dlq_walk_hold(walk, tag);
                counts->failed++;
                return;
        }
        struct dlq_mending mending = {.walk = walk, .entry = entry, .message = message, .tag = tag};
        if (dlq_send_mended(&mending, &edit) == CLI_OK)
                counts->mended++;
        else
                counts->failed++;
}

int dlq_mend(struct dlq *dlq)
{
        struct dlq_walk walk;
        struct amqp_delivery taken;
        struct counts counts = {0};
        if (command_of(dlq)->set && (command_of(dlq)->set[0] != '/' || !strchr(command_of(dlq)->set, '=')))
                return cli_usage(command_of(dlq)->cli,
                                 "--set takes /pointer=value, as /customer_email=ada@example.com");
        int status = dlq_walk_open(&walk, dlq, "redrive");
        if (status != CLI_OK)
                return status;
        while (dlq_walk_next(&walk, DLQ_PATIENCE_MS, &taken) == PULL_MESSAGE) {
                struct letter letter;
                letter_read(taken.arena, dlq, taken.message, &letter);
                const struct letter_entry *entry = dlq_index_meet(dlq, letter.dead_id);
                if (dlq_index_is_chosen(dlq, entry))
                        mend(&walk, entry, taken.message, taken.tag, &counts);
                else
                        dlq_walk_hold(&walk, taken.tag);
                arena_free(taken.arena);
        }
        status = dlq_walk_close(&walk);
        fprintf(stderr, "mended and redriven %" PRId64 ", left as they were %" PRId64 "\n", counts.mended,
                counts.failed);
        return status == CLI_OK && counts.failed > 0 ? CLI_ERROR : status;
}
