#include "core/address/address.h"
#include "core/memory/memory.h"
#include "core/text/utf8.h"
#include "core/text/word.h"

#include <idn2.h>
#include <stdint.h>
#include <string.h>

enum {
        LABEL_MAX = 63,   /* RFC 1035 section 2.3.4 */
        DOMAIN_MAX = 512, /* bytes of a domain as it is written, which A-labels make shorter or longer */
};

static bool is_alphanumeric(char c)
{
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 5322 section 3.2.3; memchr, as strchr would find the NUL too. */
static bool is_atext(char c)
{
        static const char marks[] = "!#$%&'*+-/=?^_`{|}~";
        return is_alphanumeric(c) || memchr(marks, c, sizeof(marks) - 1);
}

/* The code point of a valid sequence of 2 to 4 bytes. */
static uint32_t code_point(const char *text, size_t width)
{
        uint32_t point = (unsigned char)text[0] & (0xffu >> (width + 1));
        for (size_t i = 1; i < width; i++)
                point = point << 6 | ((unsigned char)text[i] & 0x3f);
        return point;
}

/* Spaces, directions and what cannot be seen: two addresses that look alike must not differ by them. */
static bool is_hidden(uint32_t point)
{
        static const struct {
                uint32_t first, last;
        } hidden[] = {
                {0x80, 0xa0},     {0xad, 0xad},       {0x1680, 0x1680},    {0x180e, 0x180e}, {0x2000, 0x200f},
                {0x2028, 0x202f}, {0x205f, 0x206f},   {0x3000, 0x3000},    {0xd800, 0xf8ff}, {0xfeff, 0xfeff},
                {0xfff0, 0xffff}, {0x1fffe, 0x1ffff}, {0xe0000, 0x10ffff},
        };
        for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
                if (point >= hidden[i].first && point <= hidden[i].last)
                        return true;
        return false;
}

/* Bytes of the character of a local part that begins here; 0 if it may not be there. */
static size_t local_width(const char *text, size_t len)
{
        if ((unsigned char)text[0] < 0x80)
                return is_atext(text[0]);
        size_t width = utf8_width(text, len);
        return width && !is_hidden(code_point(text, width)) ? width : 0;
}

static bool local_valid(const char *text, size_t len)
{
        if (len == 0 || len > ADDRESS_LOCAL_MAX || text[0] == '.' || text[len - 1] == '.')
                return false;
        for (size_t i = 0, width; i < len; i += width) {
                width = text[i] == '.' ? text[i - 1] != '.' : local_width(text + i, len - i);
                if (width == 0)
                        return false;
        }
        return true;
}

static bool label_valid(const char *text, size_t len)
{
        if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!is_alphanumeric(text[i]) && text[i] != '-' && text[i] != '_')
                        return false;
        return true;
}

/* A last label of digits only is an IPv4 address without its brackets (RFC 3696 section 2). */
static bool all_digits(const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (!is_digit(text[i]))
                        return false;
        return true;
}

static bool address_name_valid(const char *text, size_t len)
{
        const char *label = text, *end = text + len;
        for (;;) {
                const char *dot = memchr(label, '.', (size_t)(end - label));
                size_t label_len = (size_t)((dot ? dot : end) - label);
                if (!label_valid(label, label_len))
                        return false;
                if (!dot)
                        return !all_digits(label, label_len);
                label = dot + 1;
        }
}

/* "[127.0.0.1]" or "[IPv6:::1]": not taken apart, only kept from breaking out. */
static bool literal_valid(const char *text, size_t len)
{
        if (len < 3 || text[len - 1] != ']')
                return false;
        for (size_t i = 1; i + 1 < len; i++)
                if (!is_alphanumeric(text[i]) && text[i] != '.' && text[i] != ':' && text[i] != '-')
                        return false;
        return true;
}

static bool domain_ascii_valid(const char *text, size_t len)
{
        return len > 0 && text[0] == '[' ? literal_valid(text, len) : address_name_valid(text, len);
}

/* The domain in A-labels, to be freed with idn2_free; NULL if IDNA has no name for it. The mapping of UTS #46
 * may make ASCII of other characters, so the caller judges what came out. */
static char *domain_to_ascii(struct slice domain)
{
        char text[DOMAIN_MAX + 1];
        char *ascii = NULL;
        if (domain.len > DOMAIN_MAX || !utf8_one_line(domain.data, domain.len))
                return NULL;
        memcpy(text, domain.data, domain.len);
        text[domain.len] = '\0';
        int status = idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
        if (status == IDN2_MALLOC)
                memory_out();
        return status == IDN2_OK ? ascii : NULL;
}

/* Bytes of the domain in A-labels, 0 if it is none. */
static size_t domain_len(struct slice domain)
{
        if (utf8_is_ascii(domain.data, domain.len))
                return domain_ascii_valid(domain.data, domain.len) ? domain.len : 0;
        char *ascii = domain_to_ascii(domain);
        size_t len = ascii ? strlen(ascii) : 0;
        if (len && !domain_ascii_valid(ascii, len))
                len = 0;
        idn2_free(ascii);
        return len;
}

bool address_valid(const char *text, size_t len)
{
        const char *at = text ? memchr(text, '@', len) : NULL;
        if (!at)
                return false;
        size_t local_len = (size_t)(at - text);
        if (!local_valid(text, local_len))
                return false;
        size_t domain = domain_len((struct slice){.data = at + 1, .len = len - local_len - 1});
        return domain > 0 && local_len + 1 + domain <= ADDRESS_MAX;
}

struct slice address_domain(struct slice address)
{
        const char *at = memchr(address.data, '@', address.len);
        return (struct slice){.data = at + 1, .len = address.len - (size_t)(at + 1 - address.data)};
}

const char *address_mistake(struct slice text, const char *otherwise)
{
        if (text.len == 0 || text.data[0] != '"' || !memmem(text.data, text.len, "\"@", 2))
                return otherwise;
        return "a local part in quotes is not taken: leave the quotes off, or use another address";
}

bool address_needs_utf8(struct slice address)
{
        size_t local_len = (size_t)((const char *)memchr(address.data, '@', address.len) - address.data);
        return !utf8_is_ascii(address.data, local_len);
}

void address_add(struct buffer *out, struct slice address)
{
        struct slice domain = address_domain(address);
        if (utf8_is_ascii(domain.data, domain.len)) {
                buffer_add_slice(out, address);
                return;
        }
        char *ascii = domain_to_ascii(domain);
        buffer_add(out, address.data, address.len - domain.len);
        buffer_add_text(out, ascii);
        idn2_free(ascii);
}
