#ifndef LEVERET_CORE_SEND_ERROR_H
#define LEVERET_CORE_SEND_ERROR_H

#include "core/memory/slice.h"
#include "core/send/send.h"

/* A result with nothing in it yet but an outcome. */
struct send_result send_result_of(enum send_outcome outcome);

/*
 * Sets result->error to `context`, and if `text` has any bytes to "context: text". What came from outside is
 * made fit for a log line: control characters become spaces, bytes that are not UTF-8 question marks, every
 * word with an @ becomes
 * "<address>", every occurrence of `secret` (NULL or "" for none) becomes "<secret>". Cut at SEND_ERROR_MAX
 * - 1.
 */
void send_error_set(struct send_result *result, const char *context, struct slice text, const char *secret);

/* Adds ": text" to the error, in the same way: the service's own words behind the status. Refusals that may
 * be the account's are then alike if these words are. */
void send_error_add(struct send_result *result, struct slice text, const char *secret);

/* What refusals in the same words have in common: a hash of the error without numbers, addresses and ids.
 * Never 0. */
uint64_t send_likeness(const struct send_result *result);

/* Tells of one more recipient that was refused for good, "j***@example.com: 550 5.1.1 no such user; ..", as
 * long as there is room; `refused` is as in struct send_result. `address` is empty if the service does not
 * say who it is. `words` are made fit for a log line already. */
void send_refused_add(char refused[SEND_REFUSED_MAX], struct slice address, const char *words);

/* Keeps the service's name for the mail: printable ASCII only, cut at SEND_PROVIDER_ID_MAX - 1. */
void send_provider_id_set(struct send_result *result, struct slice id);

#endif
