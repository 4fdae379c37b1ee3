#ifndef LEVERET_CORE_MAIL_MEMBER_SET_H
#define LEVERET_CORE_MAIL_MEMBER_SET_H

#include "core/codec/json.h"
#include "core/memory/arena.h"
#include "core/plan/mail_members.h"

/* Inside core/types only. Sets a member from the JSON that a file of types makes, in the arena; null and ""
 * leave it unset. Mailboxes are "Ada <ada@example.com>", {email, name} or a list of these; the others are as
 * in email.send.v1. False: it is not of its form, with what was expected in `*expected`, "a list of texts".
 */
bool mail_member_set(struct arena *arena, const struct mail_member *member, struct mail *mail,
                     const json_t *value, const char **expected);

#endif
