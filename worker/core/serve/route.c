#include "core/serve/route.h"

#include "core/codec/percent.h"
#include "core/text/buffer.h"

#include <string.h>

#define PAGE                                                                                                 \
        {"limit", "at most so many, 1 to 1000; default 50"},                                                 \
        {                                                                                                    \
                "cursor", "`next` of the page before"                                                        \
        }

#define CHOICE                                                                                               \
        {"reason", "that died of this: bad_payload, attempts_exhausted, .."},                                \
                {"type", "of this message type"}, {"subject", "about this entity, as order/42"},             \
                {"since", "died since: so long ago, as 2h, or a time of RFC 3339"},                          \
        {                                                                                                    \
                "search", "with this in id, type, error, subject or the first 16 KiB of the body"            \
        }

/* Of redrive and drop: which letters. */
#define CHOICE_BODY                                                                                          \
        "\"ids\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,\"items\":{\"type\":\"string\"},"      \
        "\"description\":\"dead ids, or "                                                                    \
        "ids\"},\"all\":{\"type\":\"boolean\"},\"reason\":{\"type\":\"string\"},"                            \
        "\"type\":{\"type\":\"string\"},\"subject\":{\"type\":\"string\"},\"since\":{\"type\":\"string\"},"  \
        "\"search\":{\"type\":\"string\"},\"dry_run\":{\"type\":\"boolean\",\"description\":\"only says "    \
        "how many\"}"

/* clang-format off */
const struct serve_route serve_routes[] = {
        { SERVE_LIVE, SERVE_FOR_ALL, "GET", "/livez", .summary = "Does it answer?" },
        { SERVE_OPENAPI, SERVE_FOR_ANY, "GET", "/v1/openapi.json", .summary = "This description." },
        { SERVE_SESSION_BEGIN, SERVE_FOR_GUESTS, "POST", "/v1/session",
          .summary = "Logs in: a cookie that speaks for the token for 12 hours.",
          .body = "{\"type\":\"object\",\"required\":[\"token\"],\"additionalProperties\":false,"
                  "\"properties\":{\"token\":{\"type\":\"string\"}}}" },
        { SERVE_SESSION, SERVE_FOR_GUESTS, "GET", "/v1/session", .summary = "Whose token it is, and what it may; nobody's: null." },
        { SERVE_SESSION_END, SERVE_FOR_GUESTS, "DELETE", "/v1/session", .summary = "Logs out: takes the cookie back." },
        { SERVE_OVERVIEW, SERVE_FOR_READ, "GET", "/v1/overview",
          .summary = "All queues and workers in a few numbers, now and every 15 s of the last hour." },
        { SERVE_STREAM, SERVE_FOR_READ, "GET", "/v1/stream",
          .summary = "What changes, as server-sent events: overview, operation, job." },
        { SERVE_MESSAGES, SERVE_FOR_PUBLISH, "POST", "/v1/messages", .status = 202,
          .summary = "Publishes a message; answered when the broker has it.",
          .body = "{\"type\":\"object\",\"required\":[\"type\",\"data\"],\"additionalProperties\":false,\"properties\":{"
                  "\"type\":{\"type\":\"string\"},\"data\":{\"description\":\"the payload\"},"
                  "\"id\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._:/-]{1,200}$\"},"
                  "\"subject\":{\"type\":\"string\"},\"deadline\":{\"type\":\"string\",\"format\":\"date-time\"},"
                  "\"deliver_at\":{\"type\":\"string\",\"format\":\"date-time\"},"
                  "\"key\":{\"type\":\"string\",\"maxLength\":255}}}" },
        { SERVE_JOBS, SERVE_FOR_READ, "GET", "/v1/jobs", .list = true,
          .summary = "Jobs, the latest change first.",
          .query = {{"id", "the one with this id or dead id, if there is one; the other members are not looked at"},
                    {"subject", "about this entity, as order/42"},
                    {"state", "running, retrying, completed, dead, or stuck"},
                    {"type", "of this message type"},
                    {"since", "came into their state since: so long ago, as 2h, or a time of RFC 3339"}, PAGE} },
        { SERVE_JOB, SERVE_FOR_OWN, "GET", "/v1/jobs/{id}",
          .summary = "One job with its timeline; a dead id works too.",
          .query = {{"wait", "waits so long for its end, as 30s; at most 60s"}} },
        { SERVE_CANCEL, SERVE_FOR_OWN_CHANGE, "DELETE", "/v1/jobs/{id}",
          .summary = "Cancels a job that waits: scheduled, queued or retrying." },
        { SERVE_JOB_MAILS, SERVE_FOR_READ, "GET", "/v1/jobs/{id}/mails",
          .summary = "What it sends, planned anew from its payload, if that is kept (claim.keep_payload) or in its dead letter." },
        { SERVE_QUEUES, SERVE_FOR_READ, "GET", "/v1/queues", .list = true,
          .summary = "Work queues and leveret.unrouted: what waits, runs and died there." },
        { SERVE_PAUSE, SERVE_FOR_OPERATE, "POST", "/v1/queues/{queue}/pause",
          .summary = "All workers stop taking from the queue; what runs is finished." },
        { SERVE_RESUME, SERVE_FOR_OPERATE, "POST", "/v1/queues/{queue}/resume",
          .summary = "All workers go on." },
        { SERVE_DEAD, SERVE_FOR_READ, "GET", "/v1/dead/{queue}", .list = true,
          .summary = "Dead letters of a work queue or of leveret.unrouted, the oldest first.",
          .query = {CHOICE, PAGE} },
        { SERVE_DEAD_GROUPS, SERVE_FOR_READ, "GET", "/v1/dead/{queue}/groups", .list = true,
          .summary = "How many died of what, from whom, since when.", .query = {CHOICE} },
        { SERVE_DEAD_LETTER, SERVE_FOR_READ, "GET", "/v1/dead/{queue}/{dead-id}",
          .summary = "One dead letter with the timeline of its job and the head of its body." },
        { SERVE_REDRIVE, SERVE_FOR_OPERATE, "POST", "/v1/dead/{queue}/redrive", .status = 202,
          .summary = "Sends letters back to work, as an operation.",
          .body = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" CHOICE_BODY ","
                  "\"rate\":{\"type\":\"number\",\"minimum\":1,\"maximum\":100000,\"description\":\"letters a second\"},"
                  "\"expired\":{\"type\":\"boolean\",\"description\":\"those past their deadline, too\"},"
                  "\"to\":{\"type\":\"string\",\"description\":\"the work queue\"}}}" },
        { SERVE_DROP, SERVE_FOR_OPERATE, "POST", "/v1/dead/{queue}/drop", .status = 202,
          .summary = "Takes letters away, as an operation; they are kept for 7 days.",
          .body = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" CHOICE_BODY "}}" },
        { SERVE_EDIT, SERVE_FOR_OPERATE, "POST", "/v1/dead/{queue}/{dead-id}/redrive", .status = 202,
          .summary = "Sends one letter, mended, as a new job; an operation.",
          .body = "{\"type\":\"object\",\"additionalProperties\":false,\"minProperties\":1,\"properties\":{"
                  "\"data\":{\"description\":\"the new payload\"},\"body\":{\"type\":\"string\",\"description\":\"the new body as it is, in place of data\"},"
                  "\"type\":{\"type\":\"string\"},\"id\":{\"type\":\"string\"},"
                  "\"headers\":{\"type\":\"object\",\"description\":\"those that change; null takes one away\"}}}" },
        { SERVE_OPERATION_LIST, SERVE_FOR_READ, "GET", "/v1/operations", .list = true,
          .summary = "Operations of the last 7 days, the latest first.",
          .query = {{"limit", "at most so many, 1 to 1000; default 50"}} },
        { SERVE_OPERATION, SERVE_FOR_READ, "GET", "/v1/operations/{id}", .summary = "How far an operation is." },
        { SERVE_STOP, SERVE_FOR_OPERATE, "POST", "/v1/operations/{id}/stop",
          .summary = "Ends an operation; what it did not reach stays as it is." },
        { SERVE_RESTORE, SERVE_FOR_OPERATE, "POST", "/v1/operations/{id}/restore", .status = 202,
          .summary = "Brings back the letters that an operation dropped, as another one." },
        { SERVE_DEAD_MAILS, SERVE_FOR_READ, "GET", "/v1/dead/{queue}/{dead-id}/mails",
          .summary = "What it would send." },
        { SERVE_DEAD_MESSAGE, SERVE_FOR_READ, "GET", "/v1/dead/{queue}/{dead-id}/message",
          .summary = "All of the letter, with its headers, taken out of the queue for a moment." },
        { SERVE_AUDIT, SERVE_FOR_READ, "GET", "/v1/audit", .list = true,
          .summary = "What was changed over HTTP, by whom, the latest first.",
          .query = {{"limit", "at most so many, 1 to 1000; default 50"}} },
        { SERVE_WORKERS, SERVE_FOR_READ, "GET", "/v1/workers", .list = true,
          .summary = "The workers that run now, as they tell of themselves." },
        { SERVE_OUTLETS, SERVE_FOR_READ, "GET", "/v1/outlets", .list = true,
          .summary = "The outlets of this configuration, each with the worst state of its breaker over the workers." },
        { SERVE_SCHEDULES, SERVE_FOR_READ, "GET", "/v1/schedules", .list = true,
          .summary = "The schedules of this configuration: their next ticks, and what became of the last." },
        { SERVE_TYPES, SERVE_FOR_ANY, "GET", "/v1/types", .list = true,
          .summary = "The message types that have a handler." },
        { SERVE_TYPE, SERVE_FOR_ANY, "GET", "/v1/types/{type}",
          .summary = "One type with the schema of its payload." },
        { SERVE_TYPE_SCHEMA, SERVE_FOR_ANY, "GET", "/v1/types/{type}/schema",
          .summary = "Its payload as JSON Schema." },
        { SERVE_TYPE_PLAN, SERVE_FOR_READ, "POST", "/v1/types/{type}/plan",
          .summary = "What its handler would do with a payload. Sends nothing.",
          .body = "{\"type\":\"object\",\"required\":[\"data\"],\"additionalProperties\":false,"
                  "\"properties\":{\"data\":{\"description\":\"the payload\"},\"locale\":{\"type\":\"string\","
                  "\"description\":\"in place of the language that a type from a file chooses\"}}}" },
        { 0 },
};
/* clang-format on */

/* Does the path have the pattern's form? */
static bool path_fits(struct arena *arena, const char *pattern, const char *path, struct serve_match *match)
{
        size_t words = 0;
        while (*pattern == '/' && *path == '/') {
                size_t pattern_len = strcspn(++pattern, "/"), len = strcspn(++path, "/");
                bool word = *pattern == '{';
                if (word && words < SERVE_WORDS_MAX)
                        match->words[words] =
                                len ? percent_decode(arena, (struct slice){.data = path, .len = len}, false)
                                    : NULL;
                if (word ? !match->words[words++] : len != pattern_len || strncmp(path, pattern, len) != 0)
                        return false;
                pattern += pattern_len;
                path += len;
        }
        return !*pattern && !*path;
}

static bool method_fits(const struct serve_route *route, const char *method)
{
        return strcmp(route->method, method) == 0 ||
               (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

struct serve_match serve_route_match(struct arena *arena, const char *method, const char *path)
{
        struct buffer allow = {0};
        for (size_t i = 0; serve_routes[i].method; i++) {
                const struct serve_route *route = &serve_routes[i];
                struct serve_match match = {.route = route};
                if (!path_fits(arena, route->path, path, &match))
                        continue;
                if (method_fits(route, method)) {
                        buffer_fini(&allow);
                        return match;
                }
                buffer_printf(&allow, "%s%s", allow.len ? ", " : "", route->method);
        }
        struct serve_match none = {.allow = allow.len ? arena_copy(arena, allow.data, allow.len) : NULL};
        buffer_fini(&allow);
        return none;
}

bool serve_may(enum serve_role role, enum serve_access access)
{
        switch (access) {
        case SERVE_FOR_ALL:
        case SERVE_FOR_GUESTS:
        case SERVE_FOR_ANY:
        case SERVE_FOR_OWN:
                return true;
        case SERVE_FOR_READ:
                return role != SERVE_PUBLISH;
        case SERVE_FOR_PUBLISH:
        case SERVE_FOR_OWN_CHANGE:
                return role != SERVE_READ;
        case SERVE_FOR_OPERATE:
                return role == SERVE_OPERATE;
        }
        return false;
}
