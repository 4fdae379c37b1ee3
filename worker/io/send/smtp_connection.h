#ifndef LEVERET_IO_SMTP_CONNECTION_H
#define LEVERET_IO_SMTP_CONNECTION_H

#include "core/mail/mail.h"
#include "core/settings/config.h"
#include "io/send/curl_loop.h"
#include "io/send/transport.h"

/*
 * One connection to the SMTP server, kept from mail to mail. libcurl connects, encrypts and logs in
 * (CURLOPT_CONNECT_ONLY); the mails are handed over by core/send/smtp_dialogue.h, over curl_easy_send and
 * curl_easy_recv. Nothing here waits.
 *
 * What returns a bool tells whether the mail has ended with it: then smtp_connection_result says how, and the
 * connection is free for the next one, open or not.
 */
struct smtp_connection;

/* Connects nothing yet. `curl_loop` is one that keeps connections; what it tells its `owner` is to be passed
 * on by smtp_connection_connected and smtp_connection_ready. All borrowed. */
struct smtp_connection *smtp_connection_new(const struct config_outlet *config, CURLU *url,
                                            struct curl_loop *curl_loop, size_t place, void *owner);
/* Not while a mail is under way. Says QUIT if it is open, and does not wait for the reply. */
void smtp_connection_free(struct smtp_connection *connection);

/* The request must have passed mail_request_problem. It is borrowed until the mail has ended. The mail is not
 * begun later than `valid_until_ms` of CLOCK_BOOTTIME. Commands are sent together if the server offers it and
 * `together`. */
bool smtp_connection_send(struct smtp_connection *connection, const struct mail_request *request,
                          int64_t valid_until_ms, bool together);
/* Connects and logs in for no mail. Not while it is open. What returns true then says how that ended:
 * SEND_DONE if a mail could follow. */
void smtp_connection_probe(struct smtp_connection *connection);
/* The attempt to connect has ended. */
bool smtp_connection_connected(struct smtp_connection *connection, CURLcode code);
/* The socket has something to say. With no mail under way that is a farewell, and false. */
bool smtp_connection_ready(struct smtp_connection *connection);

/* Breaks off the mail that is under way: its time is up, or the worker stops. Then it has ended. True if the
 * server had not answered commands that were sent together. */
bool smtp_connection_expire(struct smtp_connection *connection);
void smtp_connection_stop(struct smtp_connection *connection);

/* Valid until the next mail. */
const struct send_result *smtp_connection_result(const struct smtp_connection *connection);

/* Is it connected and logged in, whether a mail is on it or not? */
bool smtp_connection_stands(const struct smtp_connection *connection);
bool smtp_connection_is_open(const struct smtp_connection *connection);
/* Not while a mail is under way: QUIT. */
void smtp_connection_quit(struct smtp_connection *connection);

#endif
