#ifndef LEVERET_CORE_MAIL_SERVICES_H
#define LEVERET_CORE_MAIL_SERVICES_H

#include "core/text/buffer.h"

/* Adds docs/mail-services.md: what each preset needs, carries and answers, from the tables that it works by.
 */
void mail_services_add(struct buffer *out);

#endif
