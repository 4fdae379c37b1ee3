#include "core/mail/smtp_key.h"

#include <string.h>
#include <strings.h>

enum { NAME_MAX_BYTES = 76 }; /* a line of 78 with its colon and a blank (RFC 5322 section 2.1.1) */

static bool host_is(const char *url, const char *host)
{
        const char *begin = strstr(url, "://");
        begin = begin ? begin + 3 : url;
        return strncasecmp(begin, host, strlen(host)) == 0 && strchr(":/", begin[strlen(host)]) != NULL;
}

const char *smtp_key_header(const char *configured, const char *url)
{
        if (configured)
                return configured;
        return url && host_is(url, "smtp.resend.com") ? "Resend-Idempotency-Key" : NULL;
}

bool smtp_key_header_valid(const char *name)
{
        size_t len = strlen(name);
        for (size_t i = 0; i < len; i++)
                if (name[i] <= ' ' || name[i] > '~' || name[i] == ':')
                        return false;
        return len > 0 && len <= NAME_MAX_BYTES;
}
