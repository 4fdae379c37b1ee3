#ifndef LEVERET_CORE_ADDRESS_H
#define LEVERET_CORE_ADDRESS_H

#include "core/text/buffer.h"

#include <stdbool.h>
#include <stddef.h>

enum { ADDRESS_MAX = 254, ADDRESS_LOCAL_MAX = 64 };

/*
 * Is this one bare e-mail address that is safe in an SMTP command and a header? The only grammar of addresses
 * there is. The local part is a dot-atom of at most 64 bytes; the domain is labels of letters, digits, inner
 * hyphens and underscores (which private networks use), or an address literal, [127.0.0.1] or [IPv6:::1]. At
 * most 254 bytes in all, the domain in A-labels (RFC 5321 sections 4.1.2 and 4.5.3.1). A domain may be in any
 * script that IDNA 2008 allows (RFC 5891), a local part in UTF-8 (RFC 6531) without spaces and characters
 * that nobody can see. Quoted local parts, display names, white space, control characters and an IPv4 address
 * without its brackets are refused.
 */
bool address_valid(const char *text, size_t len);
/* What to say of a text that is no valid address: `otherwise`, or that its local part is quoted. */
const char *address_mistake(struct slice text, const char *otherwise);

/* Of a valid address: does its local part need a server that offers SMTPUTF8 (RFC 6531)? */
bool address_needs_utf8(struct slice address);

/* Adds a valid address with its domain in A-labels, `ada@xn--bcher-kva.example`; one that is ASCII as it is.
 */
void address_add(struct buffer *out, struct slice address);

/* What follows the @ of a valid address, as it was written. */
struct slice address_domain(struct slice address);

#endif
