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
