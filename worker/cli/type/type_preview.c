#include "cli/type/type.h"
#include "core/mail/mail_headers.h"
#include "core/plan/mail_members.h"
#include "core/types/declared_type.h"
#include "core/types/planned_type.h"
#include "io/plan/planner_once.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The most that a body may ever be. */
#define PREVIEW_DATA_MAX ((size_t)16 << 20)

struct preview_writing {
        struct cli *cli;
        const char *directory;
        bool failed;
};

static bool write_whole(int fd, struct slice text)
{
        while (text.len > 0) {
                ssize_t written = write(fd, text.data, text.len);
                if (written < 0)
                        return false;
                text = (struct slice){.data = text.data + written, .len = text.len - (size_t)written};
        }
        return true;
}

/* `<key>.<ending>`; its path is told, so that it can be opened at once. A key holds no slash. */
static void file_write(struct preview_writing *writing, const char *key, const char *ending,
                       struct slice text)
{
        const char *path = arena_printf(&writing->cli->arena, "%s/%s.%s", writing->directory, key, ending);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        bool ok = fd >= 0 && write_whole(fd, text);
        int cause = errno;
        ok = (fd < 0 || close(fd) == 0) && ok;
        if (ok) {
                cli_print(slice_of(path));
                return;
        }
        cli_fail(writing->cli, CLI_ERROR, "%s: %s", path, strerror(cause));
        writing->failed = true;
}

static void preview_header_use(void *out, const struct mail_header *header)
{
        buffer_printf(out, "%s: %s\n", header->name, header->value);
}

static void headers_write(struct preview_writing *writing, const struct mail *mail)
{
        struct buffer out = {0};
        for (const struct mail_member *each = mail_members; each < mail_members + MAIL_MEMBERS; each++) {
                const char *value = mail_member_text(mail, each);
                if (each->header && value)
                        buffer_printf(&out, "%s: %s\n", each->header, value);
        }
        mail_headers_each(mail, preview_header_use, &out);
        for (const struct attachment *each = mail->attachments; each && each->name; each++)
                buffer_printf(&out, "Attachment: %s\n", each->name);
        file_write(writing, mail->key, "headers", (struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static void preview_mail_write(struct preview_writing *writing, const struct mail *mail)
{
        headers_write(writing, mail);
        if (mail->text)
                file_write(writing, mail->key, "txt", slice_of(mail->text));
        if (mail->html)
                file_write(writing, mail->key, "html", slice_of(mail->html));
}

/* The payload of each message; those of a batch are numbered, as their ids are. */
static void messages_write(struct preview_writing *writing, const struct effect *effect)
{
        const struct outgoing_batch *batch = &effect->publish;
        for (size_t i = 0; i < batch->count; i++) {
                const char *number = batch->numbered ? arena_printf(&writing->cli->arena, "%zu.", i) : "";
                file_write(writing, effect->key, arena_printf(&writing->cli->arena, "%smessage.json", number),
                           slice_of(batch->list[i].data));
        }
}

static int plan_write(struct cli *cli, const struct plan *plan, const char *directory)
{
        struct preview_writing writing = {.cli = cli, .directory = directory};
        if (mkdir(directory, 0700) != 0 && errno != EEXIST)
                return cli_fail(cli, CLI_ERROR, "%s: %s", directory, strerror(errno));
        for (size_t i = 0; i < plan->count; i++) {
                switch (plan->effects[i].kind) {
                case EFFECT_MAIL:
                        preview_mail_write(&writing, &plan->effects[i].mail);
                        break;
                case EFFECT_POST:
                        file_write(&writing, plan->effects[i].key, "post.json",
                                   slice_of(plan->effects[i].post.data));
                        break;
                case EFFECT_PUBLISH:
                        messages_write(&writing, &plan->effects[i]);
                        break;
                }
        }
        return writing.failed ? CLI_ERROR : CLI_OK;
}

static enum plan_outcome preview_plan(const struct handler *handler, const json_t *payload,
                                      const struct type_preview *preview, struct plan **plan,
                                      struct faults *faults)
{
        if (preview->locale)
                return declared_type_preview(handler, payload, preview->locale, plan, faults);
        return plan_anyhow(handler, payload, plan, faults);
}

int type_preview(struct cli *cli, const struct handler *handler, const struct type_preview *preview)
{
        struct slice data = slice_of(handler->example ? handler->example : "{}");
        struct faults faults = {.arena = &cli->arena};
        struct plan *plan;
        char error[JSON_CAUSE_MAX];
        if (!preview->to)
                return cli_usage(cli, "type preview needs --to DIR");
        if (preview->locale && (!handler->kind || handler_is_planned(handler)))
                return cli_fail(cli, CLI_USAGE, "%s chooses its language itself", handler->type);
        if (preview->data && !cli_data(cli, preview->data, PREVIEW_DATA_MAX, &data))
                return CLI_ERROR;
        json_t *payload = json_parse(data, error);
        if (!payload)
                return cli_fail(cli, CLI_ERROR, "bad_payload: %s", error);
        enum plan_outcome outcome = preview_plan(handler, payload, preview, &plan, &faults);
        json_decref(payload);
        static const char *const words[] = {[PLAN_BAD_PAYLOAD] = "bad_payload",
                                            [PLAN_REJECTED] = "rejected",
                                            [PLAN_BAD_PLAN] = "bad_plan",
                                            [PLAN_PLANNERS] = "no plan"};
        if (outcome != PLAN_OK)
                return cli_fail_faults(cli, words[outcome], &faults, "");
        return plan_write(cli, plan, preview->to);
}
