#ifndef LEVERET_IO_SEND_CURL_H
#define LEVERET_IO_SEND_CURL_H

#include "core/settings/config.h"

#include <curl/curl.h>

/* What the transports that use libcurl have in common. Only they include this. */

/* What the URL of a mail service must be. */
struct send_url_rule {
        const char *setting;             /* for errors */
        const char *scheme, *tls_scheme; /* the one or the other */
};
/* `plaintext_ok`: may the first scheme lead to other hosts than this one? It may also if it will be encrypted
 * as well (STARTTLS). False with the cause in `error` (TRANSPORT_ERROR_MAX bytes); `url` may be NULL. */
bool send_curl_url_check(const struct send_url_rule *rule, const char *url, bool plaintext_ok, char *error);

/* A URL that was checked, parsed once for all transfers (CURLOPT_CURLU): libcurl would parse a text for each,
 * which is a seventh of what a mail over HTTP costs it. The caller frees it with curl_url_cleanup, after the
 * handles. */
CURLU *send_curl_url(const char *url);

/* A handle with what holds for every mail: no signals, certificates checked, TLS 1.2 or later, no proxy of
 * the environment, `protocols`, time limits. Never NULL. */
CURL *send_curl_easy(const struct config_tls *tls, const char *protocols, int64_t timeout_ms);

/* The list with one line more. Never NULL. */
struct curl_slist *send_curl_header(struct curl_slist *headers, const char *line);

/* True if this end says that our settings or the service's certificate are wrong, before anything was sent.
 */
bool send_curl_settings_at_fault(CURLcode code);

/* What ended a transfer, in words. What is wrong with TLS only libcurl's own text says (a certificate that
 * has expired), in `detail` (CURLOPT_ERRORBUFFER); for all else the words are the same every time. */
const char *send_curl_cause(CURLcode code, const char *detail);

/* setopt that aborts when the option is unknown or memory is short: both cannot be handled. */
#define SEND_CURL_SET(easy, option, value)                                                                   \
        do {                                                                                                 \
                if (curl_easy_setopt(easy, option, value) != CURLE_OK)                                       \
                        abort();                                                                             \
        } while (0)

#endif
