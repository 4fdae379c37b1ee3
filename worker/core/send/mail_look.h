#ifndef LEVERET_CORE_MAIL_LOOK_H
#define LEVERET_CORE_MAIL_LOOK_H

#include "core/mail/mail_request.h"
#include "core/memory/arena.h"
#include "core/send/send.h"
#include "core/settings/config.h"
#include "core/text/buffer.h"

/*
 * Asking a mail service for a mail whose end is not known, by the token that each try carries: metadata, a
 * CustomID, a tag or the Message-ID, as `look` of the preset says (core/send/mail_preset.h).
 */

/* Can the service behind the outlet be asked at all? */
bool mail_look_possible(const struct config_outlet *outlet);
/* mail.on_ambiguous of the outlet, or where that is not set what its service makes the default. Never LOOKUP
 * where that is not possible. */
enum on_ambiguous mail_look_policy(const struct config_outlet *outlet);
/* How long the service takes to find what it took, and keeps it. */
int64_t mail_look_lag_ms(const struct config_outlet *outlet);
int64_t mail_look_retention_ms(const struct config_outlet *outlet);
/* For how long it knows a repetition by itself; 0: it does not. */
int64_t mail_look_key_ms(const struct config_outlet *outlet);

const char *on_ambiguous_word(enum on_ambiguous on_ambiguous); /* resend park lookup */

/* Adds the URL to GET; false if the service cannot be asked. */
bool mail_look_url(struct buffer *out, const struct config_outlet *outlet,
                   const struct mail_request *request);

/* A complete answer. */
struct look_reply {
        int status;
        struct slice body, retry_after; /* the header, or absent */
        int64_t retry_after_max_ms;     /* no pause is longer, whatever is asked for */
        int64_t now_s;                  /* wall clock, seconds since 1970 */
        const char *secret;             /* is taken out of errors; or NULL */
};
/* What it says. LOOK_UNKNOWN unless it is of the shape that the service documents and speaks of this mail: an
 * answer that passes over the token would have all mails found, or none. */
struct look_result mail_look_judge(const struct config_outlet *outlet, const struct mail_request *request,
                                   const struct look_reply *reply);
/* There was no answer: `cause` is one line. */
struct look_result mail_look_unanswered(const char *cause);

/* A mail that nobody ever sent, from the sender of the outlet to itself: whoever may ask for mails may ask
 * for it. In the arena. */
struct mail_request mail_look_trial(struct arena *arena, const struct config_outlet *outlet);

#endif
