#ifndef LEVERET_CORE_WORD_H
#define LEVERET_CORE_WORD_H

#include <stdbool.h>
#include <stddef.h>

/* Small words for printing. Nothing is allocated: what is returned lives as long as the arguments. */

/* `text`, or `otherwise` if that is NULL. */
static inline const char *text_or(const char *text, const char *otherwise)
{
        return text ? text : otherwise;
}

/* `text` if `wanted`, else "": a part of a sentence that is there or not. */
static inline const char *text_if(bool wanted, const char *text)
{
        return wanted ? text : "";
}

/* As JSON and Prometheus spell it (RFC 8259 section 3). */
static inline const char *bool_word(bool value)
{
        return value ? "true" : "false";
}

/* One of 0 to 9, whatever the locale. */
static inline bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

#endif
