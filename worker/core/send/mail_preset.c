#include "core/send/mail_preset.h"

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
