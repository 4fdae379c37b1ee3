#ifndef LEVERET_CORE_MAIL_HEADERS_H
#define LEVERET_CORE_MAIL_HEADERS_H

#include "core/text/buffer.h"
#include "handler.h"

/* A header that a mail has whichever way it leaves. */
struct mail_header {
        const char *name;
        const char *value; /* one line of UTF-8 */
        const char *const
                *pieces; /* the value is these with a blank between: ASCII, not to be broken; or NULL */
};

typedef void mail_header_use(void *context, const struct mail_header *header);

/* In-Reply-To, References, List-Unsubscribe, List-Unsubscribe-Post (RFC 5322 section 3.6.4, RFC 2369, RFC
 * 8058), then the headers that the mail itself names. A header lives as long as the call. */
void mail_headers_each(const struct mail *mail, mail_header_use *use, void *context);

/* Does the mail itself name a header so, in upper or lower case? */
bool mail_has_header(const struct mail *mail, const char *name);

#endif
