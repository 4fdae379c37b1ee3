#ifndef LEVERET_IO_TRANSPORT_H
#define LEVERET_IO_TRANSPORT_H

#include "core/mail/mail.h"
#include "core/send/send.h"
#include "core/settings/config.h"

#include <uv.h>

/*
 * A way out for mails: HTTP API, SMTP or the log. Lives on one loop, on whose thread are all calls and
 * callbacks; none of them waits for anything.
 */
struct transport;

/* Called once for every accepted mail, never from inside transport_send. `result` is valid during the
 * call. */
typedef void send_done(void *context, const struct send_result *result);
/* The same for a question. */
typedef void look_done(void *context, const struct look_result *result);
/* When and how a request may leave. */
struct send_terms {
        /* The fence, by CLOCK_BOOTTIME. Asked right before the first byte may leave, and over SMTP before the
         * message does: a send that would begin later than this is not begun. */
        int64_t valid_until_ms;
        bool park; /* on a fresh connection: the library must not send again by itself */
};

/* Opens the transport that `config->transport` names. Connects nothing yet.
 * NULL on bad settings with the cause in `error` (256 bytes). */
struct transport *transport_open(uv_loop_t *loop, const struct config_outlet *config, char *error);

/* How many sends it can have under way at once; the caller keeps to it. */
size_t transport_capacity(const struct transport *transport);

/*
 * Starts a send. Everything in `request` is borrowed until `done` was called. If the fence has passed when it
 * comes to it, `done` gets outcome SEND_TRANSIENT, status -1, and `counts` false.
 */
void transport_send(struct transport *transport, const struct mail_request *request, struct send_terms terms,
                    send_done *done, void *context);

/* All that comes before a mail, and no mail: connects, encrypts, logs in. `done` gets SEND_DONE if a mail
 * could be sent now, else what a mail would have come to. Over HTTP only a mail shows whether the API key is
 * good.
 */
void transport_probe(struct transport *transport, send_done *done, void *context);

/* Asks the service whether it has the mail; only where mail_look_possible. Takes no more than the time for a
 * mail. Everything in `request` is borrowed until `done` was called; as many at once as sends, and one more.
 */
void transport_look(struct transport *transport, const struct mail_request *request, look_done *done,
                    void *context);

/* Ends all: sends under way are aborted and their `done` called with SEND_AMBIGUOUS if a request may have
 * left. Then frees, which takes one more turn of the loop. Not from inside a `done`. */
void transport_close(struct transport *transport);

#endif
