#ifndef LEVERET_CLI_PUBLISH_RECORD_H
#define LEVERET_CLI_PUBLISH_RECORD_H

#include "cli/cli.h"
#include "io/amqp/amqp_publisher.h"
#include "query/publication.h"

/* The record of a message that is published from here: written before, taken away again if nothing was
 * published, watched until the job ends. */
struct publish_record {
        struct cli *cli;
        struct redis_sync *redis;
        const char *id, *type, *subject; /* subject: NULL if there is none */
        const char *fingerprint;         /* of the message; see envelope.h */
        const char *created_ms;          /* of the record that was written; NULL: there was one */
};

/* Writes a record that says `queued` until a worker claims the job; one that exists is left as it is.
 * CLI_ERROR, told: the id belongs to another message, which the worker would call an id_conflict. */
int publish_record_write(struct publish_record *record);
/* Takes away what was written, unless a worker has taken it over. */
void publish_record_forget(struct publish_record *record);
/* Waits for the job's end: CLI_OK if it completed, else CLI_ERROR with the cause told. `wait`: the time as it
 * was given. */
int publish_record_await(struct publish_record *record, int64_t wait_ms, const char *wait);

/* Publishes it by a connection of its own. `arena` holds the message and is taken over; `error` says why it
 * is not confirmed. */
enum publish_outcome cli_publish_message(struct cli *cli, struct arena *arena, struct message *message,
                                         char error[256]);
/* Publishes it, confirmed and recorded, and prints its id. */
int cli_publish(struct cli *cli, struct redis_sync *redis, const struct publication *publication);

#endif
