#include "core/send/presets/preset_parts.h"
#include "core/address/mailbox.h"
#include "core/codec/base64.h"
#include "core/mail/mail_headers.h"
#include "core/send/mail_json.h"
#include "core/send/mail_preset.h"
#include "core/text/word.h"

#include <stdio.h>
#include <stdlib.h>

const struct part_shape part_as_text = {0};

void part_text(struct buffer *out, const char *start, const char *text)
{
        if (!text)
                return;
        buffer_add_text(out, start);
        buffer_add_json_string(out, slice_of(text));
}

static void member_add(struct buffer *out, const char *name, struct slice value)
{
        buffer_printf(out, "\"%s\":", name);
        buffer_add_json_string(out, value);
}

/* ---- mailboxes ---- */

bool part_is_one(const char *list)
{
        struct mailbox mailbox;
        return list && mailbox_take(&list, &mailbox) && !mailbox_take(&list, &mailbox);
}

static void preset_mailbox_add(struct buffer *out, struct mailbox mailbox, const struct part_shape *shape)
{
        struct buffer text = {0};
        if (!shape->email) {
                mailbox_rewrite(&text, mailbox);
                buffer_add_json_string(out, (struct slice){.data = text.data, .len = text.len});
                buffer_fini(&text);
                return;
        }
        buffer_add_text(out, shape->open ? shape->open : "");
        buffer_add_char(out, '{');
        member_add(out, shape->email, mailbox.address);
        if (mailbox.name.len) {
                mailbox_name_add(&text, mailbox);
                buffer_add_char(out, ',');
                member_add(out, shape->name, (struct slice){.data = text.data, .len = text.len});
        }
        buffer_add_char(out, '}');
        buffer_add_text(out, shape->close ? shape->close : "");
        buffer_fini(&text);
}

void part_mailboxes(struct buffer *out, const char *start, const char *list, const struct part_shape *shape,
                    const char *end)
{
        struct mailbox mailbox;
        if (!list)
                return;
        buffer_add_text(out, start);
        if (!shape->email && part_is_one(list)) { /* the same bytes as ever, however it was written */
                buffer_add_json_string(out, slice_of(list));
                buffer_add_text(out, end);
                return;
        }
        for (bool first = true; mailbox_take(&list, &mailbox); first = false) {
                if (!first)
                        buffer_add_char(out, ',');
                preset_mailbox_add(out, mailbox, shape);
        }
        buffer_add_text(out, end);
}

void part_list(struct buffer *out, const char *start, const char *list)
{
        struct buffer text = {0};
        if (!list)
                return;
        mailbox_list_write(&text, list);
        buffer_add_text(out, start);
        buffer_add_json_string(out, (struct slice){.data = text.data, .len = text.len});
        buffer_fini(&text);
}

/* ---- headers ---- */

struct parts_walk {
        struct buffer *out;
        part_header *add;
};

static void part_header_use(void *context, const struct mail_header *header)
{
        const struct parts_walk *walk = context;
        walk->add(walk->out, header->name, header->value, false);
}

void part_headers_each(struct buffer *out, const struct mail_request *request, part_header *add)
{
        add(out, "Message-ID", request->message_id, true);
        if (request->auto_submitted)
                add(out, "Auto-Submitted", "auto-generated", false);
        if (request->true_to)
                add(out, "X-Leveret-To", request->true_to, false);
        mail_headers_each(&request->mail, part_header_use, &(struct parts_walk){.out = out, .add = add});
}

static void header_member(struct buffer *out, const char *name, const char *value, bool first)
{
        if (!first)
                buffer_add_char(out, ',');
        buffer_add_json_string(out, slice_of(name));
        buffer_add_char(out, ':');
        buffer_add_json_string(out, slice_of(value));
}

void part_headers_object(struct buffer *out, const char *start, const struct mail_request *request,
                         const char *end)
{
        buffer_add_text(out, start);
        part_headers_each(out, request, header_member);
        buffer_add_text(out, end);
}

static void header_upper(struct buffer *out, const char *name, const char *value, bool first)
{
        buffer_add_text(out, first ? "{" : ",{");
        member_add(out, "Name", slice_of(name));
        buffer_add_char(out, ',');
        member_add(out, "Value", slice_of(value));
        buffer_add_char(out, '}');
}

static void header_lower(struct buffer *out, const char *name, const char *value, bool first)
{
        buffer_add_text(out, first ? "{" : ",{");
        member_add(out, "key", slice_of(name));
        buffer_add_char(out, ',');
        member_add(out, "value", slice_of(value));
        buffer_add_char(out, '}');
}

void part_headers_list(struct buffer *out, const char *start, const struct mail_request *request, bool upper,
                       const char *end)
{
        buffer_add_text(out, start);
        part_headers_each(out, request, upper ? header_upper : header_lower);
        buffer_add_text(out, end);
}

/* ---- labels ---- */

void part_tags(struct buffer *out, const char *start, const struct mail *mail, const char *end)
{
        if (!mail->tags || !mail->tags[0])
                return;
        buffer_add_text(out, start);
        for (size_t i = 0; mail->tags[i]; i++) {
                if (i)
                        buffer_add_char(out, ',');
                buffer_add_json_string(out, slice_of(mail->tags[i]));
        }
        buffer_add_text(out, end);
}

void part_pairs(struct buffer *out, const char *start, const struct pair *pairs, const char *end)
{
        if (!pairs || !pairs->name)
                return;
        buffer_add_text(out, start);
        for (bool first = true; pairs->name; pairs++, first = false)
                header_member(out, pairs->name, pairs->value, first);
        buffer_add_text(out, end);
}

/* ---- files ---- */

bool part_file_bytes(struct buffer *out, const struct mail_request *request, size_t i)
{
        const struct attachment *file = &request->mail.attachments[i];
        char chunk[4096];
        if (file->content) {
                buffer_add(out, file->content, file->content_len);
                return true;
        }
        const struct mail_file *fetched = &request->fetched[i];
        for (int64_t at = 0; at < fetched->len;) {
                int64_t left = fetched->len - at;
                size_t len = left < (int64_t)sizeof chunk ? (size_t)left : sizeof chunk;
                if (!fetched->read(fetched, at, chunk, len))
                        return false;
                buffer_add(out, chunk, len);
                at += (int64_t)len;
        }
        return true;
}

static bool preset_file_add(struct buffer *out, const struct mail_request *request,
                            const struct part_file *shape, size_t i)
{
        const struct attachment *file = &request->mail.attachments[i];
        const char *type = file->type ? file->type : "application/octet-stream";
        struct buffer bytes = {0}, id = {0};
        bool read = part_file_bytes(&bytes, request, i);
        buffer_add_char(out, '{');
        member_add(out, shape->name,
                   slice_of(shape->name_is_id && file->inline_id ? file->inline_id : file->name));
        if (shape->type) {
                buffer_add_char(out, ',');
                member_add(out, shape->type, slice_of(type));
        }
        buffer_printf(out, ",\"%s\":\"", shape->content);
        base64_add(out, bytes.data, bytes.len);
        buffer_add_char(out, '"');
        if (file->inline_id && shape->inline_id) {
                buffer_printf(&id, "%s%s", shape->id_start ? shape->id_start : "", file->inline_id);
                buffer_add_char(out, ',');
                member_add(out, shape->inline_id, (struct slice){.data = id.data, .len = id.len});
        }
        const char *more = file->inline_id ? shape->inline_more : shape->file_more;
        buffer_add_text(out, more ? more : "");
        buffer_add_char(out, '}');
        buffer_fini(&bytes);
        buffer_fini(&id);
        return read;
}

bool part_files(struct buffer *out, const char *start, const struct mail_request *request,
                const struct part_file *shape, const char *end)
{
        const struct attachment *files = request->mail.attachments;
        bool any = false, read = true;
        for (size_t i = 0; files && files[i].name && read; i++) {
                bool shown = files[i].inline_id != NULL;
                if ((shape->which == PART_SHOWN && !shown) || (shape->which == PART_BESIDE && shown))
                        continue;
                buffer_add_text(out, any ? "," : start);
                any = true;
                read = preset_file_add(out, request, shape, i);
        }
        buffer_add_text(out, any ? end : "");
        return read;
}

void part_refused(struct preset_refused *refused, struct slice address, struct slice words)
{
        refused->count++;
        if (refused->listed == PRESET_REFUSED_MAX)
                return;
        refused->list[refused->listed].address = address;
        refused->list[refused->listed].words = words;
        refused->listed++;
}

struct slice part_answer(struct slice body, const char *start, size_t i, const char *member)
{
        char path[80];
        struct slice value = {0};
        snprintf(path, sizeof path, "%s/%zu/%s", start, i, member);
        return mail_json_path(body, path, &value) ? value : (struct slice){0};
}
