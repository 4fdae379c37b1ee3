/* tests/data/answers.yaml, all of it: what mail services really answer, and what becomes of the mail. */
#include "core/job/breaker.h"
#include "core/send/mail_json.h"
#include "core/send/mail_preset.h"
#include "core/send/send_error.h"
#include "core/send/smtp_dialogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include <cmocka.h>

enum { FAILURES = 5, ANSWERS_MIN = 120, VALUE_MAX = 600, FIELDS_MAX = 12 };

struct answer {
        size_t line, fields;
        char names[FIELDS_MAX][16], values[FIELDS_MAX][VALUE_MAX];
};

/* "" if the answer has none. */
static const char *field(const struct answer *answer, const char *name)
{
        for (size_t i = 0; i < answer->fields; i++)
                if (strcmp(answer->names[i], name) == 0)
                        return answer->values[i];
        return "";
}

static bool has(const struct answer *answer, const char *name, const char *value)
{
        return strcmp(field(answer, name), value) == 0;
}

static enum smtp_phase phase_of(const struct answer *answer)
{
        static const char *const words[] = {"connect", "EHLO", "STARTTLS", "AUTH",
                                            "MAIL",    "RCPT", "DATA",     "dot"};
        for (int phase = SMTP_CONNECT; phase <= SMTP_DOT; phase++)
                if (has(answer, "at", words[phase]))
                        return (enum smtp_phase)phase;
        fail_msg("answers.yaml:%zu: at: %s", answer->line, field(answer, "at"));
        return SMTP_CONNECT;
}

static struct send_result smtp_result(const struct answer *answer)
{
        struct smtp_heard heard = {0};
        char says[VALUE_MAX];
        bool ended = false;
        snprintf(says, sizeof says, "%s", field(answer, "says"));
        for (char *line = strtok(says, "|"); line; line = strtok(NULL, "|"))
                ended = smtp_heard_line(&heard, slice_of(line));
        if (!ended)
                fail_msg("answers.yaml:%zu: no whole reply", answer->line);
        return send_outcome_smtp(phase_of(answer), &heard.reply);
}

static struct send_result http_result(const struct answer *answer)
{
        const struct mail_preset_rules *rules = mail_preset_rules(
                has(answer, "preset", "mailpit") ? MAIL_PRESET_MAILPIT : MAIL_PRESET_RESEND);
        struct slice body = slice_of(field(answer, "body")), type = slice_of(field(answer, "type")), id = {0};
        const char *retry_after = field(answer, "retry_after");
        struct http_answer http = {.status = atoi(field(answer, "status")),
                                   .foreign = http_answer_is_foreign(type, body),
                                   .nameless = !mail_json_path(body, rules->id_member, &id),
                                   .retry_after = slice_of(*retry_after ? retry_after : NULL),
                                   .retry_after_max_ms = 300000};
        struct preset_reply reply = {.status = http.status, .body = body};
        struct preset_answer verdict;
        http.judged = mail_preset_judge(rules, &reply, &verdict);
        if (http.judged) {
                http.verdict = verdict.outcome;
                http.throttles = verdict.throttles;
        }
        struct send_result result = send_outcome_http(&http);
        if (result.outcome != SEND_DONE && mail_preset_words(rules, body, &id))
                send_error_add(&result, id, NULL);
        return result;
}

/* Does the breaker find the mail innocent, when it has seen what happens to others? */
static bool innocent(const struct answer *answer, const struct send_result *result)
{
        static const struct send_result accepted = {.outcome = SEND_DONE};
        struct breaker breaker;
        bool verdict = false;
        breaker_init(&breaker, FAILURES, 1000, 1000);
        breaker_result(&breaker, 1, false, &accepted, 0);
        if (has(answer, "others", "refused")) {
                for (uint64_t job = 10; job < 10 + FAILURES; job++)
                        verdict = breaker_result(&breaker, job, false, result, 0);
                return verdict;
        }
        for (int times = 0; times < 2; times++) {
                verdict = breaker_result(&breaker, 10, false, result, 0);
                breaker_result(&breaker, 1, false, &accepted, 0);
        }
        return verdict;
}

static const char *end_of(const struct answer *answer, const struct send_result *result)
{
        if (result->outcome == SEND_DONE)
                return "sent";
        if (result->crowded)
                return "fewer";
        if (result->throttled)
                return "slower";
        if (innocent(answer, result))
                return "wait";
        return result->outcome == SEND_PERMANENT ? "dead" : "retry";
}

static void check(const struct answer *answer)
{
        struct send_result result = has(answer, "at", "http") ? http_result(answer) : smtp_result(answer);
        const char *outcome = send_outcome_word(result.outcome), *end = end_of(answer, &result);
        if (!has(answer, "outcome", outcome) || !has(answer, "end", end))
                fail_msg("answers.yaml:%zu: %s, %s: %s", answer->line, outcome, end, result.error);
}

/* Takes one event into the answer; true if that ended it. */
static bool take(struct answer *answer, const yaml_event_t *event, bool *value)
{
        if (event->type == YAML_MAPPING_START_EVENT) {
                *answer = (struct answer){.line = event->start_mark.line + 1};
                *value = false;
        } else if (event->type == YAML_SCALAR_EVENT) {
                assert_true(answer->fields < FIELDS_MAX);
                char *to = *value ? answer->values[answer->fields] : answer->names[answer->fields];
                size_t size = *value ? sizeof answer->values[0] : sizeof answer->names[0];
                assert_true(event->data.scalar.length < size);
                memcpy(to, event->data.scalar.value, event->data.scalar.length + 1);
                answer->fields += *value;
                *value = !*value;
        }
        return event->type == YAML_MAPPING_END_EVENT;
}

static void every_answer_comes_to_the_end_that_a_postmaster_gives_it(void **state)
{
        (void)state;
        static struct answer answer;
        FILE *file = fopen(LEVERET_SOURCE_DIR "/tests/data/answers.yaml", "r");
        assert_non_null(file);
        yaml_parser_t parser;
        yaml_event_t event = {0};
        bool value = false;
        size_t count = 0;
        assert_true(yaml_parser_initialize(&parser));
        yaml_parser_set_input_file(&parser, file);
        for (bool over = false; !over;) {
                if (!yaml_parser_parse(&parser, &event))
                        fail_msg("answers.yaml:%zu: %s", parser.problem_mark.line + 1, parser.problem);
                if (take(&answer, &event, &value)) {
                        check(&answer);
                        count++;
                }
                over = event.type == YAML_STREAM_END_EVENT;
                yaml_event_delete(&event);
        }
        yaml_parser_delete(&parser);
        fclose(file);
        assert_true(count >= ANSWERS_MIN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_answer_comes_to_the_end_that_a_postmaster_gives_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
