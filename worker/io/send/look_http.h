#ifndef LEVERET_IO_LOOK_HTTP_H
#define LEVERET_IO_LOOK_HTTP_H

#include "io/send/transport.h"

#include <curl/curl.h>

/*
 * Asks an HTTP mail service whether it has a mail (core/send/mail_look.h): one GET each, on connections of
 * its own, so that no question holds up a mail. Redirects are not followed, the certificate is checked, and
 * of an answer no more than 256 KiB are read. On the loop's thread; nothing waits.
 */
struct look_http;

/* For so many questions at once. `config` and `headers` (User-Agent, log-in) are borrowed. */
struct look_http *look_http_open(uv_loop_t *loop, const struct config_outlet *config, size_t capacity,
                                 struct curl_slist *headers);
/* As transport_look. */
void look_http_ask(struct look_http *look, const struct mail_request *request, look_done *done,
                   void *context);
/* What is under way ends as LOOK_UNKNOWN. Frees, which takes one more turn of the loop. */
void look_http_close(struct look_http *look);

#endif
