#ifndef LEVERET_IO_SMTP_HINT_H
#define LEVERET_IO_SMTP_HINT_H

#include "core/send/smtp_dialogue.h"
#include "core/settings/config.h"

#include <curl/curl.h>

/* What people mix up most often when they configure a server, told by how the attempt to connect to it ended:
 * words to be put behind those of libcurl; "" for all else. `replied`: the server, in this phase. */
const char *smtp_hint(const struct config_outlet *config, CURLcode code, enum smtp_phase phase, bool replied,
                      const struct smtp_extensions *extensions);

/* The log-in that was asked for cannot be: libcurl would go on without, or says no more than "denied". */
struct send_result smtp_no_login(const struct config_outlet *config,
                                 const struct smtp_extensions *extensions);

#endif
