#ifndef LEVERET_CORE_MAIL_PRESET_H
#define LEVERET_CORE_MAIL_PRESET_H

#include "core/mail/mail.h"
#include "core/send/send.h"
#include "core/settings/config.h"
#include "core/text/buffer.h"

/* How to talk to one HTTP mail API: a table of pure functions, one small file each. */
struct mail_preset_rules {
        const char *url;  /* where the service is unless configured; NULL if nobody can know */
        const char *path; /* appended to the configured URL */
        /* Adds the value of the Authorization header; nothing if the key is not needed. */
        void (*authorization)(struct buffer *out, const char *api_key);
        /* Adds the JSON body. The same request gives the same bytes. */
        void (*body)(struct buffer *out, const struct mail_request *request);
        const char *id_member;    /* of the answer to a success: the service's name for the mail */
        const char *error_member; /* of other answers: the text for people */
        enum send_outcome (*conflict)(struct slice body); /* what a 409 with this body means */
};

/* Never NULL. */
const struct mail_preset_rules *mail_preset_rules(enum mail_preset preset);

/* What the presets do not carry yet is refused, not dropped: copies, headers, files and the like. */
bool mail_preset_carries(const struct mail *mail);

/* The presets, each in preset_<name>.c. */
extern const struct mail_preset_rules preset_resend, preset_mailpit;

#endif
