#ifndef LEVERET_RELAY_H
#define LEVERET_RELAY_H

#include "core/outbox/outbox_numbers.h"
#include "core/settings/config.h"

#include <stdbool.h>

/* The outbox: rows of a PostgreSQL table become messages in RabbitMQ. */

enum { RELAY_ERROR_MAX = 512 };

/*
 * Moves rows until SIGTERM or SIGINT, then ends what is under way within shutdown.grace; a second signal ends
 * it at once. Whenever and however it ends, what was not confirmed stays in the table. The exit status: 0; 1
 * if the grace was too short; 78 if admin.listen cannot be had, which is logged.
 */
int relay_run(const struct config *config);

/* Looks once at what the relay needs of PostgreSQL. False with the cause in `text`, else it says what was
 * found. `text` has RELAY_ERROR_MAX bytes. */
bool relay_probe(const struct config *config, char *text);

/* For who only looks, again and again. */
struct relay_look;
struct relay_look *relay_look_open(const struct config *config);
/* Sets waiting, oldest_ms and aside, all -1 while not known. Connects within a second when there is no
 * connection; after a failure it does not try for some seconds. */
void relay_look_ask(struct relay_look *look, struct outbox_numbers *numbers);
/* NULL is ignored. */
void relay_look_close(struct relay_look *look);

#endif
