#include "core/send/mail_json.h"
#include "core/send/mail_people.h"
#include "core/send/mail_preset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct mail_request request = {
        .message_id = "<k@example.com>",
        .mail.from = "\"Shop \\\"A\\\"\" <shop@example.com>",
        .mail.to = "ann@example.org",
        .mail.reply_to = "help@example.com",
        .mail.subject = "T\xc3\xa9 \"x\"",
        .mail.text = "a\nb",
        .mail.html = "<p>",
};

static void expect_body(enum mail_preset preset, const char *json)
{
        struct buffer out = {0};
        assert_true(mail_preset_rules(preset)->body(&out, &request, NULL));
        assert_string_equal(out.data, json);
        buffer_fini(&out);
}

static void resend_gets_its_json(void **state)
{
        (void)state;
        expect_body(MAIL_PRESET_RESEND,
                    "{\"from\":\"\\\"Shop \\\\\\\"A\\\\\\\"\\\" <shop@example.com>\","
                    "\"to\":[\"ann@example.org\"],\"subject\":\"T\xc3\xa9 \\\"x\\\"\","
                    "\"text\":\"a\\nb\",\"html\":\"<p>\",\"reply_to\":\"help@example.com\","
                    "\"headers\":{\"Message-ID\":\"<k@example.com>\"}}");
}

static void mailpit_gets_its_json(void **state)
{
        (void)state;
        expect_body(MAIL_PRESET_MAILPIT,
                    "{\"From\":{\"Email\":\"shop@example.com\",\"Name\":\"Shop \\\"A\\\"\"},"
                    "\"To\":[{\"Email\":\"ann@example.org\"}],\"Subject\":\"T\xc3\xa9 \\\"x\\\"\","
                    "\"Text\":\"a\\nb\",\"HTML\":\"<p>\",\"ReplyTo\":[{\"Email\":\"help@example.com\"}],"
                    "\"Headers\":{\"Message-ID\":\"<k@example.com>\"}}");
}

static void sparkpost_is_told_not_to_fill_in_braces(void **state)
{
        (void)state;
        struct mail_request braces = request;
        for (size_t i = 0; i < 3; i++) {
                struct buffer out = {0};
                braces.mail.text = i == 1 ? "Write {{name}}" : "a";
                braces.mail.html = i == 2 ? "<p>Write {{name}}" : "<p>";
                assert_true(mail_preset_rules(MAIL_PRESET_SPARKPOST)->body(&out, &braces, NULL));
                const char *options =
                        strstr(out.data, ",\"options\":{\"perform_substitutions\":false},\"content\":{");
                assert_int_equal(options != NULL, i > 0);
                buffer_fini(&out);
        }
}

static void mailgun_gets_each_header_and_each_text_as_a_field(void **state)
{
        struct buffer out = {0};
        struct mail_request threaded = request;
        (void)state;
        threaded.mail.in_reply_to = "<j@example.com>";
        threaded.mail.headers = (const struct pair[]){{"X-A", "1"}, {NULL, NULL}};
        assert_true(mail_preset_rules(MAIL_PRESET_MAILGUN)->body(&out, &threaded, NULL));
        assert_non_null(strstr(out.data, "name=\"text\"\r\n\r\na\nb\r\n--"));
        assert_non_null(strstr(out.data, "name=\"html\"\r\n\r\n<p>\r\n--"));
        assert_non_null(strstr(out.data, "name=\"h:Reply-To\"\r\n\r\nhelp@example.com\r\n--"));
        assert_non_null(strstr(out.data, "name=\"h:Message-ID\"\r\n\r\n<k@example.com>\r\n--"));
        assert_non_null(strstr(out.data, "name=\"h:In-Reply-To\"\r\n\r\n<j@example.com>\r\n--"));
        assert_non_null(strstr(out.data, "name=\"h:X-A\"\r\n\r\n1\r\n--"));
        buffer_fini(&out);
}

static void each_preset_shows_its_credentials_in_its_way(void **state)
{
        (void)state;
        static const struct {
                enum mail_preset preset;
                const char *key, *username, *password, *value;
        } cases[] = {
                {MAIL_PRESET_RESEND, "re_1", NULL, NULL, "Bearer re_1"},
                {MAIL_PRESET_POSTMARK, "pm", NULL, NULL, "pm"},
                {MAIL_PRESET_SENDGRID, "SG.1", NULL, NULL, "Bearer SG.1"},
                {MAIL_PRESET_MAILGUN, "key", NULL, NULL, "Basic YXBpOmtleQ=="},
                {MAIL_PRESET_BREVO, "xkeysib", NULL, NULL, "xkeysib"},
                {MAIL_PRESET_MAILJET, NULL, "user", "pass", "Basic dXNlcjpwYXNz"},
                {MAIL_PRESET_SPARKPOST, "sp", NULL, NULL, "sp"},
                {MAIL_PRESET_SCALEWAY, "scw", NULL, NULL, "scw"},
                {MAIL_PRESET_MAILPIT, "user:pass", NULL, NULL, "Basic dXNlcjpwYXNz"},
                {MAIL_PRESET_MAILPIT, NULL, "user", "pass", "Basic dXNlcjpwYXNz"},
                {MAIL_PRESET_MAILPIT, NULL, NULL, NULL, ""},
                {MAIL_PRESET_SES, NULL, "id", "secret", ""}, /* it is signed */
                {MAIL_PRESET_CUSTOM, "k", NULL, NULL, "Bearer k"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct buffer out = {0};
                struct config_outlet outlet = {.http.preset = cases[i].preset,
                                               .http.api_key = cases[i].key,
                                               .http.username = cases[i].username,
                                               .http.password = cases[i].password};
                mail_preset_authorization(&out, &outlet);
                assert_string_equal(out.data ? out.data : "", cases[i].value);
                buffer_fini(&out);
        }
}

static void a_path_holds_settings_and_the_answers_of_custom_are_configured(void **state)
{
        (void)state;
        static const struct {
                struct config_outlet outlet;
                const char *url, *lacks;
        } cases[] = {
                {{.http.preset = MAIL_PRESET_MAILGUN, .http.domain = "mg.example.com", .http.api_key = "k"},
                 "https://api.mailgun.net/v3/mg.example.com/messages",
                 NULL},
                {{.http.preset = MAIL_PRESET_MAILGUN,
                  .http.url = "https://api.eu.mailgun.net/",
                  .http.api_key = "k"},
                 "https://api.eu.mailgun.net/v3//messages",
                 "domain"},
                {{.http.preset = MAIL_PRESET_SES, .http.region = "eu-west-1", .http.username = "i"},
                 "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails",
                 "password"},
                {{.http.preset = MAIL_PRESET_SCALEWAY,
                  .http.region = "fr-par",
                  .http.api_key = "k",
                  .http.project = "p"},
                 "https://api.scaleway.com/transactional-email/v1alpha1/regions/fr-par/emails",
                 NULL},
                {{.http.preset = MAIL_PRESET_RESEND, .http.url = "http://127.0.0.1:1//"},
                 "http://127.0.0.1:1/emails",
                 NULL},
                {{.http.preset = MAIL_PRESET_CUSTOM, .http.custom.path = "/send"}, "/send", "url"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct buffer out = {0};
                mail_preset_url(&out, &cases[i].outlet);
                assert_string_equal(out.data, cases[i].url);
                const char *lacks = mail_preset_lacks(&cases[i].outlet);
                assert_string_equal(lacks ? lacks : "nothing", cases[i].lacks ? cases[i].lacks : "nothing");
                buffer_fini(&out);
        }
        struct config_outlet own = {.http.preset = MAIL_PRESET_CUSTOM,
                                    .http.custom = {.id_member = "data/0/ref", .auth_header = "X-Key"}};
        struct mail_preset_rules rules = mail_preset_of(&own);
        struct preset_reply reply = {.status = 200, .body = SLICE_LITERAL("{\"data\":[{\"ref\":7}]}")};
        struct slice id;
        assert_string_equal(rules.auth_header, "X-Key");
        assert_true(mail_preset_id(&rules, &reply, &id) && slice_is(id, "7"));
}

/* What the status alone would get wrong (each documented by its vendor). */
static void an_answer_is_judged_by_status_code_and_header(void **state)
{
        (void)state;
        static const struct {
                enum mail_preset preset;
                int status;
                const char *body, *header;
                bool judged;
                enum send_outcome outcome;
        } cases[] = {
                {MAIL_PRESET_RESEND, 409, "{\"name\":\"concurrent_idempotent_requests\"}", NULL, true,
                 SEND_AMBIGUOUS},
                {MAIL_PRESET_RESEND, 409, "{\"name\":\"invalid_idempotent_request\"}", NULL, false, 0},
                {MAIL_PRESET_RESEND, 409, "<html>", NULL, false, 0},
                {MAIL_PRESET_RESEND, 409, NULL, NULL, false, 0},
                {MAIL_PRESET_POSTMARK, 422, "{\"ErrorCode\":406,\"Message\":\"x\"}", NULL, true,
                 SEND_PERMANENT},
                {MAIL_PRESET_POSTMARK, 422, "{\"ErrorCode\":405}", NULL, true, SEND_CONFIG},
                {MAIL_PRESET_POSTMARK, 422, "{\"ErrorCode\":401}", NULL, true, SEND_CONFIG},
                {MAIL_PRESET_POSTMARK, 422, "{\"ErrorCode\":100}", NULL, true, SEND_TRANSIENT},
                {MAIL_PRESET_POSTMARK, 200, "{\"ErrorCode\":0,\"MessageID\":\"m\"}", NULL, false, 0},
                {MAIL_PRESET_POSTMARK, 200, "{\"ErrorCode\":300}", NULL, true, SEND_PERMANENT},
                {MAIL_PRESET_BREVO, 400, "{\"code\":\"duplicate_parameter\"}", NULL, true, SEND_DONE},
                {MAIL_PRESET_BREVO, 400, "{\"code\":\"invalid_parameter\"}", NULL, false, 0},
                {MAIL_PRESET_SES, 400, "{}", "ThrottlingException:http://x", true, SEND_TRANSIENT},
                {MAIL_PRESET_SES, 400, "{}", "com.amazonaws.ses#ThrottlingException", true, SEND_TRANSIENT},
                {MAIL_PRESET_SES, 400, "{\"__type\":\"ThrottlingException\"}", "", true, SEND_TRANSIENT},
                {MAIL_PRESET_SES, 400, "{}", "AccountSuspendedException", true, SEND_CONFIG},
                {MAIL_PRESET_SES, 400, "{}", "MessageRejected", false, 0},
                {MAIL_PRESET_SPARKPOST, 420, "{}", NULL, true, SEND_TRANSIENT},
                {MAIL_PRESET_SPARKPOST, 409, "{\"errors\":[{\"code\":\"1601\"}]}", NULL, true,
                 SEND_AMBIGUOUS},
                {MAIL_PRESET_SPARKPOST, 409, "{\"errors\":[{\"code\":\"1600\"}]}", NULL, false, 0},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct preset_reply reply = {.status = cases[i].status,
                                             .body = slice_of(cases[i].body),
                                             .code_header = slice_of(cases[i].header)};
                struct preset_answer verdict = {0};
                bool judged = mail_preset_judge(mail_preset_rules(cases[i].preset), &reply, &verdict);
                if (judged != cases[i].judged || (judged && verdict.outcome != cases[i].outcome))
                        fail_msg("case %zu: judged %d, outcome %d", i, judged, (int)verdict.outcome);
        }
}

/* The shapes of the vendors' own examples and of reports of their users. */
static void a_success_may_leave_recipients_out(void **state)
{
        (void)state;
        static const struct {
                enum mail_preset preset;
                const char *body, *refused; /* refused: NULL: nobody gets it */
                size_t count;
        } cases[] = {
                {MAIL_PRESET_POSTMARK,
                 "{\"To\":\"ann@x.test,bob@x.test,cid@x.test\",\"MessageID\":\"m\",\"ErrorCode\":0,"
                 "\"Message\":"
                 "\"Message OK, but will not deliver to these inactive addresses: bob@x.test, cid@x.test\"}",
                 "b***@x.test: inactive; c***@x.test: inactive", 2},
                {MAIL_PRESET_POSTMARK,
                 "{\"MessageID\":\"m\",\"ErrorCode\":0,\"Message\":\"Message OK, but will not deliver to "
                 "these "
                 "inactive addresses: bob@x.test. Inactive recipients are ones that have generated a hard "
                 "bounce or a spam complaint. \"}",
                 "b***@x.test: inactive", 1},
                {MAIL_PRESET_POSTMARK, "{\"MessageID\":\"m\",\"ErrorCode\":0,\"Message\":\"OK\"}", "", 0},
                {MAIL_PRESET_SPARKPOST,
                 "{\"results\":{\"total_accepted_recipients\":1,\"id\":\"300\",\"rcpt_to_errors\":[{"
                 "\"message\":"
                 "\"invalid data format/type\",\"code\":\"1300\",\"description\":\"bad address "
                 "ann@x.test\"}],"
                 "\"total_rejected_recipients\":1}}",
                 "bad address <address>", 1},
                {MAIL_PRESET_SPARKPOST,
                 "{\"results\":{\"total_rejected_recipients\":2,\"total_accepted_recipients\":12,\"id\":"
                 "\"1\"}}",
                 "2 more, not named by sparkpost", 2},
                {MAIL_PRESET_SPARKPOST,
                 "{\"results\":{\"total_rejected_recipients\":0,\"total_accepted_recipients\":1,\"id\":\"1\"}"
                 "}",
                 "", 0},
                {MAIL_PRESET_SPARKPOST,
                 "{\"results\":{\"total_rejected_recipients\":1,\"total_accepted_recipients\":0,\"id\":\"1\"}"
                 "}",
                 NULL, 0},
                {MAIL_PRESET_SCALEWAY,
                 "{\"emails\":[{\"id\":\"1\",\"mail_rcpt\":\"ann@x.test\",\"status\":\"new\"},{\"id\":\"2\","
                 "\"mail_rcpt\":\"bob@x.test\",\"status\":\"failed\",\"status_details\":\"blocklisted\"}]}",
                 "b***@x.test: blocklisted", 1},
                {MAIL_PRESET_SCALEWAY,
                 "{\"emails\":[{\"id\":\"1\",\"mail_rcpt\":\"ann@x.test\",\"status\":\"canceled\"}]}", NULL,
                 0},
                {MAIL_PRESET_MAILJET,
                 "{\"Messages\":[{\"Status\":\"error\",\"Errors\":[{\"ErrorCode\":\"mj-0013\",\"StatusCode\":"
                 "400,"
                 "\"ErrorMessage\":\"no valid address\"}]}]}",
                 NULL, 0},
                {MAIL_PRESET_MAILJET, "{\"Messages\":[{\"Status\":\"success\",\"To\":[{\"MessageID\":1}]}]}",
                 "", 0},
                {MAIL_PRESET_RESEND, "{\"id\":\"1\"}", "", 0},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct send_result result = {.outcome = SEND_DONE, .status = 200};
                struct preset_reply reply = {.status = 200, .body = slice_of(cases[i].body)};
                bool all = mail_preset_refuses_all(mail_preset_rules(cases[i].preset), &reply, NULL, &result);
                assert_int_equal(all, !cases[i].refused);
                assert_int_equal(result.outcome, all ? SEND_PERMANENT : SEND_DONE);
                assert_int_equal(result.refused_count, cases[i].count);
                assert_string_equal(result.refused, all ? "" : cases[i].refused);
                assert_int_equal(result.error[0] != '\0', all);
        }
}

/* An answer may name more than there is room for, and more than were asked for. */
static void as_many_as_there_is_room_for_are_named(void **state)
{
        (void)state;
        struct buffer body = {0};
        struct send_result result = {.outcome = SEND_DONE};
        buffer_add_text(&body, "{\"Message\":\"OK, but not to these inactive addresses: ");
        for (int i = 0; i < 60; i++)
                buffer_printf(&body, "recipient%d@example.com,", i);
        buffer_add_text(&body, "\"}");
        struct preset_reply reply = {.status = 200, .body = {.data = body.data, .len = body.len}};
        assert_false(mail_preset_refuses_all(mail_preset_rules(MAIL_PRESET_POSTMARK), &reply, NULL, &result));
        assert_int_equal(result.refused_count, 60);
        assert_true(strlen(result.refused) < sizeof result.refused);
        buffer_fini(&body);
}

/* sendgrid refuses a mail with somebody twice, whatever the case; sparkpost and scaleway send it twice. */
static void each_recipient_is_named_once(void **state)
{
        (void)state;
        static const struct {
                const char *to, *cc, *bcc, *all; /* all: NULL: it stays as it is */
        } cases[] = {
                {"ann@x.test", "bob@x.test", "cid@x.test", NULL},
                {"\"Ann, A.\" <ann@x.test>, bob@x.test", "BOB@x.test, Cid <cid@x.test>",
                 "ann@X.TEST, dan@x.test",
                 "\"Ann, A.\" <ann@x.test>, bob@x.test|Cid <cid@x.test>|dan@x.test"},
                {"dev@x.test, dev@x.test", "dev@x.test", "Dev <dev@x.test>", "dev@x.test||"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct mail_request asked = request;
                asked.mail.to = cases[i].to;
                asked.mail.cc = cases[i].cc;
                asked.mail.bcc = cases[i].bcc;
                struct mail_people people;
                const struct mail_request *once = mail_people_once(&people, &asked);
                assert_int_equal(once == &asked, !cases[i].all);
                if (cases[i].all) {
                        struct buffer all = {0};
                        buffer_printf(&all, "%s|%s|%s", once->mail.to, once->mail.cc ? once->mail.cc : "",
                                      once->mail.bcc ? once->mail.bcc : "");
                        assert_string_equal(all.data, cases[i].all);
                        buffer_fini(&all);
                }
                mail_people_fini(&people);
        }
}

static const struct mail_preset_rules *refused_by(const char *place, const struct mail_request *mail,
                                                  const char *names)
{
        static const enum mail_preset all[] = {
                MAIL_PRESET_RESEND,   MAIL_PRESET_POSTMARK, MAIL_PRESET_SENDGRID, MAIL_PRESET_MAILGUN,
                MAIL_PRESET_SES,      MAIL_PRESET_BREVO,    MAIL_PRESET_MAILJET,  MAIL_PRESET_SPARKPOST,
                MAIL_PRESET_SCALEWAY, MAIL_PRESET_MAILPIT,  MAIL_PRESET_CUSTOM};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                struct buffer out = {0};
                const struct mail_preset_rules *rules = mail_preset_rules(all[i]);
                bool refused = mail_preset_refusal(&out, rules, mail),
                     wanted = strstr(names, rules->name) != NULL;
                if (refused != wanted)
                        fail_msg("%s of %s: %s", place, rules->name, refused ? out.data : "taken");
                if (refused) {
                        assert_int_equal(strncmp(out.data, place, strlen(place)), 0);
                        assert_non_null(strstr(out.data, rules->name));
                }
                buffer_fini(&out);
        }
        return NULL;
}

/* docs: PROVIDERS' table of traps */
static void what_a_service_lacks_is_refused_before_anything_leaves(void **state)
{
        (void)state;
        struct mail_request mail = {.message_id = "<k@example.com>",
                                    .key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                                    .mail.from = "shop@example.com",
                                    .mail.to = "ann@example.org",
                                    .mail.subject = "Ten letters and more",
                                    .mail.text = "Ten letters and more",
                                    .mail.html = "<p>Ten letters and more</p>"};
        struct mail_request other = mail;
        refused_by("/", &mail, "");
        other.mail.html = NULL;
        refused_by("/html", &other, "brevo");
        other = mail;
        other.mail.subject = "Nine char";
        refused_by("/subject", &other, "scaleway");
        other.mail.subject = "Your {{answer}} here";
        refused_by("/subject", &other, "sparkpost");
        other = mail;
        other.mail.to = "\"{{email}}\" <ann@example.org>";
        refused_by("/to", &other, "sparkpost");
        other = mail;
        other.mail.headers = (const struct pair[]){{"X-A", "{{x}}"}, {0}};
        refused_by("/headers", &other, "sparkpost");
        other = mail;
        other.mail.in_reply_to = "<{{x}}@example.org>";
        refused_by("/in_reply_to", &other, "sparkpost");
        other = mail;
        other.mail.references = (const char *const[]){"<a@example.org>", "<{{x}}@example.org>", NULL};
        refused_by("/references", &other, "sparkpost");
        other = mail;
        other.mail.list_unsubscribe.url = "https://example.org/?a={{x}}";
        refused_by("/list_unsubscribe", &other, "sparkpost");
        other = mail;
        other.mail.list_unsubscribe.mailto = "mailto:a@example.org?subject={{x}}";
        refused_by("/list_unsubscribe", &other, "sparkpost");
        other = mail;
        other.mail.html = "<p>Write {{name}} for a name</p>";
        refused_by("/", &other, "");
        other = mail;
        other.mail.reply_to = "a@example.com, b@example.com";
        refused_by("/reply_to", &other, "brevo mailjet");
        other = mail;
        other.mail.tags = (const char *const[]){"a", "b", NULL};
        refused_by("/tags", &other, "postmark mailjet sparkpost scaleway");
        other.mail.tags = (const char *const[]){"a b", NULL};
        refused_by("/tags", &other, "resend ses scaleway");
        other = mail;
        other.mail.metadata = (const struct pair[]){{"order", "42"}, {0}};
        refused_by("/metadata", &other, "resend brevo mailjet scaleway mailpit");
        other.mail.metadata = (const struct pair[]){{"Leveret", "42"}, {0}};
        refused_by("/metadata", &other, "resend brevo mailjet scaleway mailpit postmark sendgrid sparkpost");
        char long_text[501];
        memset(long_text, 'x', sizeof long_text - 1);
        long_text[sizeof long_text - 1] = '\0';
        struct pair much[21] = {{0}};
        for (size_t i = 0; i < 20; i++)
                much[i] = (struct pair){"order", long_text};
        other = mail;
        other.mail.metadata = much;
        refused_by("/metadata", &other, "resend brevo mailjet scaleway mailpit ses sendgrid sparkpost");
        other.mail.metadata = NULL;
        other.mail.headers = much; /* 20 of 500 bytes: less than mailgun takes */
        refused_by("/", &other, "");
        other.mail.metadata = much;
        other.mail.metadata += 6;
        refused_by("/", &other, "resend brevo mailjet scaleway mailpit ses mailgun");
        other = mail;
        other.mail.subject = long_text + 245; /* 255 characters */
        refused_by("/subject", &other, "");
        other.mail.subject = long_text + 244;
        refused_by("/subject", &other, "mailjet");
        other = mail;
        other.mail.tags = (const char *const[]){long_text + 436, NULL}; /* 64 bytes */
        refused_by("/tags", &other, "scaleway");
        other.mail.tags = (const char *const[]){long_text + 435, NULL};
        refused_by("/tags", &other, "scaleway sparkpost");
        other.mail.tags = (const char *const[]){long_text + 243, NULL};
        refused_by("/tags", &other, "scaleway sparkpost ses");
        other = mail;
        other.mail.to = "j\xc3\xb6rg@example.org";
        refused_by("/to", &other, "resend postmark sendgrid mailgun ses brevo sparkpost scaleway mailpit");
        other = mail;
        other.mail.cc = "a@x.test, b@x.test, c@x.test, d@x.test, e@x.test";
        other.mail.bcc = "f@x.test, g@x.test, h@x.test, i@x.test, j@x.test";
        refused_by("/to", &other, "scaleway");
        other = mail;
        struct attachment logo[] = {
                {.name = "logo.png", .content = "x", .content_len = 1, .inline_id = "logo"}, {0}};
        other.mail.attachments = logo;
        refused_by("/attachments", &other, "brevo scaleway");
        struct attachment nameless[] = {{.name = "README", .content = "x", .content_len = 1}, {0}};
        other.mail.attachments = nameless;
        refused_by("/attachments", &other, "resend brevo scaleway");
        struct attachment program[] = {{.name = "a.exe", .content = "x", .content_len = 1}, {0}};
        other.mail.attachments = program;
        refused_by("/attachments", &other, "scaleway");
        /* "The attachment type cannot contain ';'": sendgrid, of all but the method of an invitation. */
        struct attachment typed[] = {
                {.name = "a.txt", .type = "text/plain; charset=utf-8", .content = "x", .content_len = 1},
                {0}};
        other.mail.attachments = typed;
        refused_by("/attachments", &other, "sendgrid");
        typed[0].type = "text/calendar; method=REQUEST; charset=utf-8";
        refused_by("/attachments", &other, "sendgrid");
        typed[0].type = "text/calendar;method=REQUEST";
        refused_by("/attachments", &other, "");
        char *large = malloc(3 << 20);
        assert_non_null(large);
        struct attachment big[] = {{.name = "a.pdf", .content = large, .content_len = 3 << 20}, {0}};
        other.mail.attachments = big;
        refused_by("/attachments", &other, "scaleway");
        const struct mail_file fetched[] = {{.len = (1 << 20) + 1}};
        struct attachment far[] = {{.name = "a.pdf", .url = "https://example.com/a"}, {0}};
        other.mail.attachments = far;
        other.fetched = fetched;
        refused_by("/attachments", &other,
                   "resend postmark sendgrid mailgun ses brevo mailjet sparkpost scaleway mailpit custom");
        free(large);
}

static void a_path_leads_through_members_and_places(void **state)
{
        (void)state;
        static const struct {
                const char *json, *path, *value;
        } cases[] = {
                {"{\"a\":{\"b\":[1,{\"c\":\"x\"}]}}", "a/b/1/c", "x"},
                {"{ \"z\" : [ [], {} , \"]\" ] , \"a\" : -12.5 }", "a", "-12.5"},
                {"{\"a\":[\"p\",\"q\"]}", "a/1", "q"},
                {"{\"a\":[\"p\"]}", "a/1", NULL},
                {"{\"a\":[]}", "a/0", NULL},
                {"{\"a\":true}", "a", NULL},
                {"{\"a\":{}}", "a/b", NULL},
                {"{\"a\":\"x\"}", "a/b", NULL},
                {"{\"a\":", "a", NULL},
                {"{\"a\"", "a", NULL},
                {"{", "a", NULL},
                {"[", "0", NULL},
                {"", "a", NULL},
                {"{\"b\":[[[[", "a", NULL},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct slice value;
                bool found = mail_json_path(slice_of(cases[i].json), cases[i].path, &value);
                if (found != (cases[i].value != NULL) || (found && !slice_is(value, cases[i].value)))
                        fail_msg("case %zu", i);
        }
}

static void a_member_is_found_in_the_outermost_object_only(void **state)
{
        (void)state;
        static const struct {
                const char *json, *value;
        } cases[] = {
                {"{\"id\":\"a-1\"}", "a-1"},
                {" { \"x\" : {\"id\":\"no\"}, \"y\":[\"id\"], \"id\" : \"yes\" , \"z", "yes"},
                {"{\"x\":\"\\\"id\\\":\",\"id\":\"q\\\"\"}", "q\\\""},
                {"{\"id\":17}", NULL},
                {"{\"id\":\"cut", NULL},
                {"{\"id\":\"cut\\", NULL},
                {"{\"id\":", NULL},
                {"{\"id\"", NULL},
                {"\"id\":\"x\"", NULL},
                {"[\"id\",\"x\"]", NULL},
                {"}}}}{\"id\":\"x\"}", "x"},
                {"", NULL},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct slice value;
                bool found = mail_json_find(slice_of(cases[i].json), "id", &value);
                assert_int_equal(found, cases[i].value != NULL);
                if (found)
                        assert_true(slice_is(value, cases[i].value));
        }
}

/* As the services answer, but for the ids. */
static void the_words_of_an_answer_are_found_wherever_they_stand(void **state)
{
        (void)state;
        static const struct {
                enum mail_preset preset;
                const char *body, *words;
        } cases[] = {
                {MAIL_PRESET_SES, "{\"message\":\"Email address is not verified.\"}",
                 "Email address is not verified."},
                {MAIL_PRESET_SES, "{\"Message\":\"User is not authorized to perform: ses:SendEmail\"}",
                 "User is not authorized to perform: ses:SendEmail"},
                {MAIL_PRESET_MAILJET,
                 "{\"Messages\":[{\"Status\":\"error\",\"Errors\":[{\"ErrorMessage\":\"bad address\"}]}]}",
                 "bad address"},
                {MAIL_PRESET_MAILJET,
                 "{\"ErrorIdentifier\":\"c0\",\"StatusCode\":401,\"ErrorMessage\":\"API key authentication "
                 "failed.\"}",
                 "API key authentication failed."},
                {MAIL_PRESET_MAILGUN, "Forbidden", "Forbidden"},
                {MAIL_PRESET_MAILGUN, "\r\nInvalid private key\r\nmore\n", "Invalid private key"},
                {MAIL_PRESET_SENDGRID, "{\"error\":{\"message\":\"unauthorized\"}}", "unauthorized"},
                {MAIL_PRESET_SENDGRID, "{\"errors\":[{\"message\":\"no access\"}]}", "no access"},
                {MAIL_PRESET_RESEND, "{\"error\":\"Unauthorized\"}", "Unauthorized"},
                {MAIL_PRESET_CUSTOM, "{\"detail\":\"no such tenant\"}", "no such tenant"},
                {MAIL_PRESET_RESEND, "<html>Forbidden</html>", NULL},
                {MAIL_PRESET_RESEND, "{\"id\":\"x\"}", NULL},
                {MAIL_PRESET_RESEND, "[]", NULL},
                {MAIL_PRESET_RESEND, " \n", NULL},
                {MAIL_PRESET_RESEND, "", NULL},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct slice words = {0};
                bool said = mail_preset_words(mail_preset_rules(cases[i].preset), slice_of(cases[i].body),
                                              &words);
                if (said != (cases[i].words != NULL) || (said && !slice_is(words, cases[i].words)))
                        fail_msg("case %zu: %.*s", i, SLICE_PRINT(words));
        }
        assert_false(mail_preset_words(&preset_ses, (struct slice){0}, &(struct slice){0}));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_words_of_an_answer_are_found_wherever_they_stand),
                cmocka_unit_test(resend_gets_its_json),
                cmocka_unit_test(mailpit_gets_its_json),
                cmocka_unit_test(sparkpost_is_told_not_to_fill_in_braces),
                cmocka_unit_test(mailgun_gets_each_header_and_each_text_as_a_field),
                cmocka_unit_test(each_preset_shows_its_credentials_in_its_way),
                cmocka_unit_test(a_path_holds_settings_and_the_answers_of_custom_are_configured),
                cmocka_unit_test(an_answer_is_judged_by_status_code_and_header),
                cmocka_unit_test(each_recipient_is_named_once),
                cmocka_unit_test(a_success_may_leave_recipients_out),
                cmocka_unit_test(as_many_as_there_is_room_for_are_named),
                cmocka_unit_test(what_a_service_lacks_is_refused_before_anything_leaves),
                cmocka_unit_test(a_path_leads_through_members_and_places),
                cmocka_unit_test(a_member_is_found_in_the_outermost_object_only),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
