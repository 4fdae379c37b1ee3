#ifndef LEVERET_CORE_MAIL_BRACES_H
#define LEVERET_CORE_MAIL_BRACES_H

#include "core/mail/mail.h"

/* Where a mail has {{ other than in its text and html, "/subject"; NULL if nowhere. */
const char *mail_braces_place(const struct mail *mail);

#endif
