#ifndef LEVERET_IO_OTLP_REQUEST_H
#define LEVERET_IO_OTLP_REQUEST_H

#include "core/memory/arena.h"
#include "core/settings/config.h"
#include "core/text/buffer.h"
#include "core/trace/otlp_answer.h"
#include "core/trace/span.h"

#include <curl/curl.h>

/* One request to a collector after the other, on one connection. Of one thread. */
struct otlp_request {
        struct arena arena; /* of the settings */
        CURLU *url;
        struct curl_slist *headers;
        CURL *easy;
        CURLM *multi;
        int64_t timeout_ms;
        struct span_resource resource;
        struct config_texts more; /* behind resource.more */
        struct buffer body, answer;
        char cause[CURL_ERROR_SIZE]; /* libcurl's own words */
};

/* Copies what it needs of the settings; otlp_target() is not NULL. */
void otlp_request_open(struct otlp_request *request, const struct config *config, const char *instance);
void otlp_request_close(struct otlp_request *request);
/* Sends request->body and waits for the answer until `deadline_ms` of the steady clock, which `deadline` may
 * bring nearer: it is asked whenever curl_multi_wakeup() was called. */
struct otlp_verdict otlp_request_send(struct otlp_request *request, int64_t (*deadline)(void *context),
                                      void *context);
/* Milliseconds of the steady clock. */
int64_t otlp_now_ms(void);

#endif
