#include "core/message/envelope_times.h"

#include "core/broker/ladder.h"
#include "core/codec/rfc3339.h"

void envelope_check_deadline(struct arena *arena, const struct message *message, struct envelope *envelope)
{
        const struct header *header = message_header(message, "deadline");
        if (!header || header->tag == HEADER_VOID)
                return;
        envelope->has_deadline = true;
        if (header->tag == HEADER_TIMESTAMP && header->unsigned_ <= RFC3339_MAX_MS / 1000)
                envelope->deadline_ms = (int64_t)header->unsigned_ * 1000;
        else if (!rfc3339_parse(message_header_text(message, "deadline"), &envelope->deadline_ms))
                envelope->has_deadline = false;
        /* Not ignored: a mail that is late may be worse than none. */
        if (!envelope->has_deadline)
                envelope_refuse(arena, envelope, REASON_BAD_PAYLOAD,
                                "header deadline: expected a time of RFC 3339, as in 2030-01-31T12:00:00Z");
}

/* Not ignored: what comes too early may be as bad as what comes too late. */
void envelope_check_deliver_at(struct arena *arena, const struct message *message,
                               const struct attribute_value *value, struct envelope *envelope)
{
        const struct header *header = message_header(message, "deliver-at");
        bool is_header = value->place && strcmp(value->place, "header deliver-at") == 0;
        if (is_header && header && header->tag == HEADER_TIMESTAMP &&
            header->unsigned_ <= RFC3339_MAX_MS / 1000)
                envelope->deliver_at_ms = (int64_t)header->unsigned_ * 1000;
        else if (is_header && (!header || header->tag == HEADER_VOID))
                return;
        else if (!rfc3339_parse(value->text, &envelope->deliver_at_ms))
                envelope_refuse(arena, envelope, REASON_BAD_PAYLOAD,
                                "%s: expected a time of RFC 3339, as in 2030-01-31T12:00:00Z", value->place);
        if (envelope->deliver_at_ms > 0 && envelope->has_deadline &&
            envelope->deadline_ms <= envelope->deliver_at_ms)
                envelope_refuse(arena, envelope, REASON_BAD_PAYLOAD, "header deadline: it is not after %s",
                                value->place);
}

bool envelope_too_far(const struct envelope *envelope, int64_t now_ms)
{
        return envelope->deliver_at_ms > now_ms + LADDER_MAX_MS;
}

bool envelope_time_plausible(int64_t time_ms, int64_t seen_ms)
{
        const int64_t year_2000_ms = 946684800000, day_ms = 86400000; /* a day: no zone is off by more */
        return time_ms >= year_2000_ms && time_ms <= seen_ms + day_ms;
}

int64_t envelope_since_ms(const struct envelope *envelope, int64_t seen_ms)
{
        int64_t since_ms = envelope->has_timestamp ? envelope->timestamp_s * 1000 : 0;
        since_ms = envelope_time_plausible(since_ms, seen_ms) ? since_ms : 0;
        return envelope->deliver_at_ms > since_ms ? envelope->deliver_at_ms : since_ms;
}

bool envelope_expired(const struct envelope *envelope, int64_t now_ms)
{
        return envelope->has_deadline && now_ms > envelope->deadline_ms;
}
