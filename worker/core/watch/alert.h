#ifndef LEVERET_CORE_ALERT_H
#define LEVERET_CORE_ALERT_H

#include "core/job/reason.h"
#include "core/text/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Gathers what people should hear of: one entry for each kind of trouble (and message type), sent at most
 * once an interval, with counts of what came meanwhile. One digest for each way out (a mail, a webhook).
 * Bounded: trouble that finds no entry of its own is counted under "other types". Times are milliseconds of
 * any monotonic clock.
 */
enum { ALERT_ENTRIES_MAX = 64, ALERT_NAME_MAX = 128, ALERT_TEXT_MAX = 512 };

struct alert_entry {
        char kind[ALERT_NAME_MAX]; /* dead breaker_open mail_refused queue_lost idle ... */
        char type[ALERT_NAME_MAX]; /* of dead letters, else "" */
        char text[ALERT_TEXT_MAX]; /* the latest: a cause, the name of a queue */
        uint64_t count;            /* not sent yet */
        uint64_t telling;          /* in the digest under way */
        uint64_t reasons[REASON_COUNT], telling_reasons[REASON_COUNT]; /* of both */
        int64_t next_ms;                                               /* not before */
};

struct alert_digest {
        struct alert_entry entries[ALERT_ENTRIES_MAX];
        size_t count;
        int64_t interval_ms;
        bool under_way;
};

/* Counts one event. `text` becomes one line without control characters. */
void alert_note(struct alert_digest *digest, const char *kind, const char *type, enum reason reason,
                const char *text);
/* Is there something to send now, and nothing under way? */
bool alert_is_due(const struct alert_digest *digest, int64_t now_ms);
/* Takes what is due into the digest under way. */
void alert_begin(struct alert_digest *digest, int64_t now_ms);
/* What a dead letter's entry says: where to look. `base_url`: of the web page, or NULL; a link that does not
 * fit into ALERT_TEXT_MAX is left out. */
void alert_dead_text(const char *queue, const char *base_url, char text[ALERT_TEXT_MAX]);
/* Of the digest under way: as text, one line an entry; as JSON, with a `link` if there is a `base_url`; and
 * how many entries it has. */
void alert_text(const struct alert_digest *digest, struct buffer *out);
struct alert_sender {
        const char *worker, *base_url; /* the latter NULL: none */
};
void alert_json(const struct alert_digest *digest, const struct alert_sender *sender, struct buffer *out);
size_t alert_telling(const struct alert_digest *digest);
/* The digest has ended. If it was not sent, its counts wait for the next interval. */
void alert_end(struct alert_digest *digest, bool sent);

#endif
