#include "io/redis/connection/redis_tls.h"
#include "core/text/word.h"

#include <stdio.h>
#include <string.h>

#ifdef LEVERET_REDIS_TLS

#        include <hiredis/hiredis_ssl.h>

#        include <arpa/inet.h>
#        include <openssl/err.h>
#        include <openssl/ssl.h>
#        include <openssl/x509v3.h>
#        include <stdlib.h>

bool redis_tls_available(void)
{
        return true;
}

/* The last thing that OpenSSL complained about, or `otherwise`. */
static const char *last_reason(const char *otherwise)
{
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        return reason ? reason : otherwise;
}

static bool load_files(SSL_CTX *tls_context, const struct config_tls *tls, char error[REDIS_TLS_ERROR_MAX])
{
        int ok = tls->ca_file ? SSL_CTX_load_verify_locations(tls_context, tls->ca_file, NULL)
                              : SSL_CTX_set_default_verify_paths(tls_context);
        if (ok != 1) {
                snprintf(error, REDIS_TLS_ERROR_MAX, "read the certificate authorities %.100s: %s",
                         tls->ca_file ? tls->ca_file : "of the system", last_reason("unusable"));
                return false;
        }
        if (!tls->cert_file)
                return true;
        if (SSL_CTX_use_certificate_chain_file(tls_context, tls->cert_file) == 1 &&
            SSL_CTX_use_PrivateKey_file(tls_context, tls->key_file, SSL_FILETYPE_PEM) == 1)
                return true;
        snprintf(error, REDIS_TLS_ERROR_MAX, "read the client certificate %.100s and its key: %s",
                 tls->cert_file, last_reason("unusable"));
        return false;
}

/* hiredis checks no host name by itself, so the session is made here and handed to it. */
static SSL *session_new(SSL_CTX *tls_context, const char *host)
{
        char bare[256] = "";
        size_t len = strlen(host);
        bool bracketed = len > 2 && host[0] == '[';
        snprintf(bare, sizeof(bare), "%.*s", (int)(len - 2 * (size_t)bracketed), host + bracketed);
        SSL *session = SSL_new(tls_context);
        if (!session)
                abort();
        unsigned char address[sizeof(struct in6_addr)];
        bool numeric = inet_pton(AF_INET, bare, address) == 1 || inet_pton(AF_INET6, bare, address) == 1;
        int ok = numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), bare)
                         : SSL_set1_host(session, bare);
        if (ok == 1 && !numeric)
                ok = SSL_set_tlsext_host_name(session, bare) == 1;
        if (ok == 1)
                return session;
        SSL_free(session);
        return NULL;
}

static bool handshake(redisContext *context, SSL *session, char error[REDIS_TLS_ERROR_MAX], bool *fatal)
{
        SSL_up_ref(session); /* hiredis takes one reference, only if it succeeds */
        bool ok = redisInitiateSSL(context, session) == REDIS_OK;
        long verdict = SSL_get_verify_result(session);
        if (!ok) {
                *fatal = verdict != X509_V_OK;
                const char *cause = *fatal ? X509_verify_cert_error_string(verdict) : "";
                snprintf(error, REDIS_TLS_ERROR_MAX, "%.100s%s%s", context->errstr, text_if(*fatal, ": "),
                         cause);
                SSL_free(session);
        }
        SSL_free(session);
        return ok;
}

bool redis_tls_start(redisContext *context, const char *host, const struct config_tls *tls,
                     char error[REDIS_TLS_ERROR_MAX], bool *fatal)
{
        *fatal = true;
        SSL_CTX *tls_context = SSL_CTX_new(TLS_client_method());
        if (!tls_context)
                abort();
        ERR_clear_error();
        SSL_CTX_set_min_proto_version(tls_context, TLS1_2_VERSION);
        SSL_CTX_set_verify(tls_context, SSL_VERIFY_PEER, NULL);
        bool ok = load_files(tls_context, tls, error);
        SSL *session = ok ? session_new(tls_context, host) : NULL;
        if (ok && !session)
                snprintf(error, REDIS_TLS_ERROR_MAX, "%.180s is no host name", host);
        ok = session && handshake(context, session, error, fatal);
        SSL_CTX_free(tls_context); /* a session holds a reference of its own */
        return ok;
}

#else

bool redis_tls_available(void)
{
        return false;
}

bool redis_tls_start(redisContext *context, const char *host, const struct config_tls *tls,
                     char error[REDIS_TLS_ERROR_MAX], bool *fatal)
{
        (void)context, (void)host, (void)tls;
        *fatal = true;
        snprintf(error, REDIS_TLS_ERROR_MAX, "this build cannot; hiredis has TLS from 1.0 on (Debian 13)");
        return false;
}

#endif
