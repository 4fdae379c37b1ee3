#include "world.h"

#include "io/log/log.h"

#include <stdio.h>
#include <string.h>

/*
 * What wakes people: whoever does not read the log is told of the same by the webhook, at once or as soon as
 * the interval allows. The webhook refuses every third post; what stood in it is told with a later one.
 */

enum { LOOK_SLACK_MS = 3000 };

/* As the log has it, and as the digest may say it. */
static const struct {
        const char *event, *kinds[2];
        bool many; /* troubles of one kind, each with an interval of its own, not all of them followed */
} owed_words[ALERTS_COUNT] = {
        {"schedule_late", {"schedule_late"}},
        {"queue_lost", {"queue_lost"}},
        {"planner_down", {"planner_down"}},
        {"events_held", {"events_held"}},
        {"kept_unacknowledged", {"kept_unacknowledged"}},
        {"job_end", {"dead"}, .many = true},
        {"breaker_open", {"breaker_open", "mail_refused"}, .many = true},
};

/* Who opens again after a probe is told of in the log alone. The lanes of a post outlet share its name. */
static bool is_new_outage(struct process *process, const struct log_fields *fields)
{
        for (uint32_t i = 0; i < world.mail_count; i++) {
                uint32_t bit = 1u << i;
                if (strcmp(config_outlet_at(&process->config, i)->name, fields->outlet) != 0)
                        continue;
                bool fresh = !(process->owed.shut & bit);
                process->owed.shut |= bit;
                return fresh;
        }
        return false;
}

static void outage_over(struct process *process, const char *outlet)
{
        for (uint32_t i = 0; i < world.mail_count; i++)
                if (strcmp(config_outlet_at(&process->config, i)->name, outlet) == 0)
                        process->owed.shut &= ~(1u << i);
}

void alerts_owe(struct process *process, const struct log_fields *fields)
{
        if (strcmp(fields->event, "breaker_closed") == 0)
                outage_over(process, fields->outlet);
        for (int i = 0; i < ALERTS_COUNT; i++) {
                if (strcmp(fields->event, owed_words[i].event) != 0)
                        continue;
                bool owes = true;
                if (strcmp(fields->event, "job_end") == 0)
                        owes = strcmp(fields->outcome, "dead") == 0;
                else if (strcmp(fields->event, "breaker_open") == 0)
                        owes = is_new_outage(process, fields);
                if (owes && process->owed.since_ms[i] == 0)
                        process->owed.since_ms[i] = loop_clock_ms;
        }
}

static bool says(const char *digest, const char *kind)
{
        char member[64];
        snprintf(member, sizeof member, "\"kind\":\"%s\"", kind ? kind : "none");
        return strstr(digest, member) != NULL;
}

bool alerts_post(struct process *process, const char *digest)
{
        struct alerts_owed *owed = &process->owed;
        bool heard = ++owed->posts % 3 != 0;
        NOTE("w%d posts an alert%s: %s", process_number(process), heard ? "" : " in vain", digest);
        for (int i = 0; i < ALERTS_COUNT; i++) {
                if (!says(digest, owed_words[i].kinds[0]) && !says(digest, owed_words[i].kinds[1]))
                        continue;
                if (owed->since_ms[i] == 0 && !owed_words[i].many)
                        world_fail("alert", "w%d tells of %s, which its log does not have",
                                   process_number(process), owed_words[i].event);
                owed->posted_ms[i] = loop_clock_ms;
                if (heard)
                        owed->since_ms[i] = 0;
        }
        return heard;
}

bool alerts_are_late(const struct process *process)
{
        const struct alerts_owed *owed = &process->owed;
        for (int i = 0; i < ALERTS_COUNT; i++) {
                int64_t from_ms = owed->since_ms[i];
                if (from_ms && owed->posted_ms[i] &&
                    owed->posted_ms[i] + process->config.alerts.interval_ms > from_ms)
                        from_ms = owed->posted_ms[i] + process->config.alerts.interval_ms;
                if (from_ms && loop_clock_ms > from_ms + LOOK_SLACK_MS)
                        return true;
        }
        return false;
}
