#include "core/serve/problem.h"

#include <string.h>

const char problem_content_type[] = "application/problem+json";

const char *problem_title(int status)
{
        static const struct {
                int status;
                const char *title;
        } titles[] = {
                {400, "Bad Request"},       {401, "Unauthorized"},           {403, "Forbidden"},
                {404, "Not Found"},         {405, "Method Not Allowed"},     {409, "Conflict"},
                {413, "Content Too Large"}, {415, "Unsupported Media Type"}, {421, "Misdirected Request"},
                {429, "Too Many Requests"}, {500, "Internal Server Error"},  {503, "Service Unavailable"},
        };
        for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
                if (titles[i].status == status)
                        return titles[i].title;
        return "Error";
}

static void problem_add_head(struct buffer *out, int status, const char *detail)
{
        buffer_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d", problem_title(status),
                      status);
        if (!detail)
                return;
        buffer_add_text(out, ",\"detail\":");
        buffer_add_json_string(out, slice_of(detail));
}

void problem_add(struct buffer *out, int status, const char *detail)
{
        problem_add_head(out, status, detail);
        buffer_add_char(out, '}');
}

static void add_fault(struct buffer *out, const char *root, const char *text)
{
        const char *colon = text[0] == '/' ? strstr(text, ": ") : NULL;
        struct buffer pointer = {0};
        buffer_add_text(&pointer, root);
        if (colon)
                buffer_add(&pointer, text, (size_t)(colon - text));
        buffer_add_text(out, "{\"pointer\":");
        buffer_add_json_string(out, (struct slice){.data = pointer.data, .len = pointer.len});
        buffer_add_text(out, ",\"detail\":");
        buffer_add_json_string(out, slice_of(colon ? colon + 2 : text));
        buffer_add_char(out, '}');
        buffer_fini(&pointer);
}

void problem_add_faults(struct buffer *out, int status, const char *detail, const char *root,
                        const struct faults *faults)
{
        problem_add_head(out, status, detail);
        buffer_add_text(out, ",\"errors\":[");
        for (const struct fault *fault = faults->first; fault; fault = fault->next) {
                add_fault(out, root, fault->text);
                buffer_add_text(out, fault->next ? "," : "");
        }
        buffer_add_text(out, "]}");
}
