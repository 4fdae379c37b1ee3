#include "core/mail/mail_braces.h"

#include <string.h>

static bool has_braces(const char *text)
{
        return text && strstr(text, "{{");
}

const char *mail_braces_place(const struct mail *mail)
{
        const struct pair texts[] = {
                {"/from", mail->from},
                {"/to", mail->to},
                {"/cc", mail->cc},
                {"/reply_to", mail->reply_to},
                {"/subject", mail->subject},
                {"/in_reply_to", mail->in_reply_to},
                {"/list_unsubscribe", mail->list_unsubscribe.url},
                {"/list_unsubscribe", mail->list_unsubscribe.mailto},
        };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                if (has_braces(texts[i].value))
                        return texts[i].name;
        for (const char *const *id = mail->references; id && *id; id++)
                if (has_braces(*id))
                        return "/references";
        for (const struct pair *header = mail->headers; header && header->name; header++)
                if (has_braces(header->value))
                        return "/headers";
        return NULL;
}
