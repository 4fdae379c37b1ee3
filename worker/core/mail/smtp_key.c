#include "core/mail/smtp_key.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

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
