#ifndef LEVERET_IO_REDIS_TLS_H
#define LEVERET_IO_REDIS_TLS_H

#include "core/settings/config.h"

#include <hiredis/hiredis.h>

#include <stdbool.h>
#include <stddef.h>

/* Inside io only: TLS on a Redis connection. */

/* Whether this build can: hiredis has TLS from 1.0 on. */
bool redis_tls_available(void);

enum { REDIS_TLS_ERROR_MAX = 200 };
/*
 * Encrypts the connected, blocking `context`: TLS 1.2 or later, the certificate verified for `host` (a name
 * or an IP address, IPv6 also in brackets) by tls->ca_file or else the system's authorities, tls->cert_file
 * shown when set. Blocks as long as the context's time limit. False: `error` says why, and `*fatal` whether
 * waiting cannot mend it (a file that cannot be read, a certificate that is refused).
 */
bool redis_tls_start(redisContext *context, const char *host, const struct config_tls *tls,
                     char error[REDIS_TLS_ERROR_MAX], bool *fatal);

#endif
