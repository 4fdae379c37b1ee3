#include "io/config/config_check_parts.h"

#include "io/machine/url.h"
#include "io/redis/connection/redis_address.h"

#include <string.h>

void check_fault(struct check *check, const char *path, const char *message)
{
        check->fault(check->context, path, message);
}

static bool url_is_encrypted(const char *text)
{
        return strncmp(text, "amqps:", 6) == 0 || redis_url_is_encrypted(text) ||
               strncmp(text, "https:", 6) == 0 || strncmp(text, "smtps:", 6) == 0;
}

/* Is every part of the URL used, and is it encrypted or of this machine? `plain_switch`: the setting that
 * allows it to be neither; NULL: it is allowed. */
void check_url(struct check *check, enum url_use use, const char *path, const char *text,
               const char *plain_switch)
{
        if (!text)
                return;
        const char *wrong = config_url_fault(check->arena, use, text);
        if (wrong) {
                check_fault(check, path, wrong);
                return;
        }
        if (plain_switch && !url_is_encrypted(text) && !url_is_loopback(check->arena, text))
                check_fault(check, path,
                            arena_printf(check->arena,
                                         "is not encrypted and leaves this machine; use TLS or set %s: true",
                                         plain_switch));
}

void check_tls(struct check *check, const char *section, const struct config_tls *tls)
{
        const char *missing = !tls->cert_file && tls->key_file ? "cert_file" : "key_file";
        if (!tls->cert_file == !tls->key_file)
                return;
        check_fault(check, arena_printf(check->arena, "%s.tls.%s", section, missing),
                    "is required: cert_file and key_file belong together");
}
