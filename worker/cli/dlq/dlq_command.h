#ifndef LEVERET_CLI_DLQ_COMMAND_H
#define LEVERET_CLI_DLQ_COMMAND_H

#include "cli/cli.h"
#include "cli/progress.h"
#include "query/dlq/dlq.h"

/* ---- dlq_wait.c: what became of those that were redriven ---- */

struct dlq_waiting {
        char id[ENVELOPE_ID_MAX + 1];
        uint32_t redrives; /* of the life that is waited for */
};
struct dlq_wait {
        struct dlq_waiting *jobs; /* that have not ended */
        size_t count, capacity;
        int64_t completed, died;
};
/* One more job; without an id there is no record to look at. */
void dlq_wait_add(struct dlq_wait *wait, const char *id, uint32_t redrives);
/* Waits until all have ended, `wait_ms` have passed, or Ctrl-C; says how many ended how on stderr. */
void dlq_wait_run(struct dlq *dlq, struct dlq_wait *wait, int64_t wait_ms);
void dlq_wait_free(struct dlq_wait *wait);

/* What the commands on dead letters have beside the work itself. */
struct dlq_command {
        struct cli *cli;
        /* What was asked for; NULL if not given. */
        const char *since, *rate, *dry_run, *edit, *to, *backup, *limit, *full, *newest, *wait, *set, *filter;
        const char *all, *expired;
        int64_t wait_ms;
        struct dlq_wait awaited;
        struct progress progress;
};

static inline struct dlq_command *command_of(const struct dlq *dlq)
{
        return dlq->context;
}

/* "user@host": who runs the command. */
const char *dlq_operator(struct arena *arena);
/* What a list calls it: its id, or in quotes what came in place of a usable one. */
const char *dlq_entry_name(struct cli *cli, const struct letter_entry *entry);
/* Says on stderr that there is no such queue, or that queue and index differ, and who works on it; if the
 * broker can be asked. */
void dlq_index_hint(struct dlq *dlq);

/* From now on Ctrl-C only ends the work in order. */
void dlq_catch_interrupt(void);
/* Was Ctrl-C pressed? */
bool dlq_interrupted(void);

/* ---- dlq_edit_text.c ---- */

/* The text for the editor: id, type and the publisher's headers, an empty line, the body. In the arena. */
struct slice dlq_edit_write(struct arena *arena, const struct message *message, const char *id,
                            struct slice body);
/* Takes such a text apart; one that does not begin with such lines is a body alone. NULL, or what is wrong
 * with it. */
const char *dlq_edit_read(struct arena *arena, const struct message *message, struct slice text,
                          struct copy_edit *edit);

/* ---- dlq_filter.c ---- */

/* Runs the program of --filter (by the shell) with the body on its standard input; what it writes is the
 * answer. NULL, or what went wrong: it fails, takes over 10 s (then it is killed), or writes over max_body.
 */
const char *dlq_filter_run(struct dlq *dlq, struct slice body, struct slice *answer);

/* ---- dlq_dry_run.c ---- */

/* Says what the verb would do, from the index or, if nothing was chosen, from the queue's depth. Touches
 * nothing. */
int dlq_dry_run(struct dlq *dlq, const char *verb);
/* dlq_fresh_send, and prints the new id. */
int dlq_send_mended(struct dlq_mending *mending, const struct copy_edit *edit);

/* ---- the verbs ---- */
#define DLQ_CHOOSE "name ids, --reason, --type, --subject, --search, --since, or --all"
int dlq_list(struct dlq *dlq);
int dlq_groups(struct dlq *dlq);
int dlq_show(struct dlq *dlq);
int dlq_redrive(struct dlq *dlq);
int dlq_edit(struct dlq *dlq);
int dlq_mend(struct dlq *dlq);
int dlq_restore(struct dlq *dlq);
int dlq_drop(struct dlq *dlq);
int dlq_purge(struct dlq *dlq);
int dlq_export(struct dlq *dlq);
int dlq_sync(struct dlq *dlq);

#endif
