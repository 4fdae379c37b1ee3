#include "core/send/mail_json.h"

struct scan {
        const char *at, *end;
};

static bool space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_spaces(struct scan *scan)
{
        while (scan->at < scan->end && space(*scan->at))
                scan->at++;
}

/* Takes the string that starts here, without its quotes; false if it does not end. */
static bool string_take(struct scan *scan, struct slice *text)
{
        const char *start = ++scan->at;
        while (scan->at < scan->end && *scan->at != '"')
                scan->at += *scan->at == '\\' && scan->end - scan->at > 1 ? 2 : 1;
        if (scan->at >= scan->end)
                return false;
        *text = (struct slice){.data = start, .len = (size_t)(scan->at - start)};
        scan->at++;
        return true;
}

bool mail_json_find(struct slice json, const char *member, struct slice *value)
{
        if (!json.data)
                return false;
        struct scan scan = {.at = json.data, .end = json.data + json.len};
        size_t depth = 0;
        while (scan.at < scan.end) {
                struct slice name;
                char c = *scan.at;
                if (c != '"') {
                        depth += c == '{' || c == '[';
                        depth -= (c == '}' || c == ']') && depth > 0;
                        scan.at++;
                        continue;
                }
                if (!string_take(&scan, &name))
                        return false;
                skip_spaces(&scan);
                if (depth != 1 || scan.at >= scan.end || *scan.at != ':')
                        continue;
                scan.at++;
                skip_spaces(&scan);
                if (slice_is(name, member))
                        return scan.at < scan.end && *scan.at == '"' && string_take(&scan, value);
        }
        return false;
}

/* ---- paths ---- */

/* Passes over the value that starts here; false if it does not end. */
static bool value_skip(struct scan *scan)
{
        size_t depth = 0;
        struct slice text;
        do {
                skip_spaces(scan);
                if (scan->at >= scan->end)
                        return false;
                char c = *scan->at;
                if (c == '"') {
                        if (!string_take(scan, &text))
                                return false;
                        continue;
                }
                depth += c == '{' || c == '[';
                depth -= (c == '}' || c == ']') && depth > 0;
                scan->at++;
                while (!strchr("{}[]\",: \t\r\n", c) && scan->at < scan->end &&
                       !strchr("{}[]\",: \t\r\n", *scan->at))
                        scan->at++;
        } while (depth > 0);
        return true;
}

/* Goes to the value of that member of the object that starts here. */
static bool member_enter(struct scan *scan, struct slice member)
{
        struct slice name;
        for (scan->at++;; scan->at++) {
                skip_spaces(scan);
                if (scan->at >= scan->end || *scan->at != '"' || !string_take(scan, &name))
                        return false;
                skip_spaces(scan);
                if (scan->at >= scan->end || *scan->at++ != ':')
                        return false;
                skip_spaces(scan);
                if (slice_equal(name, member))
                        return scan->at < scan->end;
                if (!value_skip(scan))
                        return false;
                skip_spaces(scan);
                if (scan->at >= scan->end || *scan->at != ',')
                        return false;
        }
}

/* Goes to that element of the array that starts here; its number has at most three digits. */
static bool element_enter(struct scan *scan, struct slice place)
{
        int number = 0;
        for (size_t i = 0; i < place.len; i++) {
                if (place.data[i] < '0' || place.data[i] > '9' || i == 3)
                        return false;
                number = 10 * number + (place.data[i] - '0');
        }
        if (place.len == 0)
                return false;
        scan->at++;
        for (int left = number; left > 0; left--) {
                if (!value_skip(scan))
                        return false;
                skip_spaces(scan);
                if (scan->at >= scan->end || *scan->at++ != ',')
                        return false;
        }
        skip_spaces(scan);
        return scan->at < scan->end && *scan->at != ']';
}

bool mail_json_path(struct slice json, const char *path, struct slice *value)
{
        if (!json.data)
                return false;
        struct scan scan = {.at = json.data, .end = json.data + json.len};
        skip_spaces(&scan);
        while (path) {
                const char *slash = strchr(path, '/');
                struct slice part = {.data = path, .len = slash ? (size_t)(slash - path) : strlen(path)};
                bool object = scan.at < scan.end && *scan.at == '{',
                     array = scan.at < scan.end && *scan.at == '[';
                if (!(object && member_enter(&scan, part)) && !(array && element_enter(&scan, part)))
                        return false;
                path = slash ? slash + 1 : NULL;
        }
        if (*scan.at == '"')
                return string_take(&scan, value);
        const char *start = scan.at;
        while (scan.at < scan.end &&
               ((*scan.at >= '0' && *scan.at <= '9') || *scan.at == '-' || *scan.at == '.'))
                scan.at++;
        *value = (struct slice){.data = start, .len = (size_t)(scan.at - start)};
        return value->len > 0;
}
