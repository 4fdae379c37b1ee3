#include "core/mail/mail_headers.h"
#include "core/text/word.h"

#include <string.h>
#include <strings.h>

struct headers_walk {
        mail_header_use *use;
        void *context;
};

static void pieces_use(struct headers_walk *walk, const char *name, const char *const *pieces)
{
        struct buffer value = {0};
        if (!pieces || !pieces[0])
                return;
        for (size_t i = 0; pieces[i]; i++)
                buffer_printf(&value, "%s%s", text_if(i > 0, " "), pieces[i]);
        walk->use(walk->context, &(struct mail_header){.name = name, .value = value.data, .pieces = pieces});
        buffer_fini(&value);
}

static void value_use(struct headers_walk *walk, const char *name, const char *value)
{
        walk->use(walk->context, &(struct mail_header){.name = name, .value = value});
}

/* A mail program takes the leftmost way that it knows (RFC 2369 section 2). */
static void unsubscribe_use(struct headers_walk *walk, const struct list_unsubscribe *list)
{
        struct buffer mailto = {0}, url = {0};
        const char *pieces[3] = {0};
        size_t count = 0;
        if (list->mailto) {
                bool bare = strncmp(list->mailto, "mailto:", 7) != 0;
                buffer_printf(&mailto, "<%s%s>%s", text_if(bare, "mailto:"), list->mailto,
                              text_if(list->url, ","));
                pieces[count++] = mailto.data;
        }
        if (list->url) {
                buffer_printf(&url, "<%s>", list->url);
                pieces[count++] = url.data;
        }
        pieces_use(walk, "List-Unsubscribe", pieces);
        if (list->one_click)
                value_use(walk, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
        buffer_fini(&mailto);
        buffer_fini(&url);
}

void mail_headers_each(const struct mail *mail, mail_header_use *use, void *context)
{
        struct headers_walk walk = {.use = use, .context = context};
        pieces_use(&walk, "In-Reply-To", (const char *const[]){mail->in_reply_to, NULL});
        pieces_use(&walk, "References", mail->references);
        unsubscribe_use(&walk, &mail->list_unsubscribe);
        for (const struct pair *header = mail->headers; header && header->name; header++)
                value_use(&walk, header->name, header->value);
}

bool mail_has_header(const struct mail *mail, const char *name)
{
        for (const struct pair *header = mail->headers; header && header->name; header++)
                if (strcasecmp(header->name, name) == 0)
                        return true;
        return false;
}
