#include "core/text/address.h"

#include <string.h>

enum { LABEL_MAX = 63 }; /* RFC 1035 section 2.3.4 */

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

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

static bool local_valid(const char *text, size_t len)
{
        if (len == 0 || len > ADDRESS_LOCAL_MAX || text[0] == '.' || text[len - 1] == '.')
                return false;
        for (size_t i = 0; i < len; i++) {
                if (text[i] == '.' ? text[i - 1] == '.' : !is_atext(text[i]))
                        return false;
        }
        return true;
}

static bool label_valid(const char *text, size_t len)
{
        if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!is_alphanumeric(text[i]) && text[i] != '-')
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

static bool domain_valid(const char *text, size_t len)
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

bool address_valid(const char *text, size_t len)
{
        if (len == 0 || len > ADDRESS_MAX)
                return false;
        const char *at = memchr(text, '@', len);
        if (!at)
                return false;
        size_t local_len = (size_t)(at - text);
        return local_valid(text, local_len) && domain_valid(at + 1, len - local_len - 1);
}
