#ifndef LEVERET_IO_SMTP_SESSION_H
#define LEVERET_IO_SMTP_SESSION_H

#include "core/config.h"
#include "core/mail.h"
#include "io/mail_transport.h"

/* One kept connection to the SMTP server and the dialogue on it. Belongs to one thread, which it blocks. */
struct smtp_session;

/* Connects nothing yet. The config must outlive it. */
struct smtp_session *smtp_session_new(const struct config *config);
/* Sends QUIT without waiting for its reply. */
void smtp_session_free(struct smtp_session *session);

/* Sends one mail and tells how it ended: within mail.timeout, or twice that if the kept connection was found
 * dead. */
struct mail_result smtp_session_send(struct smtp_session *session, const struct mail_request *request,
                                     struct mail_fence fence);

/* From any thread: breaks off what is being sent, for good. */
void smtp_session_abort(struct smtp_session *session);

#endif
