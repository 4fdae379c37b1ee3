#ifndef LEVERET_CORE_SHA256_H
#define LEVERET_CORE_SHA256_H

#include "core/memory/slice.h"

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA256_HEX_SIZE = 65 };

/* SHA-256 (FIPS 180-4) of bytes that come in pieces. Lives on the stack, allocates nothing. */
struct sha256 {
        uint32_t opaque[28]; /* the library's state, which stays in sha256.c */
};

void sha256_init(struct sha256 *hash);
/* `data` may be NULL if `len` is 0. */
void sha256_add(struct sha256 *hash, const void *data, size_t len);
/* Ends it: 64 lower-case hex characters and a NUL. To use it again, init it again. */
void sha256_final_hex(struct sha256 *hash, char out[SHA256_HEX_SIZE]);

/* HMAC-SHA256 (RFC 2104). A key may be empty. */
void sha256_hmac(struct slice key, struct slice text, unsigned char out[SHA256_SIZE]);

#endif
