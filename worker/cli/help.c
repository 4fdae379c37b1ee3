#include "cli/help.h"

#include <string.h>

const char help_about[] = "leveret consumes messages from RabbitMQ, runs a small handler for each type and\n"
                          "sends the mails that it asks for, keeping an idempotency record of every job in\n"
                          "Redis. `leveret run` is the worker; start as many as you like. All other\n"
                          "commands are for people: they ask Redis, the broker or the worker on this\n"
                          "machine. Only publish, mail test, topology apply, queue pause and resume, and\n"
                          "redrive, drop, purge, restore and sync of dlq change anything.\n";

const char help_options[] = "  -c FILE        the configuration; else $LEVERET_CONFIG, config/leveret.yaml\n"
                            "                 here, or /etc/leveret/leveret.yaml\n"
                            "  --set a.b=c    one setting, stronger than file and environment; may be\n"
                            "                 repeated\n"
                            "  -o table|json  for people, or one JSON object a line for programs; data goes\n"
                            "                 to stdout, the rest to stderr\n"
                            "  --yes          do not ask before anything is destroyed\n"
                            "  --wide         on a terminal: whole words, whole times and every column\n"
                            "  --help         the page of the command\n";

const char help_exits[] = "  0   done\n"
                          "  1   it failed; stderr says why\n"
                          "  2   wrong usage\n"
                          "  3   no such job, dead letter, queue or type; or nothing matches\n"
                          "  4   refused: nobody said yes to what destroys, or another operator is at work\n"
                          "  78  the configuration is wrong; of run and topology also: a service refuses\n"
                          "      it for good\n";

struct page {
        const char *command, *text;
};

static const struct page pages[] = {
        {"run", "Consumes the configured queues until it is told to end.\n\n"
                "  --drain        end when the queues are empty and nothing is in flight; says\n"
                "                 what waits in retry tiers\n"
                "  --queue NAME   take from this queue only; may be repeated\n\n"
                "SIGTERM ends it in order within shutdown.grace (exit 0; 1 if that was too\n"
                "short), a second one at once. SIGHUP reads the configuration again and keeps\n"
                "the old one if the new one has errors. Exit 78: a setting that waiting will not\n"
                "mend, such as refused credentials at the first connect.\n\n"
                "Example: leveret run -c /etc/leveret/leveret.yaml\n"},
        {"check", "Reads the configuration and shows all of its errors as file:line:column; then\n"
                  "asks every service once whether it can be reached and used.\n\n"
                  "  --offline   the configuration only\n\n"
                  "Exit 78 means errors in the configuration; 1 that a service cannot be reached,\n"
                  "refuses, or has other queues.\n\n"
                  "Example: leveret check -c leveret.yaml\n"},
        {"topology", "Exchanges, queues and bindings at the broker.\n\n"
                     "  show     what leveret needs; asks nobody\n"
                     "  verify   compares that with the broker and changes nothing\n"
                     "  apply    declares what is missing\n\n"
                     "A queue that exists with other arguments is an error that shows both; leveret\n"
                     "never deletes one.\n\n"
                     "Example: leveret topology verify\n"},
        {"type", "The message types that have a handler.\n\n"
                 "  list          names and what they do\n"
                 "  show TYPE     the payload's fields, what each must be, and an example\n"
                 "  schema TYPE   the payload as JSON Schema\n"
                 "  asyncapi      all types and the exchange as one AsyncAPI document\n\n"
                 "Example: leveret type schema order.created.v1\n"},
        {"template", "Renders a Mustache template, as mails from files are. A variable that is\n"
                     "missing is an error with its place; {{#name}} may ask for it.\n\n"
                     "  --template FILE    html is escaped, unless its name ends in .txt.mustache\n"
                     "  --partials DIR     what {{>name}} and {{<name}} mean: name.mustache in there\n"
                     "  --data J|@file|-   the values: JSON itself, a file, or standard input\n"
                     "                     (default: none)\n"
                     "  --lenient          what is missing is empty, as Mustache's specification has\n"
                     "                     it\n\n"
                     "Example: leveret template render --template shipped.txt.mustache \\\n"
                     "           --data '{\"order_id\": 42}'\n"},
        {"plan", "Shows what the handler would do with a payload. Sends nothing, asks nobody.\n\n"
                 "  --data J|@file|-   the payload: JSON itself, a file, or standard input\n\n"
                 "Example: leveret plan order.created.v1 --data @order.json\n"},
        {"publish",
         "Publishes one message. The payload is checked first as a worker would, and the\n"
         "broker's confirm is waited for. Prints the id. An id that belongs to another\n"
         "message is refused (exit 1, id_conflict).\n\n"
         "  --data J|@file|-   the payload: JSON itself, a file, or standard input\n"
         "  --id ID            the job's id and idempotency key (default: a random one)\n"
         "  --subject S        the entity it is about, as order/42\n"
         "  --key K            the routing key (default: the type)\n"
         "  --traceparent T    the trace that it belongs to (W3C Trace Context)\n"
         "  --wait 30s         wait for the end; exit 1 if the job died or time ran out\n\n"
         "Example: leveret publish email.send.v1 --wait 30s \\\n"
         "           --data '{\"to\":\"ada@example.com\",\"subject\":\"Hi\",\"text\":\"Hello\"}'\n"},
        {"job", "What became of a message, from its record in Redis.\n\n"
                "  show ID       every claim, attempt, delay, effect and decision, with times; a\n"
                "                dead id works too\n"
                "  list          newest first, by when each came into its state\n"
                "  forget ID     delete its record: a message with this id is then a new job.\n"
                "                Not while it runs (exit 4)\n\n"
                "  --state S     list: running, retrying, completed, dead, or stuck: running,\n"
                "                but its lease ran out\n"
                "  --type T      list: of this message type\n"
                "  --subject S   list: about this entity\n"
                "  --limit N     list: at most so many (50)\n\n"
                "ATTEMPT counts from 0: 0 is the first try. Exit 3: no worker has seen it\n"
                "yet, it was never published, or it ended so long ago that its record expired.\n\n"
                "Example: leveret job list --subject order/42\n"},
        {"dlq", "Dead letters: look, repair, send again, drop. QUEUE is the work queue\n"
                "(leveret.work), its dead-letter queue (leveret.work.dlq), or leveret.unrouted\n"
                "for messages that no binding took. ID is a message id or a dead id.\n\n"
                "  groups QUEUE      how many died of what, from whom, since when: begin here\n"
                "  list QUEUE        oldest first, as they are redriven and dropped\n"
                "  show QUEUE ID...  reason, error, publisher, timeline, body\n"
                "  redrive QUEUE     back to the work queue, in order; each is confirmed there\n"
                "                    before it leaves here\n"
                "  drop QUEUE        away, after a backup as JSON lines was written\n"
                "  purge QUEUE       drop all\n"
                "  restore FILE      brings back what drop or purge has saved, to the\n"
                "                    dead-letter queue that each line of the file names\n"
                "  export QUEUE      whole messages as JSON lines to stdout; they stay\n"
                "  sync QUEUE        makes the index agree with the queue: finds what the broker\n"
                "                    itself let die\n\n"
                "Which ones: by ID..., by one or more of these, or all.\n\n"
                "  --type T          of this message type\n"
                "  --reason R        that died of this: bad_payload, attempts_exhausted, ...\n"
                "  --subject S       about this entity, as order/42\n"
                "  --search TEXT     with this in id, type, error, subject, or the first 16 KiB\n"
                "                    of the body\n"
                "  --since 2h        that died since: so long ago, or a time of RFC 3339\n"
                "  --all             list, redrive, drop, export: every one\n"
                "  --limit N         the oldest N of them (list: 50 unless said)\n"
                "  --newest          list: the newest first, and of them\n"
                "  --full            show: also all properties and headers, and the whole body\n"
                "  --expired         redrive: those too whose deadline has passed, named ones\n"
                "                    included; else they stay, and are counted\n"
                "  --dry-run         redrive, drop, purge: say what would be done, and do\n"
                "                    nothing\n"
                "  --rate N          redrive: at most N a second\n"
                "  --wait [30s]      redrive: wait until they have ended; says how many\n"
                "                    completed and how many died again (exit 1 if any did, or\n"
                "                    are not over)\n"
                "  --edit            redrive: change id, type, headers and body of one in\n"
                "                    $EDITOR; it is checked, and its id is ID:e1 (e2, ...)\n"
                "                    unless you write another\n"
                "  --set /P=VALUE    redrive: the same change to many: a member of the body, by\n"
                "                    JSON pointer; VALUE is JSON, or else text. Each is checked\n"
                "                    and gets the id ID:e1\n"
                "  --filter PROGRAM  redrive: likewise; PROGRAM is run by the shell for each,\n"
                "                    body in, body out, 10 s at most\n"
                "  --to QUEUE        redrive: to this work queue (from leveret.unrouted);\n"
                "                    restore: to the dead-letter queue of this work queue\n"
                "  --backup FILE     drop, purge: instead of QUEUE.dlq-TIME-PID.jsonl here; must\n"
                "                    not exist\n"
                "  --yes             drop, purge: do not ask for the queue's name\n\n"
                "An option that the verb does not know is refused (exit 2), never ignored.\n\n"
                "list, groups and show read an index in Redis and never touch the queue. sync,\n"
                "export and show --full take its messages out and give them back in their order,\n"
                "which raises their x-delivery-count. One operator at a time does that or moves\n"
                "messages. Ctrl-C stops in order. Killed in the middle, just run it again:\n"
                "nothing is lost or mailed twice. Only what was there at the start is redriven,\n"
                "so what dies again is not redriven for ever.\n\n"
                "Example: leveret dlq groups leveret.work\n"
                "         leveret dlq redrive leveret.work --reason attempts_exhausted --dry-run\n"},
        {"queue", "Work queues.\n\n"
                  "  list           messages that wait (READY), how long the oldest of them waits\n"
                  "                 at most (OLDEST), in flight, consumers, dead letters, retry\n"
                  "                 tiers, paused or not\n"
                  "  pause QUEUE    all workers stop taking from it within a second; what runs is\n"
                  "                 finished\n"
                  "  resume QUEUE   all workers go on\n\n"
                  "A pause outlives restarts of the workers.\n\n"
                  "Example: leveret queue pause leveret.work\n"},
        {"worker", "The workers that run now.\n\n"
                   "  list   host, version, uptime, in flight, rate, breaker; one that vanished\n"
                   "         drops out after 10 seconds\n\n"
                   "Example: leveret worker list\n"},
        {"top", "Rates, depths, ages, workers, failures, and dead letters by reason (of the\n"
                "newest 1,000 of each queue), refreshed each second until q or Ctrl-C. With -o\n"
                "json one line a second; without a terminal one look.\n\n"
                "  s            sort by name, ready, dead, or as configured\n"
                "  a u w d      show all, queues, workers, dead letters alone\n\n"
                "Example: leveret top\n"},
        {"serve", "An HTTP API over the same answers as the commands: jobs, queues, workers,\n"
                  "types. GET /v1/openapi.json describes it. A process of its own, any number of\n"
                  "it; serve.listen, serve.tokens and serve.tls configure it. SIGTERM ends it.\n\n"
                  "Example: leveret serve -c /etc/leveret/leveret.yaml\n"},
        {"health", "Asks the worker on this machine (admin.listen), for container probes.\n\n"
                   "  live    does its loop turn?\n"
                   "  ready   does it take work? Names each reason if not. This is the default.\n\n"
                   "Example: leveret health ready\n"},
        {"mail", "Sends one mail through the configured transport and says what came of it; the\n"
                 "transport log sends none, and says so.\n\n"
                 "  test           the one thing that it does\n"
                 "  --to ADDRESS   to whom\n\n"
                 "Example: leveret mail test --to ops@example.com\n"},
};

const char *help_page(const char *command)
{
        for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
                if (strcmp(pages[i].command, command) == 0)
                        return pages[i].text;
        return NULL;
}
