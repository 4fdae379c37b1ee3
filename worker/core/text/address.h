#ifndef LEVERET_CORE_ADDRESS_H
#define LEVERET_CORE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

enum { ADDRESS_MAX = 254, ADDRESS_LOCAL_MAX = 64 };

/*
 * Is this one bare e-mail address that is safe in an SMTP command and a header? The local part is a dot-atom
 * of at most 64 bytes, the domain is labels of letters, digits and inner hyphens, 254 bytes in all (RFC 5321
 * sections 4.1.2 and 4.5.3.1). Quoted local parts, address literals, display names, white space, control
 * characters and everything outside ASCII are refused: a domain of other letters is to be given as punycode.
 */
bool address_valid(const char *text, size_t len);

#endif
