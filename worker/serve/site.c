#include "serve/site.h"

#include <string.h>

struct site_file {
        const char *path, *content_type, *tag; /* the tag in quotes, as in the header ETag */
        const unsigned char *data;
        size_t len;
};

#include "site_files.h" /* site_files[], ended by a row without a path */

/* Nothing from elsewhere, and no code or style within the text of the page. */
static const char page_policy[] =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'";
/* The frame that shows the html of mails: their styles count; it runs nothing and loads nothing, and the page
 * has it in a sandbox without scripts. */
static const char frame_policy[] =
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'";

static const struct site_file *site_find(const char *path)
{
        const char *name = strcmp(path, "/") == 0 ? "/index.html" : path;
        for (const struct site_file *file = site_files; file->path; file++)
                if (strcmp(file->path, name) == 0)
                        return file;
        return NULL;
}

bool site_answer(const struct http_request *request, struct http_answer *answer)
{
        const struct site_file *file = site_find(http_request_path(request));
        const char *known = http_request_header(request, "If-None-Match");
        if (!file)
                return false;
        bool unchanged = known && strstr(known, file->tag);
        answer->status = unchanged ? 304 : 200;
        answer->content_type = file->content_type;
        answer->may_be_kept = true;
        answer->lasting = (struct slice){.data = (const char *)file->data, .len = unchanged ? 0 : file->len};
        http_answer_header(answer, "ETag", file->tag);
        http_answer_header(answer, "Content-Security-Policy",
                           strcmp(file->path, "/frame.html") == 0 ? frame_policy : page_policy);
        http_answer_header(answer, "Referrer-Policy", "no-referrer");
        http_answer_header(answer, "Cross-Origin-Opener-Policy", "same-origin");
        http_answer_header(answer, "Cross-Origin-Resource-Policy", "same-origin");
        return true;
}
