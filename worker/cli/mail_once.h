#ifndef LEVERET_CLI_MAIL_ONCE_H
#define LEVERET_CLI_MAIL_ONCE_H

#include "core/mail/mail.h"
#include "core/memory/arena.h"
#include "core/send/send.h"
#include "core/settings/config.h"

/* Where the configured transport sends to, as "https://host:port": no user, password or path. "" if nowhere.
 * In the arena. */
const char *mail_place(struct arena *arena, const struct config *config);

/* Sends one mail through the configured transport or, if `request` is NULL, does all that comes before one
 * (transport_probe). Waits for the end, for mail.timeout at most. False: the settings are bad, the cause
 * is in `error` (256 bytes). */
bool mail_once(const struct config *config, const struct mail_request *request, struct send_result *result,
               char *error);

/* Asks the service of the outlet for a mail that was never sent (transport_look): may it be asked? The outlet
 * is one where mail_look_possible. False as above. */
bool mail_once_look(const struct config_outlet *outlet, struct look_result *result, char *error);

#endif
