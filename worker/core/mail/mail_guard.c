#include "core/mail/mail_guard.h"
#include "core/address/mailbox.h"
#include "core/address/mask.h"

#include <strings.h>

enum { TOLD_MAX = 800 /* bytes of X-Leveret-To, so that a line that cannot be folded is short enough */ };

/* ---- lists ---- */

static bool is_same(struct slice one, struct slice other)
{
        return one.len == other.len && strncasecmp(one.data, other.data, one.len) == 0;
}

/* The entry with its domain in A-labels is what is looked for. */
static bool entry_holds(const char *entry, struct slice address)
{
        struct buffer plain = {0};
        bool domain = entry[0] == '@';
        buffer_add_text(&plain, domain ? "x" : "");
        buffer_add_text(&plain, entry);
        struct buffer written = {0};
        address_add(&written, (struct slice){.data = plain.data, .len = plain.len});
        struct slice wanted = {.data = written.data, .len = written.len};
        bool holds =
                domain ? is_same(address_domain(wanted), address_domain(address)) : is_same(wanted, address);
        buffer_fini(&written);
        buffer_fini(&plain);
        return holds;
}

bool mail_guard_lists(const struct config_texts *list, struct slice address)
{
        struct buffer written = {0};
        bool listed = false;
        address_add(&written, address);
        struct slice plain = {.data = written.data, .len = written.len};
        for (size_t i = 0; i < list->count && !listed; i++)
                listed = entry_holds(list->list[i], plain);
        buffer_fini(&written);
        return listed;
}

static bool all_listed(const struct config_texts *list, const char *mailboxes)
{
        struct mailbox mailbox;
        while (mailbox_take(&mailboxes, &mailbox))
                if (!mail_guard_lists(list, mailbox.address))
                        return false;
        return true;
}

/* ---- what is refused ---- */

static bool is_own(const char *own, const char *from)
{
        struct mailbox ours, theirs;
        struct buffer written = {0};
        if (!own || mailbox_parse(&ours, own) || mailbox_parse(&theirs, from))
                return false;
        address_add(&written, ours.address);
        bool same = is_same((struct slice){.data = written.data, .len = written.len}, theirs.address);
        buffer_fini(&written);
        return same;
}

const char *mail_guard_refusal(const struct config_guard *guard, const struct mail *mail, const char *own)
{
        if (mail->from && !is_own(own, mail->from) && !all_listed(&guard->from_allowed, mail->from))
                return "/from: not in mail.from_allowed";
        if (guard->redirect_to || guard->allow_to.count == 0)
                return NULL;
        if (!all_listed(&guard->allow_to, mail->to))
                return "/to: not in mail.allow_to";
        if (!all_listed(&guard->allow_to, mail->cc))
                return "/cc: not in mail.allow_to";
        return all_listed(&guard->allow_to, mail->bcc) ? NULL : "/bcc: not in mail.allow_to";
}

/* ---- what is changed ---- */

static size_t guard_count(const char *list)
{
        struct mailbox mailbox;
        size_t count = 0;
        while (mailbox_take(&list, &mailbox))
                count++;
        return count;
}

/* Adds as many as there is room for. */
static size_t addresses_add(struct buffer *out, const char *list)
{
        struct mailbox mailbox;
        size_t added = 0;
        while (mailbox_take(&list, &mailbox) && out->len + mailbox.address.len < TOLD_MAX) {
                buffer_add_text(out, out->len ? " " : "");
                buffer_add_slice(out, mailbox.address);
                added++;
        }
        return added;
}

static const char *true_recipients(struct arena *arena, const struct mail *mail)
{
        const char *const lists[] = {mail->to, mail->cc, mail->bcc};
        struct buffer text = {0};
        size_t left = 0;
        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
                left += guard_count(lists[i]) - addresses_add(&text, lists[i]);
        if (left)
                buffer_printf(&text, " and %zu more", left);
        const char *copy = arena_copy(arena, text.data, text.len);
        buffer_fini(&text);
        return copy;
}

static const char *guard_address_copy(struct arena *arena, const char *address)
{
        struct buffer text = {0};
        address_add(&text, slice_of(address));
        const char *copy = arena_copy(arena, text.data, text.len);
        buffer_fini(&text);
        return copy;
}

const char *mail_guard_apply(const struct config_guard *guard, struct arena *arena, struct mail *mail)
{
        if (guard->redirect_to) {
                const char *told = true_recipients(arena, mail);
                mail->to = guard_address_copy(arena, guard->redirect_to);
                mail->cc = mail->bcc = NULL;
                return told;
        }
        if (guard->bcc_all) {
                const char *copy = guard_address_copy(arena, guard->bcc_all);
                mail->bcc = mail->bcc ? arena_printf(arena, "%s, %s", mail->bcc, copy) : copy;
        }
        return NULL;
}

static const char *masked(const char *entry, char *out, size_t size)
{
        if (entry[0] == '@')
                return entry;
        mask_text(out, size, slice_of(entry), (struct mask){0});
        return out;
}

void mail_guard_tell(const struct config_guard *guard, struct buffer *out)
{
        char shown[ADDRESS_MAX + 1];
        if (guard->redirect_to) {
                buffer_printf(out, "every mail goes to %s alone (mail.redirect_to)",
                              masked(guard->redirect_to, shown, sizeof(shown)));
                return;
        }
        if (guard->allow_to.count)
                buffer_printf(out, "mails go to nobody but %s%s (mail.allow_to)",
                              masked(guard->allow_to.list[0], shown, sizeof(shown)),
                              guard->allow_to.count > 1 ? " and others that are listed" : "");
        if (guard->bcc_all)
                buffer_printf(out, "%sa copy of every mail goes to %s (mail.bcc_all)",
                              guard->allow_to.count ? "; " : "",
                              masked(guard->bcc_all, shown, sizeof(shown)));
}
