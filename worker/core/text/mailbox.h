#ifndef LEVERET_CORE_MAILBOX_H
#define LEVERET_CORE_MAILBOX_H

#include "core/memory/slice.h"
#include "core/text/buffer.h"

#include <stdbool.h>

/* A mailbox of RFC 5322 section 3.4: `Shop <shop@example.com>`, `"Shop, Inc." <...>` or the bare address.
 * Slices into the text it was parsed from. */
struct mailbox {
        struct slice name;    /* as written, without its quotes; UTF-8; len 0 if there is none */
        bool quoted;          /* the name was a quoted-string: a backslash in it escapes the next character */
        struct slice address; /* passes mailbox_address_valid */
};

/* False if the text is no such mailbox, holds a control character or is not UTF-8. */
bool mailbox_parse(struct mailbox *mailbox, const char *text);

/*
 * True for an address that is safe to put into an SMTP command and a header: dot-string local part of at most
 * 64 octets, domain name or address literal, 254 octets in all (RFC 5321 sections 4.1.2 and 4.5.3.1), ASCII
 * only. Quoted local parts are refused; a domain with other letters must be written as xn--...
 */
bool mailbox_address_valid(struct slice address);

/* Adds the name, without the backslashes of its quoted form. */
void mailbox_name_add(struct buffer *out, struct mailbox mailbox);

/* What follows the last @ of the address. */
struct slice mailbox_domain(struct mailbox mailbox);

#endif
