#include "core/mail/mail_request.h"
#include "core/address/mailbox.h"
#include "core/mail/mail_guard.h"
#include "core/mail/mail_headers.h"
#include "core/mail/mail_key.h"
#include "core/plan/mail_check.h"
#include "core/plan/mail_members.h"
#include "core/text/utf8.h"

#include <string.h>

/* The sender with its quoting right and its domain in A-labels. */
static const char *sender_make(struct arena *arena, const char *from)
{
        struct buffer text = {0};
        mailbox_one_write(&text, from ? from : "leveret@localhost");
        const char *sender = arena_copy(arena, text.data, text.len);
        buffer_fini(&text);
        return sender;
}

struct mail_request mail_request_make(struct arena *arena, const struct mail *mail,
                                      const struct mail_origin *origin)
{
        struct mail_request request = {
                .mail = *mail,
                .date_s = origin->date_s,
                .traceparent = origin->traceparent,
                .tracestate = origin->tracestate,
        };
        if (!request.mail.from)
                request.mail.from = sender_make(arena, origin->from);
        if (origin->guard)
                request.auto_submitted =
                        origin->guard->auto_submitted && !mail_has_header(mail, "Auto-Submitted");
        if (origin->guard)
                request.true_to = mail_guard_apply(origin->guard, arena, &request.mail);
        char *key = arena_alloc(arena, MAIL_KEY_BYTES + 1);
        mail_key(key, slice_of(origin->prefix), slice_of(origin->job_id), slice_of(mail->key));
        struct buffer message_id = {0};
        mail_message_id(&message_id, key, request.mail.from);
        request.key = key;
        request.message_id = arena_copy(arena, message_id.data, message_id.len);
        buffer_fini(&message_id);
        return request;
}

static bool lower_hex(const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++) /* stops at the NUL, which is no hex digit */
                if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
                        return false;
        return true;
}

static bool key_valid(const char *key)
{
        return key && lower_hex(key, MAIL_KEY_BYTES) && key[MAIL_KEY_BYTES] == '\0';
}

static bool is_fetched(const struct mail_request *request)
{
        const struct attachment *files = request->mail.attachments;
        for (size_t i = 0; files && files[i].name; i++)
                if (!files[i].content && !request->fetched)
                        return false;
        return true;
}

const char *mail_request_problem(const struct mail_request *request)
{
        struct buffer mistakes = {0};
        if (!key_valid(request->key))
                return "the key is not 64 lower-case hex characters";
        if (!mail_message_id_valid(request->message_id))
                return "the Message-ID is not <key@domain>";
        if (!request->mail.from)
                return "the mail has no sender";
        mail_hazards_add(&mistakes, &request->mail);
        bool good = mistakes.len == 0;
        buffer_fini(&mistakes);
        if (good && !is_fetched(request))
                return "a file of the mail was not fetched";
        return good ? NULL : "an address, a header, the text or a file breaks a rule of handler.h";
}

static bool list_needs_utf8(const char *list)
{
        struct mailbox mailbox;
        if (!list || utf8_is_ascii(list, strlen(list)))
                return false;
        while (mailbox_take(&list, &mailbox))
                if (address_needs_utf8(mailbox.address))
                        return true;
        return false;
}

bool mail_request_needs_utf8(const struct mail_request *request)
{
        for (const struct mail_member *each = mail_members; each < mail_members + MAIL_MEMBERS; each++)
                if (mail_member_is_mailboxes(each) && list_needs_utf8(mail_member_text(&request->mail, each)))
                        return true;
        return false;
}
