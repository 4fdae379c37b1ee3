/* The block functions of libcrypto directly: EVP costs a fetch and an allocation for each hash in OpenSSL 3.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/codec/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

_Static_assert(sizeof(struct sha256) >= sizeof(SHA256_CTX), "struct sha256 holds the library's state");
_Static_assert(_Alignof(struct sha256) >= _Alignof(SHA256_CTX), "and is aligned for it");

static SHA256_CTX *inner(struct sha256 *hash)
{
        return (SHA256_CTX *)(void *)hash->opaque;
}

void sha256_init(struct sha256 *hash)
{
        if (!SHA256_Init(inner(hash)))
                abort();
}

void sha256_add(struct sha256 *hash, const void *data, size_t len)
{
        if (len && !SHA256_Update(inner(hash), data, len))
                abort();
}

void sha256_final_hex(struct sha256 *hash, char out[SHA256_HEX_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        unsigned char digest[SHA256_DIGEST_LENGTH];
        if (!SHA256_Final(digest, inner(hash)))
                abort();
        for (size_t i = 0; i < sizeof digest; i++) {
                out[2 * i] = digits[digest[i] >> 4];
                out[2 * i + 1] = digits[digest[i] & 15];
        }
        out[SHA256_HEX_SIZE - 1] = '\0';
}

void sha256_hmac(struct slice key, struct slice text, unsigned char out[SHA256_SIZE])
{
        static const char none[1] = "";
        unsigned len = SHA256_SIZE;
        if (!HMAC(EVP_sha256(), key.len ? key.data : none, (int)key.len, (const unsigned char *)text.data,
                  text.len, out, &len))
                abort();
}
