#include "core/plan/plan.h"
#include "cli/cli.h"
#include "core/plan/registry.h"
#include "handler.h"

/* The most that a body may ever be. */
#define DATA_MAX ((size_t)16 << 20)

static void add_texts(struct buffer *out, const char *name, const char *const *texts)
{
        if (!texts)
                return;
        buffer_printf(out, ",\"%s\":[", name);
        for (size_t i = 0; texts[i]; i++) {
                buffer_add_text(out, i ? "," : "");
                buffer_add_json_string(out, slice_of(texts[i]));
        }
        buffer_add_char(out, ']');
}

static void add_pairs(struct buffer *out, const char *name, const struct pair *pairs)
{
        if (!pairs)
                return;
        buffer_printf(out, ",\"%s\":{", name);
        for (size_t i = 0; pairs[i].name; i++) {
                buffer_add_text(out, i ? "," : "");
                buffer_add_json_string(out, slice_of(pairs[i].name));
                buffer_add_char(out, ':');
                buffer_add_json_string(out, slice_of(pairs[i].value));
        }
        buffer_add_char(out, '}');
}

static void add_unsubscribe(struct buffer *out, struct list_unsubscribe list)
{
        if (!list.url && !list.mailto)
                return;
        buffer_printf(out, ",\"list_unsubscribe\":{\"one_click\":%s", list.one_click ? "true" : "false");
        cli_add_json(out, "url", list.url);
        cli_add_json(out, "mailto", list.mailto);
        buffer_add_char(out, '}');
}

/* Content by its size alone. */
static void add_attachments(struct buffer *out, const struct attachment *files)
{
        if (!files)
                return;
        buffer_add_text(out, ",\"attachments\":[");
        for (size_t i = 0; files[i].name; i++) {
                int64_t size = files[i].content ? (int64_t)files[i].content_len : files[i].size;
                buffer_printf(out, "%s{\"size\":%" PRId64, i ? "," : "", size);
                cli_add_json(out, "name", files[i].name);
                cli_add_json(out, "type", files[i].type);
                cli_add_json(out, "url", files[i].url);
                cli_add_json(out, "sha256", files[i].sha256);
                cli_add_json(out, "inline_id", files[i].inline_id);
                buffer_add_char(out, '}');
        }
        buffer_add_char(out, ']');
}

static void add_mail(struct buffer *out, const struct mail *mail)
{
        buffer_add_text(out, "{\"kind\":\"mail\"");
        cli_add_json(out, "key", mail->key);
        cli_add_json(out, "from", mail->from);
        cli_add_json(out, "to", mail->to);
        cli_add_json(out, "cc", mail->cc);
        cli_add_json(out, "bcc", mail->bcc);
        cli_add_json(out, "reply_to", mail->reply_to);
        cli_add_json(out, "subject", mail->subject);
        cli_add_json(out, "text", mail->text);
        cli_add_json(out, "html", mail->html);
        add_pairs(out, "headers", mail->headers);
        add_attachments(out, mail->attachments);
        add_unsubscribe(out, mail->list_unsubscribe);
        cli_add_json(out, "in_reply_to", mail->in_reply_to);
        add_texts(out, "references", mail->references);
        add_texts(out, "tags", mail->tags);
        add_pairs(out, "metadata", mail->metadata);
        cli_add_json(out, "outlet", mail->outlet);
        buffer_add_char(out, '}');
}

static void print_json(const struct handler *handler, const struct plan *plan)
{
        struct buffer out = {0};
        buffer_printf(&out, "{\"type\":\"%s\",\"effects\":[", handler->type);
        for (size_t i = 0; i < plan->count; i++) {
                buffer_add_text(&out, i ? "," : "");
                switch (plan->effects[i].kind) {
                case EFFECT_MAIL:
                        add_mail(&out, &plan->effects[i].mail);
                        break;
                }
        }
        buffer_add_text(&out, "]}");
        cli_print_json((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static int plan_print(struct cli *cli, const struct handler *handler, struct slice data)
{
        struct faults faults = {.arena = &cli->arena};
        struct plan *plan = NULL;
        switch (plan_build_text(handler, data, &plan, &faults)) {
        case PLAN_BAD_PAYLOAD:
                return cli_fail_faults(cli, "bad_payload", &faults, "");
        case PLAN_REJECTED:
                return cli_fail_faults(cli, "rejected", &faults, "");
        case PLAN_OK:
                break;
        }
        if (cli->output == CLI_JSON) {
                print_json(handler, plan);
                return CLI_OK;
        }
        struct buffer text = {0};
        plan_render(&text, plan);
        fwrite(text.data, 1, text.len, stdout);
        buffer_fini(&text);
        return CLI_OK;
}

int command_plan(struct cli *cli, int argc, char **argv)
{
        const char *data_argument = NULL;
        const struct cli_flag flags[] = {{.name = "--data", .takes_value = true, .value = &data_argument},
                                         {0}};
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        if (cli->help || cli->word_count != 1 || !data_argument)
                return cli_usage(cli, cli->help ? NULL : "name a type and its --data");
        const struct handler *handler = handler_find(handlers, slice_of(cli->words[0]));
        if (!handler)
                return cli_fail(cli, CLI_NOT_FOUND, "no handler for %s; see leveret type list",
                                cli_safe(cli, slice_of(cli->words[0])));
        struct slice data;
        if (!cli_data(cli, data_argument, DATA_MAX, &data))
                return CLI_ERROR;
        return plan_print(cli, handler, data);
}
