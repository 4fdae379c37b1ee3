#include "core/address/mailbox.h"
#include "core/text/utf8.h"

#include <stdlib.h>
#include <string.h>

static const char NO_ADDRESS[] = "expected an e-mail address, or a name and <address>";
static const char NO_LIST[] = "expected one mailbox, not a list";
static const char NO_NAME[] = "a name with < > or \" in it must be quoted, \"like this\" <address>";

static struct slice mailbox_trimmed(const char *start, const char *end)
{
        return slice_trimmed((struct slice){.data = start, .len = (size_t)(end - start)}, " ");
}

/* One past the quoted-string that starts here; NULL if it does not end. */
static const char *quoted_end(const char *at, const char *end)
{
        for (at++; at < end; at++) {
                if (*at == '"')
                        return at + 1;
                at += *at == '\\';
        }
        return NULL;
}

/* A phrase is quoted-strings and runs of other text (RFC 5322 section 3.2.5). A comma beside an @ outside of
 * quotes is no name but a list, of which a recipient would be lost. */
static const char *mailbox_name_mistake(struct slice name)
{
        bool at_sign = false, comma = false;
        const char *end = name.data + name.len;
        for (const char *c = name.data; c < end; c++) {
                if (*c == '"') {
                        c = quoted_end(c, end);
                        if (!c)
                                return NO_NAME;
                        c--;
                } else if (*c == '<' || *c == '>') {
                        return NO_NAME;
                }
                at_sign |= *c == '@';
                comma |= *c == ',' || *c == ';';
        }
        return at_sign && comma ? NO_LIST : NULL;
}

/* Where the < of the address is: the first one outside of quotes. NULL: there is none. */
static const char *angle_find(struct slice text)
{
        const char *end = text.data + text.len;
        if (text.len == 0 || !memchr(text.data, '<', text.len))
                return NULL;
        for (const char *c = text.data; c < end; c++) {
                if (*c == '<')
                        return c;
                if (*c == '"') {
                        c = quoted_end(c, end);
                        if (!c)
                                return NULL;
                        c--;
                }
        }
        return NULL;
}

/* Name and address by their places; false: an address in angles does not end in one. */
static bool mailbox_divide(struct mailbox *mailbox, struct slice text)
{
        const char *open = angle_find(text), *end = text.data + text.len;
        *mailbox = (struct mailbox){.name = {.data = text.data}, .address = text};
        if (!open)
                return true;
        if (end[-1] != '>')
                return false;
        mailbox->name = mailbox_trimmed(text.data, open);
        mailbox->address = (struct slice){.data = open + 1, .len = (size_t)(end - open) - 2};
        return true;
}

static const char *mailbox_of(struct mailbox *mailbox, struct slice text)
{
        if (mailbox_divide(mailbox, text) && address_valid(mailbox->address.data, mailbox->address.len))
                return mailbox_name_mistake(mailbox->name);
        return mailbox_name_mistake(text) == NO_LIST ? NO_LIST
                                                     : address_mistake(mailbox->address, NO_ADDRESS);
}

const char *mailbox_parse(struct mailbox *mailbox, const char *text)
{
        *mailbox = (struct mailbox){0};
        if (!text || !utf8_one_line(text, strlen(text)))
                return "expected one line of UTF-8";
        return mailbox_of(mailbox, mailbox_trimmed(text, text + strlen(text)));
}

/* The comma, semicolon or colon that ends a mailbox, or the end: those in quotes and <> are part of it. */
static const char *separator(const char *at)
{
        const char *end = at + strlen(at);
        bool in_address = false;
        while (*(at += strcspn(at, in_address ? "\"<>" : "\"<>,;:"))) {
                if (*at == '"') {
                        at = quoted_end(at, end);
                        if (!at)
                                return end;
                        continue;
                }
                if (*at != '<' && *at != '>')
                        break;
                in_address = *at == '<';
                at++;
        }
        return at;
}

bool mailbox_next(const char **at, struct mailbox *mailbox, const char **mistake)
{
        const char *start = *at, *end = separator(start);
        struct slice text = mailbox_trimmed(start, end);
        *mistake = NULL;
        *mailbox = (struct mailbox){0};
        if (text.len == 0 && !*end)
                return false;
        if (!utf8_one_line(start, (size_t)(end - start)))
                *mistake = "expected one line of UTF-8";
        else if (*end == ':' || *end == ';')
                *mistake =
                        "groups are not taken: list the mailboxes with commas, a name with : or ; in quotes";
        else if (text.len == 0 || (*end && mailbox_trimmed(end + 1, end + strlen(end)).len == 0))
                *mistake = "expected a mailbox on both sides of a comma";
        else
                *mistake = mailbox_of(mailbox, text);
        *at = *end ? end + 1 : end;
        return true;
}

bool mailbox_take(const char **at, struct mailbox *mailbox)
{
        if (!*at)
                return false;
        const char *end = separator(*at);
        struct slice text = mailbox_trimmed(*at, end);
        if (text.len == 0 && !*end)
                return false;
        if (!mailbox_divide(mailbox, text))
                abort(); /* the list was to be good */
        *at = *end ? end + 1 : end;
        return true;
}

/* ---- writing ---- */

/* A run of a phrase that is no quoted-string, without the spaces around it. */
static void run_add(struct buffer *out, const char **at, const char *end)
{
        const char *quote = memchr(*at, '"', (size_t)(end - *at));
        const char *behind = quote ? quote : end;
        struct slice run = mailbox_trimmed(*at, behind);
        if (run.len && out->len)
                buffer_add_char(out, ' ');
        buffer_add_slice(out, run);
        *at = behind;
}

static void quoted_take(struct buffer *out, const char **at, const char *end)
{
        const char *behind = quoted_end(*at, end);
        if (out->len)
                buffer_add_char(out, ' ');
        for (const char *c = *at + 1; c < behind - 1; c++) {
                c += *c == '\\';
                buffer_add_char(out, *c);
        }
        *at = behind;
}

void mailbox_name_add(struct buffer *out, struct mailbox mailbox)
{
        struct buffer name = {0};
        const char *at = mailbox.name.data, *end = at + mailbox.name.len;
        while (at < end)
                if (*at == '"')
                        quoted_take(&name, &at, end);
                else
                        run_add(&name, &at, end);
        buffer_add(out, name.data, name.len);
        buffer_fini(&name);
}

/* May the name stand without quotes: atoms (RFC 5322 section 3.2.3) and characters beyond ASCII, with single
 * spaces between them? */
static bool is_phrase(struct slice name)
{
        for (size_t i = 0; i < name.len; i++) {
                unsigned char c = (unsigned char)name.data[i];
                bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
                bool inner_space = c == ' ' && i > 0 && i + 1 < name.len && name.data[i - 1] != ' ';
                if (!letter && c < 0x80 && !inner_space && (c == ' ' || !strchr("!#$%&'*+-/=?^_`{|}~", c)))
                        return false;
        }
        return true;
}

void mailbox_name_quote(struct buffer *out, struct slice name)
{
        if (is_phrase(name)) {
                buffer_add_slice(out, name);
                return;
        }
        buffer_add_char(out, '"');
        for (size_t i = 0; i < name.len; i++) {
                if (name.data[i] == '"' || name.data[i] == '\\')
                        buffer_add_char(out, '\\');
                buffer_add_char(out, name.data[i]);
        }
        buffer_add_char(out, '"');
}

void mailbox_write(struct buffer *out, struct slice name, struct slice address)
{
        if (name.len == 0) {
                address_add(out, address);
                return;
        }
        mailbox_name_quote(out, name);
        buffer_add_text(out, " <");
        address_add(out, address);
        buffer_add_char(out, '>');
}

void mailbox_rewrite(struct buffer *out, struct mailbox mailbox)
{
        struct buffer name = {0};
        mailbox_name_add(&name, mailbox);
        mailbox_write(out, (struct slice){.data = name.data, .len = name.len}, mailbox.address);
        buffer_fini(&name);
}

void mailbox_one_write(struct buffer *out, const char *text)
{
        struct mailbox mailbox;
        if (!mailbox_divide(&mailbox, mailbox_trimmed(text, text + strlen(text))))
                abort(); /* it was to be good */
        mailbox_rewrite(out, mailbox);
}

void mailbox_list_write(struct buffer *out, const char *text)
{
        struct mailbox mailbox;
        const char *separated = "";
        while (mailbox_take(&text, &mailbox)) {
                buffer_add_text(out, separated);
                mailbox_rewrite(out, mailbox);
                separated = ", ";
        }
}
