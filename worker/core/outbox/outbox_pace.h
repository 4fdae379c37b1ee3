#ifndef LEVERET_CORE_OUTBOX_PACE_H
#define LEVERET_CORE_OUTBOX_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * When the relay looks into the table next, from where on, and for how many rows.
 *
 * It begins at the first row, so that it finds at once a row that was committed late, with a low number. For
 * two reasons it goes on behind the row that it saw last instead, for a while. The broker refused rows: those
 * behind them must not wait for them. Or the beginning is full of rows that were deleted but not yet vacuumed
 * (somebody's transaction stays open for hours): reading over them may take at most a tenth of the
 * time.
 */
struct outbox_pace {
        int64_t batch_max, poll_ms; /* settings */
        int64_t batch;              /* rows to ask for; fewer after a lost connection */
        int64_t seen_seq;           /* of the last row seen */
        int64_t first_at_ms;        /* not from the first row on before this */
        int64_t look_at_ms;         /* at the latest */
        int64_t rest_ms;            /* after refusals; 0: there were none */
        bool asked_first;           /* the look that is under way began at the first row */
};

void outbox_pace_init(struct outbox_pace *pace, int64_t batch_max, int64_t poll_ms);

struct outbox_look {
        int64_t after_seq; /* rows above this; 0: from the first on */
        int64_t limit;     /* rows at most */
};

/* Is a look due? `notified`: PostgreSQL has said that there are new rows. All times are of a steady clock. */
bool outbox_pace_due(const struct outbox_pace *pace, int64_t now_ms, bool notified);
/* The look that is due. */
struct outbox_look outbox_pace_look(struct outbox_pace *pace, int64_t now_ms);
/* It has found rows up to `last_seq` (0: none) in `took_ms`; `more`: perhaps not all. */
void outbox_pace_found(struct outbox_pace *pace, int64_t now_ms, int64_t took_ms, int64_t last_seq,
                       bool more);
/* What became of the rows: so many were refused, so many got no answer. */
void outbox_pace_ended(struct outbox_pace *pace, int64_t now_ms, size_t refused, size_t unanswered);

#endif
