#include "io/send/send_curl.h"
#include "io/machine/url.h"
#include "io/send/transports.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { CONNECT_MAX_MS = 10000, NAMES_KEPT_S = 10 };

static const char *url_problem(const struct send_url_rule *rule, const struct url *url, bool plaintext_ok)
{
        bool tls = strcmp(url->scheme, rule->tls_scheme) == 0;
        if (!tls && strcmp(url->scheme, rule->scheme) != 0)
                return "has the wrong scheme";
        if (!tls && !plaintext_ok && !host_is_loopback(url->host))
                return "would send mails and credentials unencrypted (mail.allow_plaintext permits it)";
        return NULL;
}

bool send_curl_url_check(const struct send_url_rule *rule, const char *url, bool plaintext_ok, char *error)
{
        struct arena arena;
        struct url parts;
        arena_init(&arena);
        const char *problem = "is missing";
        if (url)
                problem = url_parse(&arena, url, &parts) ? url_problem(rule, &parts, plaintext_ok)
                                                         : "is no URL";
        if (problem)
                snprintf(error, TRANSPORT_ERROR_MAX, "%s %s", rule->setting, problem);
        arena_fini(&arena);
        return !problem;
}

CURLU *send_curl_url(const char *url)
{
        CURLU *parsed = curl_url();
        if (!parsed || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK)
                abort();
        return parsed;
}

/* Does a name look like "5ed36f99.0", by which OpenSSL looks a certificate up (openssl-rehash(1))? */
static bool is_hash_name(const char *name)
{
        return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' && name[9] >= '0' && name[9] <= '9';
}

static bool is_hashed(const char *path)
{
        DIR *directory = opendir(path);
        const struct dirent *entry;
        bool found = false;
        while (directory && !found && (entry = readdir(directory)))
                found = is_hash_name(entry->d_name);
        if (directory)
                closedir(directory);
        return found;
}

/* The same, read again only once the directory has changed: every handle asks, on whatever thread, and there
 * are a thousand. */
static bool is_hashed_now(const char *path)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static struct timespec changed;
        static bool known, hashed;
        struct stat now;
        if (!path || stat(path, &now) != 0)
                return false;
        pthread_mutex_lock(&lock);
        if (!known || changed.tv_sec != now.st_mtim.tv_sec || changed.tv_nsec != now.st_mtim.tv_nsec)
                hashed = is_hashed(path);
        known = true;
        changed = now.st_mtim;
        bool answer = hashed;
        pthread_mutex_unlock(&lock);
        return answer;
}

/* Whom to trust: the named file alone, else those of the system. Out of a directory only the one that is
 * asked for is read; out of the file with all of them each, which takes 30 ms of the loop, and with both set
 * libcurl does so for every connection. */
static void authorities_set(CURL *easy, const char *ca_file)
{
        const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
        bool hashed = is_hashed_now(built->capath);
        if (ca_file)
                SEND_CURL_SET(easy, CURLOPT_CAINFO, ca_file);
        else if (hashed)
                SEND_CURL_SET(easy, CURLOPT_CAINFO, NULL);
        if (ca_file || (built->cainfo && !hashed))
                SEND_CURL_SET(easy, CURLOPT_CAPATH, NULL);
}

CURL *send_curl_easy(const struct config_tls *tls, const char *protocols, int64_t timeout_ms)
{
        CURL *easy = curl_easy_init();
        if (!easy)
                abort();
        SEND_CURL_SET(easy, CURLOPT_NOSIGNAL, 1L);
        SEND_CURL_SET(easy, CURLOPT_PROTOCOLS_STR, protocols);
        SEND_CURL_SET(easy, CURLOPT_PROXY, "");
        SEND_CURL_SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        SEND_CURL_SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
        SEND_CURL_SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
        SEND_CURL_SET(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
        SEND_CURL_SET(easy, CURLOPT_CONNECTTIMEOUT_MS,
                      (long)(timeout_ms < CONNECT_MAX_MS ? timeout_ms : CONNECT_MAX_MS));
        /* else a service that has moved is looked for where it was, for a minute */
        SEND_CURL_SET(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)NAMES_KEPT_S);
        /* else ending a transfer waits for the thread that still asks a dead name server */
        SEND_CURL_SET(easy, CURLOPT_QUICK_EXIT, 1L);
        authorities_set(easy, tls->ca_file);
        if (tls->cert_file)
                SEND_CURL_SET(easy, CURLOPT_SSLCERT, tls->cert_file);
        if (tls->key_file)
                SEND_CURL_SET(easy, CURLOPT_SSLKEY, tls->key_file);
        return easy;
}

bool send_curl_settings_at_fault(CURLcode code)
{
        return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
               code == CURLE_SSL_CERTPROBLEM || code == CURLE_USE_SSL_FAILED || code == CURLE_LOGIN_DENIED ||
               code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_CIPHER;
}

const char *send_curl_cause(CURLcode code, const char *detail)
{
        bool tls = send_curl_settings_at_fault(code) || code == CURLE_SSL_CONNECT_ERROR;
        return tls && detail[0] ? detail : curl_easy_strerror(code);
}

struct curl_slist *send_curl_header(struct curl_slist *headers, const char *line)
{
        headers = curl_slist_append(headers, line);
        if (!headers)
                abort();
        return headers;
}
