#include "core/send/mail_request.h"
#include "core/text/mailbox.h"
#include "core/text/utf8.h"

#include <string.h>

enum { MESSAGE_ID_MAX = 400 };

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

static bool message_id_valid(const char *id)
{
        size_t len = id ? strlen(id) : 0;
        if (len < 5 || len > MESSAGE_ID_MAX || id[0] != '<' || id[len - 1] != '>' || !strchr(id, '@'))
                return false;
        for (size_t i = 1; i + 1 < len; i++)
                if (id[i] <= ' ' || id[i] > '~' || id[i] == '<' || id[i] == '>')
                        return false;
        return true;
}

static bool subject_valid(const char *subject)
{
        if (!subject || !utf8_valid(subject, strlen(subject)))
                return false;
        for (const char *c = subject; *c; c++)
                if ((unsigned char)*c < 0x20 || *c == 0x7f)
                        return false;
        return true;
}

static bool body_valid(const char *body)
{
        return !body || utf8_valid(body, strlen(body));
}

const char *mail_request_problem(const struct mail_request *request)
{
        struct mailbox mailbox;
        if (!key_valid(request->key))
                return "the key is not 64 lower-case hex characters";
        if (!message_id_valid(request->message_id))
                return "the Message-ID is not <key@domain>";
        if (!mailbox_parse(&mailbox, request->from))
                return "the sender is not a valid mailbox";
        if (!mailbox_address_valid(slice_of(request->to)))
                return "the recipient is not a valid address";
        if (request->reply_to && !mailbox_parse(&mailbox, request->reply_to))
                return "the Reply-To is not a valid mailbox";
        if (!subject_valid(request->subject))
                return "the subject is not UTF-8 or holds a control character";
        if (!request->text && !request->html)
                return "the mail has neither text nor html";
        if (!body_valid(request->text) || !body_valid(request->html))
                return "the body is not UTF-8";
        return NULL;
}
