#include "core/record/keys.h"
#include "core/text/json_member.h"
#include "io/machine/clock.h"
#include "query/figures.h"
#include "serve/serve.h"

#include <inttypes.h>

/* What keeps mails from their true recipients: nobody should look for them in vain. */
static void add_guards(const struct config_guard *guard, struct buffer *out)
{
        buffer_add_text(out, ",\"guards\":{\"allow_to\":[");
        for (size_t i = 0; i < guard->allow_to.count; i++) {
                buffer_add_text(out, i ? "," : "");
                buffer_add_json_string(out, slice_of(guard->allow_to.list[i]));
        }
        buffer_add_char(out, ']');
        json_member_text(out, "redirect_to", guard->redirect_to);
        json_member_text(out, "bcc_all", guard->bcc_all);
        buffer_add_char(out, '}');
}

void serve_overview(const struct serve_call *call)
{
        struct fleet fleet;
        struct figures figures;
        struct buffer *out = &call->answer->body;
        if (fleet_look(call->query, &fleet)) {
                serve_refuse_redis(call);
                return;
        }
        figures_of(&fleet, &figures);
        buffer_printf(out, "{\"now_ms\":%" PRId64 ",\"version\":\"%s\"", clock_wall_ms(), LEVERET_VERSION);
        figures_add(&figures, out);
        add_guards(&call->query->config->guard, out);
        buffer_printf(out, ",\"history\":{\"step_ms\":%d,\"samples\":[", RECORD_SAMPLE_EVERY_MS);
        if (samples_add(call->query, out))
                serve_refuse_redis(call);
        else
                buffer_add_text(out, "]}}");
}
