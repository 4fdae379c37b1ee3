#ifndef LEVERET_CORE_MAIL_COPY_H
#define LEVERET_CORE_MAIL_COPY_H

#include "core/memory/arena.h"
#include "handler.h"

/* Copies a mail that breaks no rule (core/plan/mail_check.h) into the arena, key and all. Lists of mailboxes
 * are written anew, so that what comes after sees one spelling: quotes where a name needs them, domains in
 * A-labels, ", " between them. */
void mail_copy(struct arena *arena, struct mail *to, const struct mail *from);

#endif
