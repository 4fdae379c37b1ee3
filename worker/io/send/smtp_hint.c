#include "io/send/smtp_hint.h"
#include "core/send/send_outcome.h"

#include <stdio.h>
#include <string.h>

static const char *hint_without_starttls(const struct smtp_extensions *extensions)
{
        if (extensions->starttls)
                return " (the server offers STARTTLS in small letters, which libcurl reads from version 8.17 "
                       "on)";
        return " (the server offers no STARTTLS: another port, smtps:// for one that begins with TLS, "
               "or mail.smtp.starttls: off, which leaves mails unencrypted)";
}

const char *smtp_hint(const struct config_outlet *config, CURLcode code, enum smtp_phase phase, bool replied,
                      const struct smtp_extensions *extensions)
{
        bool tls_first = strncmp(config->smtp.url, "smtps:", 6) == 0;
        if (code == CURLE_USE_SSL_FAILED && phase == SMTP_EHLO)
                return hint_without_starttls(extensions);
        if (phase != SMTP_CONNECT || replied)
                return "";
        if (tls_first && code == CURLE_SSL_CONNECT_ERROR)
                return " (a port that begins in plain text, as 587 and 25 do, wants smtp://)";
        if (!tls_first && code == CURLE_OPERATION_TIMEDOUT)
                return " (no greeting: a port that begins with TLS, as 465 does, wants smtps://)";
        return "";
}

/* libcurl knows no "AUTH=LOGIN", and "auth login" only from version 8.18 on. */
static bool every_libcurl_reads(const char *auth)
{
        return strncmp(auth, "AUTH ", 5) == 0 && !auth[strcspn(auth, "abcdefghijklmnopqrstuvwxyz")];
}

struct send_result smtp_no_login(const struct config_outlet *config, const struct smtp_extensions *extensions)
{
        char cause[SEND_ERROR_MAX];
        if (!extensions->auth[0])
                snprintf(cause, sizeof cause,
                         "mail.smtp.username is set, but the server offers no log-in (AUTH) %s",
                         config->smtp.starttls == SMTP_STARTTLS_OFF ? "without encryption" : "");
        else if (!every_libcurl_reads(extensions->auth))
                snprintf(cause, sizeof cause,
                         "the server offers \"%s\", which libcurl %s does not take for a log-in: "
                         "it reads words in capitals with spaces between, as in \"AUTH PLAIN LOGIN\"",
                         extensions->auth, curl_version_info(CURLVERSION_NOW)->version);
        else
                snprintf(cause, sizeof cause, "the server offers %s: no way to log in with %s",
                         extensions->auth,
                         config->smtp.token_file ? "mail.smtp.token_file"
                                                 : "a password (mail.smtp.token_file is for XOAUTH2)");
        return send_outcome_settings(cause);
}
