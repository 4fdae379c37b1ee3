#include "core/send/mail_preset.h"
#include "core/text/mailbox.h"

#include <stdlib.h>

const struct mail_preset_rules *mail_preset_rules(enum mail_preset preset)
{
        switch (preset) {
        case MAIL_PRESET_RESEND:
                return &preset_resend;
        case MAIL_PRESET_MAILPIT:
                return &preset_mailpit;
        }
        abort();
}

bool mail_preset_carries(const struct mail *mail)
{
        const char *to = mail->to;
        struct mailbox mailbox;
        return mailbox_take(&to, &mailbox) && !mailbox_take(&to, &mailbox) && !mail->cc && !mail->bcc &&
               !mail->headers && !mail->attachments && !mail->list_unsubscribe.url &&
               !mail->list_unsubscribe.mailto && !mail->in_reply_to && !mail->references && !mail->tags &&
               !mail->metadata;
}
