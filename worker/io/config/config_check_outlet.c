#include "io/config/config_check_parts.h"

#include "core/address/address.h"
#include "core/job/protocol.h"
#include "core/plan/mail_check.h"
#include "core/send/mail_look.h"
#include "core/send/mail_preset.h"
#include "core/send/webhook_sign.h"
#include "core/text/buffer.h"
#include "core/text/units.h"
#include "io/machine/origin.h"

#include <string.h>

/* What each outlet needs, by its kind and its transport. */

/* "mail.rate" of the outlet mail, "outlets.backup.rate" of others. */
static const char *outlet_path(struct check *check, const struct config_outlet *outlet, const char *rest)
{
        const char *section = outlet == &check->config->mail ? "" : "outlets.";
        return arena_printf(check->arena, "%s%s.%s", section, outlet->name, rest);
}

/* Every mail would be answered 404, and die. */
static void check_preset_path(struct check *check, const struct config_outlet *outlet)
{
        const char *url = outlet->http.url, *path = mail_preset_rules(outlet->http.preset)->path;
        size_t len = url ? strlen(url) : 0, path_len = strlen(path);
        while (len > 0 && url[len - 1] == '/')
                len--;
        if (len > path_len && memcmp(url + len - path_len, path, path_len) == 0)
                check_fault(check, outlet_path(check, outlet, "http.url"),
                            arena_printf(check->arena, "must end before %s, which the preset adds", path));
}

static const char *outlet_duration(struct check *check, int64_t ms)
{
        struct buffer text = {0};
        duration_add(&text, ms);
        const char *copy = arena_copy(check->arena, text.data, text.len);
        buffer_fini(&text);
        return copy;
}

static void check_look(struct check *check, const struct config_outlet *outlet)
{
        if (outlet->has_on_ambiguous && outlet->on_ambiguous == ON_AMBIGUOUS_LOOKUP &&
            !mail_look_possible(outlet))
                check_fault(
                        check, outlet_path(check, outlet, "on_ambiguous"),
                        "lookup: this service cannot be asked for a mail; docs/mail-services.md says which "
                        "can");
}

static void check_rate_domain(struct check *check, const struct config_outlet *outlet)
{
        for (size_t i = 0; i < outlet->rate_domain.count; i++) {
                const char *text = outlet->rate_domain.list[i], *end = strchr(text, '\n');
                const char *path = outlet_path(check, outlet, "rate_domain");
                const char *domain = end ? arena_copy(check->arena, text, (size_t)(end - text)) : "";
                const char *address = arena_printf(check->arena, "a@%s", domain);
                double rate;
                if (strcmp(domain, "*") != 0 && !address_valid(address, strlen(address)))
                        check_fault(check, path,
                                    arena_printf(check->arena, "entry %zu: expected a domain or *", i + 1));
                if (!end || !rate_parse(end + 1, &rate) || rate > 1000000)
                        check_fault(check, path,
                                    arena_printf(check->arena,
                                                 "%.100s: expected a rate such as 20/s (/s, /m, /h) or 0",
                                                 domain));
        }
}

/* What a mail outlet needs beside what all have. */
static void check_mail(struct check *check, const struct config_outlet *outlet)
{
        bool http = outlet->transport == TRANSPORT_HTTP, smtp = outlet->transport == TRANSPORT_SMTP;
        bool starttls = outlet->smtp.starttls == SMTP_STARTTLS_REQUIRED;
        const char *transport = outlet_path(check, outlet, "transport");
        const char *plain_switch =
                outlet->allow_plaintext ? NULL : outlet_path(check, outlet, "allow_plaintext");
        if (!outlet->from && (http || smtp))
                check_fault(check, outlet_path(check, outlet, "from"),
                            arena_printf(check->arena, "is required unless %s is log", transport));
        const char *http_url = outlet_path(check, outlet, "http.url");
        const char *smtp_url = outlet_path(check, outlet, "smtp.url");
        const char *lacks = http ? mail_preset_lacks(outlet) : NULL;
        if (lacks && strcmp(lacks, "url") == 0)
                check_fault(check, http_url,
                            arena_printf(check->arena, "is required when %s is http", transport));
        else if (lacks)
                check_fault(check, outlet_path(check, outlet, arena_printf(check->arena, "http.%s", lacks)),
                            arena_printf(check->arena, "is required by the preset %s",
                                         mail_preset_rules(outlet->http.preset)->name));
        if (!outlet->smtp.url && smtp)
                check_fault(check, smtp_url,
                            arena_printf(check->arena, "is required when %s is smtp", transport));
        check_url(check, URL_MAIL_API, http_url, outlet->http.url, plain_switch);
        check_preset_path(check, outlet);
        check_rate_domain(check, outlet);
        check_look(check, outlet);
        check_url(check, URL_MAIL_SERVER, smtp_url, outlet->smtp.url, starttls ? NULL : plain_switch);
        if (outlet->smtp.key_header && !mail_header_allowed(outlet->smtp.key_header))
                check_fault(check, outlet_path(check, outlet, "smtp.key_header"),
                            "expected a header that leveret does not write itself, such as "
                            "Resend-Idempotency-Key");
        check_tls(check, outlet_path(check, outlet, "http"), &outlet->http.tls);
        check_tls(check, outlet_path(check, outlet, "smtp"), &outlet->smtp.tls);
        if (outlet->smtp.password && outlet->smtp.token_file)
                check_fault(check, outlet_path(check, outlet, "smtp.token_file"), "excludes smtp.password");
        else if (!outlet->smtp.username != (!outlet->smtp.password && !outlet->smtp.token_file))
                check_fault(
                        check,
                        outlet_path(check, outlet, outlet->smtp.username ? "smtp.password" : "smtp.username"),
                        "is required: username and password belong together");
}

static void check_secret(struct check *check, const struct config_outlet *outlet, const char *name,
                         const char *text)
{
        struct webhook_secret secret;
        if (text && !webhook_secret_parse(text, &secret))
                check_fault(
                        check, outlet_path(check, outlet, name),
                        "must be whsec_ and the base64 of 16 to 64 bytes, as of: echo whsec_$(openssl rand "
                        "-base64 32)");
}

/* What a post outlet needs beside what all have. */
static void check_post(struct check *check, const struct config_outlet *outlet)
{
        const char *path = outlet_path(check, outlet, "allow");
        for (size_t i = 0; i < outlet->post.allow.count; i++) {
                const char *wrong = origin_entry_fault(check->arena, outlet->post.allow.list[i]);
                if (wrong)
                        check_fault(check, path, arena_printf(check->arena, "entry %zu: %s", i + 1, wrong));
        }
        check_secret(check, outlet, "secret", outlet->post.secret);
        check_secret(check, outlet, "secret_old", outlet->post.secret_old);
        if (outlet->post.secret_old && !outlet->post.secret)
                check_fault(check, outlet_path(check, outlet, "secret"), "is required with secret_old");
        check_tls(check, arena_printf(check->arena, "outlets.%s", outlet->name), &outlet->post.tls);
}

static const char *const outlet_kinds[] = {[OUTLET_MAIL] = "mail", [OUTLET_POST] = "post"};

static size_t outlet_index(const struct config *config, const char *name)
{
        const struct config_outlet *outlet;
        size_t i = 0;
        while ((outlet = config_outlet_at(config, i)) && strcmp(outlet->name, name) != 0)
                i++;
        return i;
}

/* Does the outlet lead back to itself by its fallbacks? `reached` grows until no step adds to it. */
static bool is_circular(const struct config *config, const struct config_outlet *from)
{
        uint64_t reached = 0, before = 1, own = UINT64_C(1) << outlet_index(config, from->name);
        const struct config_outlet *outlet;
        while (reached != before) {
                before = reached;
                for (size_t i = 0; (outlet = config_outlet_at(config, i)); i++)
                        for (size_t k = 0; k < outlet->fallback.count && (outlet == from || reached >> i & 1);
                             k++)
                                reached |= UINT64_C(1) << outlet_index(config, outlet->fallback.list[k]);
        }
        return reached & own;
}

static void check_fallback(struct check *check, const struct config_outlet *outlet)
{
        const char *path = outlet_path(check, outlet, "fallback");
        for (size_t i = 0; i < outlet->fallback.count; i++) {
                const char *name = outlet->fallback.list[i];
                const struct config_outlet *next = config_outlet_find(check->config, name);
                if (!next)
                        check_fault(check, path, arena_printf(check->arena, "there is no outlet %s", name));
                else if (next->kind != outlet->kind)
                        check_fault(
                                check, path,
                                arena_printf(check->arena,
                                             "%s is an outlet of the kind %s, and this is one of the kind %s",
                                             name, outlet_kinds[next->kind], outlet_kinds[outlet->kind]));
                for (size_t k = 0; k < i; k++)
                        if (strcmp(outlet->fallback.list[k], name) == 0)
                                check_fault(check, path, arena_printf(check->arena, "names %s twice", name));
        }
        if (is_circular(check->config, outlet))
                check_fault(check, path, "leads back to this outlet: a circle");
}

void check_outlet(struct check *check, const struct config_outlet *outlet)
{
        const struct config *config = check->config;
        if (outlet->kind == OUTLET_MAIL)
                check_mail(check, outlet);
        else
                check_post(check, outlet);
        if (strcmp(outlet->name, "publish") == 0 || strcmp(outlet->name, "alerts") == 0)
                check_fault(check, arena_printf(check->arena, "outlets.%s", outlet->name),
                            "is the name of an outlet that leveret has by itself");
        check_fallback(check, outlet);
        if (outlet->breaker.open_max_ms < outlet->breaker.open_ms)
                check_fault(check, outlet_path(check, outlet, "breaker.open_max"),
                            arena_printf(check->arena, "must not be shorter than %s",
                                         outlet_path(check, outlet, "breaker.open")));
        /* The lease check right before a send must cover the whole send (invariant I2). */
        if (config->claim.lease_ms < outlet->timeout_ms + JOB_LEASE_SPARE_MIN_MS)
                check_fault(check, "claim.lease",
                            arena_printf(check->arena,
                                         "is %s, and must be longer than %s, %s, by 200ms at least",
                                         outlet_duration(check, config->claim.lease_ms),
                                         outlet_path(check, outlet, "timeout"),
                                         outlet_duration(check, outlet->timeout_ms)));
}
