#ifndef LEVERET_CORE_MAIL_GUARD_H
#define LEVERET_CORE_MAIL_GUARD_H

#include "core/memory/arena.h"
#include "core/settings/config.h"
#include "core/text/buffer.h"
#include "handler.h"

/*
 * What keeps a system from mailing whom it should not: settings of the section `mail` that hold for every
 * mail that leaves by any outlet. An entry of a list is an address or `@domain`; case does not count, and a
 * domain in any script is the same as its A-labels.
 */

/* Does the list hold the address or its domain? */
bool mail_guard_lists(const struct config_texts *list, struct slice address);

/*
 * Why the mail must not leave, "/cc: not in mail.allow_to"; NULL if it may. `own` is the sender of the
 * outlet, which is always allowed. Nobody is mailed against mail.allow_to under mail.redirect_to, so that the
 * first is not asked then.
 */
const char *mail_guard_refusal(const struct config_guard *guard, const struct mail *mail, const char *own);

/*
 * Turns the mail to mail.redirect_to, or adds mail.bcc_all; what it writes lies in the arena. Returns the
 * true recipients for the header X-Leveret-To, addresses with spaces between them, or NULL if they are left
 * as they are.
 */
const char *mail_guard_apply(const struct config_guard *guard, struct arena *arena, struct mail *mail);

/* Adds what is set, for people, "every mail goes to d***@example.com alone (mail.redirect_to)", addresses
 * masked as in logs; nothing if nothing is. */
void mail_guard_tell(const struct config_guard *guard, struct buffer *out);

#endif
