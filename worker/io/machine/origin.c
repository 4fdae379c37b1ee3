#include "io/machine/origin.h"
#include "core/send/address_guard.h"
#include "core/text/utf8.h"
#include "io/machine/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static bool part_is_there(CURLU *url, CURLUPart part)
{
        char *text = NULL;
        bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
        curl_free(text);
        return there;
}

static char *part_copy(struct arena *arena, CURLU *url, CURLUPart part, unsigned flags)
{
        char *text = NULL;
        if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
                return NULL;
        char *copy = arena_strdup(arena, text);
        curl_free(text);
        for (char *at = copy; *at; at++)
                if (*at >= 'A' && *at <= 'Z')
                        *at = (char)(*at - 'A' + 'a');
        return copy;
}

static const char *url_read(struct arena *arena, CURLU *url, struct origin *origin)
{
        const char *port = part_copy(arena, url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
        origin->scheme = part_copy(arena, url, CURLUPART_SCHEME, 0);
        origin->host = part_copy(arena, url, CURLUPART_HOST, 0);
        if (!origin->scheme || (strcmp(origin->scheme, "http") != 0 && strcmp(origin->scheme, "https") != 0))
                return "expected http:// or https://";
        if (!origin->host || !origin->host[0] || !port || !utf8_is_ascii(origin->host, strlen(origin->host)))
                return "no host that can be looked up (in ASCII, xn--.. if need be)";
        if (part_is_there(url, CURLUPART_USER) || part_is_there(url, CURLUPART_PASSWORD))
                return "a user or a password in a URL is refused";
        if (part_is_there(url, CURLUPART_ZONEID))
                return "the zone of an address is refused";
        origin->port = (uint16_t)strtoul(port, NULL, 10);
        size_t len = strlen(origin->host);
        if (origin->host[len - 1] == '.') /* the same host to a name server, another one to a list */
                return "a host that ends in a dot is refused";
        return NULL;
}

const char *origin_parse(struct arena *arena, const char *text, struct origin *origin)
{
        CURLU *url = curl_url();
        if (!url)
                abort();
        const char *wrong = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK
                                    ? url_read(arena, url, origin)
                                    : "is no URL";
        curl_url_cleanup(url);
        return wrong;
}

static uint16_t own_port(const struct origin *origin)
{
        return strcmp(origin->scheme, "https") == 0 ? 443 : 80;
}

const char *origin_text(struct arena *arena, const struct origin *origin)
{
        if (origin->port == own_port(origin))
                return arena_printf(arena, "%s://%s", origin->scheme, origin->host);
        return arena_printf(arena, "%s://%s:%u", origin->scheme, origin->host, (unsigned)origin->port);
}

/* ---- lists ---- */

/* https, host *.example.com, port 8443 as "https://example.com:8443": what stands for the star is in
 * `suffix`,
 * ".example.com", or "" for every host; NULL: no star. */
static const char *star_split(struct arena *arena, const char *entry, const char **suffix)
{
        const char *host = strstr(entry, "://");
        *suffix = NULL;
        if (!host || host[3] != '*')
                return entry;
        const char *rest = host + 4;
        size_t dot = *rest == '.';
        *suffix = dot ? arena_copy(arena, rest, strcspn(rest, ":/")) : "";
        return arena_printf(arena, "%.*s%s%s", (int)(host + 3 - entry), entry, dot ? "" : "star.invalid",
                            rest + dot);
}

static const char *entry_parse(struct arena *arena, const char *entry, struct origin *origin,
                               const char **suffix)
{
        const char *plain = star_split(arena, entry, suffix), *after = strstr(plain, "://");
        if (!after || strpbrk(after + 3, "/?#"))
                return "expected an origin: scheme, host and port, nothing after them";
        if (strchr(plain, '*'))
                return "a star stands alone or before the first dot of the host";
        return origin_parse(arena, plain, origin);
}

const char *origin_entry_fault(struct arena *arena, const char *entry)
{
        struct origin origin;
        const char *suffix;
        return entry_parse(arena, entry, &origin, &suffix);
}

static bool host_fits(const struct origin *origin, const struct origin *entry, const char *suffix)
{
        if (!suffix)
                return strcmp(origin->host, entry->host) == 0;
        size_t len = strlen(origin->host), end = strlen(suffix);
        return len > end && strcmp(origin->host + len - end, suffix) == 0;
}

/* Is the host as it is written an address that is not public, or localhost? */
static bool host_is_private(const char *host)
{
        struct in_addr four;
        struct in6_addr six;
        char bare[INET6_ADDRSTRLEN + 2];
        size_t len = strlen(host);
        if (host_is_loopback(host))
                return true;
        if (inet_pton(AF_INET, host, &four) == 1)
                return !address_is_global4(four);
        if (len < 3 || len >= sizeof(bare) || host[0] != '[')
                return false;
        memcpy(bare, host + 1, len - 2);
        bare[len - 2] = '\0';
        return inet_pton(AF_INET6, bare, &six) == 1 && !address_is_global6(&six);
}

bool origin_is_listed(struct arena *arena, const struct origin *origin, const struct config_texts *list,
                      bool *named_privately)
{
        *named_privately = false;
        for (size_t i = 0; i < list->count; i++) {
                struct origin entry;
                const char *suffix;
                if (entry_parse(arena, list->list[i], &entry, &suffix) ||
                    strcmp(entry.scheme, origin->scheme) != 0 || entry.port != origin->port ||
                    !host_fits(origin, &entry, suffix))
                        continue;
                *named_privately = !suffix && host_is_private(entry.host);
                return true;
        }
        return false;
}
