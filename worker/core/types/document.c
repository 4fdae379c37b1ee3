#include "core/types/document.h"
#include "core/text/suggest.h"
#include "core/text/word.h"

#include <stdio.h>
#include <stdlib.h>

const struct document *document_get(const struct document *map, const char *key)
{
        if (!map || map->kind != DOCUMENT_MAP)
                return NULL;
        for (const struct document *each = map->first; each; each = each->next)
                if (strcmp(each->key, key) == 0)
                        return each;
        return NULL;
}

struct place_in_file document_place(const struct document *node)
{
        return (struct place_in_file){.file = node->file, .line = node->line, .column = node->column};
}

struct place_in_file document_key_place(const struct document *node)
{
        if (!node->key)
                return document_place(node);
        return (struct place_in_file){.file = node->file, .line = node->key_line, .column = node->key_column};
}

bool document_is_null(const struct document *node)
{
        if (!node)
                return true;
        return node->kind == DOCUMENT_TEXT && !node->quoted &&
               (!node->text[0] || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

const char *document_text(const struct document *node, const char *expected, struct file_faults *faults)
{
        if (node->kind == DOCUMENT_TEXT && !document_is_null(node))
                return node->text;
        file_faults_add(faults, document_place(node), "expected %s", expected);
        return NULL;
}

bool document_keys_known(const struct document *map, const char *const *keys, struct file_faults *faults)
{
        bool good = true;
        for (const struct document *each = map->first; each; each = each->next) {
                struct suggest suggest = {.word = each->key, .limit = suggest_limit(each->key)};
                bool known = false;
                for (const char *const *key = keys; *key && !known; key++) {
                        known = strcmp(*key, each->key) == 0;
                        suggest_offer(&suggest, *key);
                }
                if (known)
                        continue;
                good = false;
                file_faults_add(faults, document_key_place(each), "unknown key %.60s%s%s%s", each->key,
                                text_if(suggest.best, "; did you mean "), text_or(suggest.best, ""),
                                text_if(suggest.best, "?"));
        }
        return good;
}

static size_t digits(const char *text)
{
        return strspn(text, "0123456789");
}

/* [-+]?[0-9]+ and what a fraction and an exponent add to it (YAML 1.2.2, section 10.3.2). */
static bool looks_like_number(const char *text, bool *whole)
{
        text += *text == '-' || *text == '+';
        size_t before = digits(text), after = 0;
        text += before;
        *whole = *text == '\0' && before > 0;
        if (*text == '.') {
                after = digits(text + 1);
                text += 1 + after;
        }
        if (before + after == 0)
                return false;
        if (*text == 'e' || *text == 'E') {
                text++;
                text += *text == '-' || *text == '+';
                size_t exponent = digits(text);
                if (exponent == 0)
                        return false;
                text += exponent;
        }
        return *text == '\0';
}

/* Fifteen digits are exact for what people write; seventeen always read back the same. */
static void double_write(char text[40], double value)
{
        for (int digits = 15; digits <= 17; digits++) {
                snprintf(text, 40, "%.*g", digits, value);
                if (strtod(text, NULL) == value)
                        break;
        }
}

/* A number as it is written if JSON writes it so too, else in the JSON spelling of what YAML wrote; a text if
 * JSON has no such number. */
static json_t *number_json(const char *text, bool whole)
{
        char *end, spelled[40], cause[JSON_CAUSE_MAX];
        if (whole && strlen(text) <= 18)
                return json_integer(strtoll(text, &end, 10));
        json_t *number = json_parse(slice_of(text), cause);
        if (number)
                return number;
        double_write(spelled, strtod(text, &end));
        number = json_parse(slice_of(spelled), cause);
        return number ? number : json_string(text);
}

static json_t *scalar_json(const struct document *node)
{
        bool whole;
        if (document_is_null(node))
                return json_null();
        if (!node->quoted && strcmp(node->text, "true") == 0)
                return json_true();
        if (!node->quoted && strcmp(node->text, "false") == 0)
                return json_false();
        if (!node->quoted && looks_like_number(node->text, &whole))
                return number_json(node->text, whole);
        return json_string(node->text);
}

json_t *document_json(const struct document *node)
{
        if (node->kind == DOCUMENT_TEXT)
                return scalar_json(node);
        json_t *value = node->kind == DOCUMENT_LIST ? json_array() : json_object();
        for (const struct document *each = node->first; each; each = each->next) {
                if (node->kind == DOCUMENT_LIST)
                        json_array_append_new(value, document_json(each));
                else
                        json_object_set_new(value, each->key, document_json(each));
        }
        return value;
}
