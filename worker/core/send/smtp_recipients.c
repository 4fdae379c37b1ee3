#include "core/send/smtp_recipients.h"
#include "core/address/mailbox.h"
#include "core/send/send_error.h"

#include <string.h>

static const char COMMAND[] = "RCPT TO:<", END[] = ">\r\n";

static struct slice address_of(const struct smtp_recipients *recipients, size_t i)
{
        size_t around = sizeof COMMAND - 1 + sizeof END - 1;
        return (struct slice){.data = recipients->commands.data + recipients->command[i].start +
                                      sizeof COMMAND - 1,
                              .len = recipients->command[i].len - around};
}

static bool smtp_recipients_is_known(const struct smtp_recipients *recipients, struct slice address)
{
        for (size_t i = 0; i < recipients->count; i++)
                if (slice_equal(address_of(recipients, i), address))
                        return true;
        return false;
}

static void recipients_take(struct smtp_recipients *recipients, const char *list)
{
        struct mailbox mailbox;
        while (mailbox_take(&list, &mailbox)) {
                size_t i = recipients->count, start = recipients->commands.len;
                if (smtp_recipients_is_known(recipients, mailbox.address) || i == MAIL_RECIPIENTS_SENT_MAX)
                        continue;
                buffer_printf(&recipients->commands, "%s%.*s%s", COMMAND, SLICE_PRINT(mailbox.address), END);
                recipients->command[i].start = start;
                recipients->command[i].len = recipients->commands.len - start;
                recipients->count++;
        }
}

void smtp_recipients_begin(struct smtp_recipients *recipients, const struct mail_request *request)
{
        struct buffer commands = recipients->commands;
        buffer_clear(&commands);
        *recipients = (struct smtp_recipients){.commands = commands, .last_try = request->last_try};
        recipients_take(recipients, request->mail.to);
        recipients_take(recipients, request->mail.cc);
        recipients_take(recipients, request->mail.bcc);
}

void smtp_recipients_fini(struct smtp_recipients *recipients)
{
        buffer_fini(&recipients->commands);
}

struct slice smtp_recipients_command(const struct smtp_recipients *recipients)
{
        size_t i = recipients->answered;
        return (struct slice){.data = recipients->commands.data + recipients->command[i].start,
                              .len = recipients->command[i].len};
}

struct slice smtp_recipients_commands(const struct smtp_recipients *recipients)
{
        return (struct slice){.data = recipients->commands.data, .len = recipients->commands.len};
}

/* All have been answered. */
static enum smtp_recipients_step smtp_recipients_judge(const struct smtp_recipients *recipients)
{
        bool go = recipients->taken > 0 && (!recipients->for_now || recipients->last_try);
        return go ? SMTP_RECIPIENTS_GO : SMTP_RECIPIENTS_REFUSED;
}

enum smtp_recipients_step smtp_recipients_reply(struct smtp_recipients *recipients,
                                                const struct smtp_reply *reply)
{
        struct slice address = address_of(recipients, recipients->answered++);
        if (reply->code / 100 == 2) {
                recipients->taken++;
        } else {
                struct send_result result = send_outcome_smtp(SMTP_RCPT, reply);
                bool for_good = result.outcome == SEND_PERMANENT;
                if (!recipients->for_now && (!for_good || !recipients->for_good))
                        recipients->refusal = result;
                recipients->for_now |= !for_good;
                recipients->for_good |= for_good;
                recipients->refused_count++;
                send_refused_add(recipients->refused, address, result.error);
        }
        if (reply->code == 421) /* it is about to close: what is not answered yet never will be */
                return SMTP_RECIPIENTS_REFUSED;
        return recipients->answered < recipients->count ? SMTP_RECIPIENTS_WAIT
                                                        : smtp_recipients_judge(recipients);
}
