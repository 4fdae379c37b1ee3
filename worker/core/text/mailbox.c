#include "core/text/mailbox.h"
#include "core/text/utf8.h"

enum { ADDRESS_MAX = 254, LOCAL_MAX = 64, LABEL_MAX = 63 };

static bool letter_or_digit(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* atext of RFC 5322 section 3.2.3. */
static bool atext(char c)
{
        return letter_or_digit(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool local_valid(struct slice local)
{
        if (local.len == 0 || local.len > LOCAL_MAX)
                return false;
        for (size_t i = 0; i < local.len; i++) {
                bool dot = local.data[i] == '.';
                bool dot_allowed = i > 0 && i + 1 < local.len && local.data[i - 1] != '.';
                if (dot ? !dot_allowed : !atext(local.data[i]))
                        return false;
        }
        return true;
}

/* "[127.0.0.1]" or "[IPv6:::1]": not taken apart, only kept from breaking out. */
static bool literal_valid(struct slice domain)
{
        if (domain.len < 3 || domain.data[0] != '[' || domain.data[domain.len - 1] != ']')
                return false;
        for (size_t i = 1; i + 1 < domain.len; i++) {
                char c = domain.data[i];
                if (!letter_or_digit(c) && c != '.' && c != ':' && c != '-')
                        return false;
        }
        return true;
}

static bool label_valid(const char *label, size_t len)
{
        if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!letter_or_digit(label[i]) && label[i] != '-' && label[i] != '_')
                        return false;
        return true;
}

static bool domain_valid(struct slice domain)
{
        if (domain.len && domain.data[0] == '[')
                return literal_valid(domain);
        size_t start = 0;
        for (size_t i = 0; i <= domain.len; i++) {
                if (i < domain.len && domain.data[i] != '.')
                        continue;
                if (!label_valid(domain.data + start, i - start))
                        return false;
                start = i + 1;
        }
        return true;
}

bool mailbox_address_valid(struct slice address)
{
        if (!address.data || address.len > ADDRESS_MAX)
                return false;
        const char *at = memrchr(address.data, '@', address.len);
        if (!at)
                return false;
        size_t local_len = (size_t)(at - address.data);
        return local_valid((struct slice){.data = address.data, .len = local_len}) &&
               domain_valid((struct slice){.data = at + 1, .len = address.len - local_len - 1});
}

struct slice mailbox_domain(struct mailbox mailbox)
{
        const char *at = memrchr(mailbox.address.data, '@', mailbox.address.len);
        return (struct slice){.data = at + 1,
                              .len = (size_t)(mailbox.address.data + mailbox.address.len - at - 1)};
}

void mailbox_name_add(struct buffer *out, struct mailbox mailbox)
{
        for (size_t i = 0; i < mailbox.name.len; i++) {
                if (mailbox.quoted && mailbox.name.data[i] == '\\')
                        i++;
                buffer_add_char(out, mailbox.name.data[i]);
        }
}

static struct slice trimmed(const char *start, const char *end)
{
        while (start < end && *start == ' ')
                start++;
        while (start < end && end[-1] == ' ')
                end--;
        return (struct slice){.data = start, .len = (size_t)(end - start)};
}

static bool printable_utf8(const char *text)
{
        for (const char *c = text; *c; c++)
                if ((unsigned char)*c < 0x20 || *c == 0x7f)
                        return false;
        return utf8_valid(text, strlen(text));
}

/* Takes the quotes off; false if a quote inside is not escaped or the last one is. */
static bool name_unquote(struct mailbox *mailbox)
{
        struct slice *name = &mailbox->name;
        if (name->len == 0 || name->data[0] != '"')
                return !memchr(name->data, '"', name->len) && !memchr(name->data, '<', name->len) &&
                       !memchr(name->data, '>', name->len);
        if (name->len < 2 || name->data[name->len - 1] != '"')
                return false;
        *name = (struct slice){.data = name->data + 1, .len = name->len - 2};
        mailbox->quoted = true;
        for (size_t i = 0; i < name->len; i++) {
                if (name->data[i] == '"')
                        return false;
                if (name->data[i] == '\\' && ++i == name->len)
                        return false;
        }
        return true;
}

bool mailbox_parse(struct mailbox *mailbox, const char *text)
{
        *mailbox = (struct mailbox){0};
        if (!text || !printable_utf8(text))
                return false;
        const char *end = text + strlen(text);
        const char *open = strrchr(text, '<');
        if (!open) {
                mailbox->name = (struct slice){.data = text, .len = 0};
                mailbox->address = trimmed(text, end);
                return mailbox_address_valid(mailbox->address);
        }
        struct slice rest = trimmed(open, end);
        if (rest.data[rest.len - 1] != '>')
                return false;
        mailbox->address = (struct slice){.data = rest.data + 1, .len = rest.len - 2};
        mailbox->name = trimmed(text, open);
        return mailbox_address_valid(mailbox->address) && name_unquote(mailbox);
}
