#include "core/job/backoff.h"
#include "core/memory/memory.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/spawn_mortal.h"
#include "io/plan/planner_lines.h"
#include "io/plan/planner_state.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Programs that read a line for each job and answer with one. Each plans one job at a time, so that what
 * kills it is known. */

/* AFTER_DEATH_MS: so long what a program wrote before it died is waited for, though a process that it left
 * behind may hold its output open. LAST_MS: so long programs may take to end when they are asked to. */
enum {
        AFTER_DEATH_MS = 200,
        LAST_MS = 1000,
        RESTART_MS = 100,
        RESTART_MAX_MS = 30000,
        RUN_HANDLES = 5,
        COMPLAINT_MAX = 1024
};

struct slot;

/* One process, from its start until all that belongs to it is closed. */
struct run {
        struct slot *slot; /* NULL: it is not of interest any more */
        struct planner *planner;
        uv_process_t process;
        uv_pipe_t in, out, err;
        uv_timer_t limit; /* of the question, then of the death */
        struct planner_lines answers, complaints;
        struct planner_ask *ask;
        bool late, exited, drained, closing;
        bool doomed; /* it is asked nothing any more */
        int64_t status;
        int signal;
        unsigned open; /* handles */
};

/* A place for a process: it is started again when it ends. */
struct slot {
        struct planner *planner;
        struct run *run;
        uv_timer_t restart;
        struct backoff backoff;
};

struct planner_children {
        unsigned open; /* runs and timers that are not closed yet */
        struct slot slots[CONFIG_PLAN_PROCESSES_MAX];
};

static void slot_start(struct slot *slot);

/* ---- The end of a process ---- */

static void last_closed(struct planner *planner)
{
        struct planner_children *children = planner->children;
        if (--children->open > 0 || !planner->closing)
                return;
        free(children);
        planner_free(planner);
}

static void child_handle_closed(struct run *run)
{
        struct planner *planner = run->planner;
        if (--run->open > 0)
                return;
        planner_lines_fini(&run->answers);
        planner_lines_fini(&run->complaints);
        free(run);
        last_closed(planner);
}

static void on_run_closed(uv_handle_t *handle)
{
        child_handle_closed(handle->data);
}

static void on_lines_closed(uv_handle_t *handle)
{
        const struct planner_lines *lines = handle->data;
        child_handle_closed(lines->reader.context);
}

static void run_close(struct run *run)
{
        if (run->closing)
                return;
        run->closing = true;
        uv_close((uv_handle_t *)&run->process, on_run_closed);
        uv_close((uv_handle_t *)&run->in, on_run_closed);
        uv_close((uv_handle_t *)&run->out, on_lines_closed);
        uv_close((uv_handle_t *)&run->err, on_lines_closed);
        uv_close((uv_handle_t *)&run->limit, on_run_closed);
}

/* With all that it started: it leads a process group of its own. */
static void run_kill(const struct run *run, int signal)
{
        if (run->process.pid > 0)
                kill(-run->process.pid, signal);
}

static void restart_later(struct slot *slot);

static void death_tell(const struct run *run, char error[PLANNER_ERROR_MAX])
{
        if (run->signal)
                snprintf(error, PLANNER_ERROR_MAX, "planner: the program was killed by signal %d",
                         run->signal);
        else
                snprintf(error, PLANNER_ERROR_MAX, "planner: the program ended with status %d",
                         (int)run->status);
}

/* Nothing more can come from it: its question has an end, and its place another process. */
static void run_over(struct run *run)
{
        struct planner *planner = run->planner;
        struct planner_ask *ask = run->ask;
        struct slot *slot = run->slot;
        char error[PLANNER_ERROR_MAX];
        if (run->closing)
                return;
        death_tell(run, error);
        run->ask = NULL;
        run->slot = NULL;
        planner->running--;
        slot->run = NULL;
        run_close(run);
        if (!planner->closing) {
                log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "planner_ended",
                                                               .type = slice_of(planner->type),
                                                               .error = error});
                restart_later(slot);
        }
        if (ask)
                planner_end(ask,
                            &(struct planner_answer){
                                    .end = run->late ? PLANNER_LATE : PLANNER_DIED,
                                    .error = run->late ? "planner: no answer within its time limit" : error,
                                    .retry_after_ms = -1});
}

static void on_limit(uv_timer_t *timer)
{
        struct run *run = timer->data;
        if (run->exited) {
                run_over(run);
                return;
        }
        run->late = !run->drained;
        run->doomed = true;
        run_kill(run, SIGKILL);
}

static void on_question_ended(uv_process_t *process, int64_t status, int signal)
{
        struct run *run = process->data;
        run_kill(run, SIGKILL); /* what it started */
        run->exited = true;
        run->status = status;
        run->signal = signal;
        if (run->closing)
                return;
        if (run->drained || run->planner->closing)
                run_over(run);
        else
                uv_timer_start(&run->limit, on_limit, AFTER_DEATH_MS, 0);
}

/* ---- What it writes ---- */

/* It is out of step: what it says next would be taken for the answer to somebody else's question. */
static void run_condemn(struct run *run, const char *error)
{
        log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "planner_out_of_step",
                                                       .type = slice_of(run->planner->type),
                                                       .error = error});
        run->doomed = true;
        run_kill(run, SIGKILL);
}

static void on_answer(void *context, struct slice line, bool whole)
{
        struct run *run = context;
        struct planner_ask *ask = run->ask;
        if (run->closing || !run->slot)
                return;
        if (!ask) {
                run_condemn(run, "a line that nobody asked for");
                return;
        }
        run->ask = NULL;
        uv_timer_stop(&run->limit);
        if (!whole) {
                run_condemn(run, "a line of more than 4 MiB");
                planner_end(ask, &(struct planner_answer){.end = PLANNER_GARBAGE,
                                                          .error = "a line of more than 4 MiB",
                                                          .retry_after_ms = -1});
                return;
        }
        char error[PLANNER_ERROR_MAX];
        json_t *answer = planner_answer_parse(ask, line, /* id_required = */ true, error);
        if (answer)
                backoff_reset(&run->slot->backoff);
        else
                run_condemn(run, error);
        planner_end_value(ask, answer, error);
}

static void on_complaint(void *context, struct slice line, bool whole)
{
        const struct run *run = context;
        char text[LOG_VALUE_MAX];
        (void)whole;
        snprintf(text, sizeof(text), "%.*s", (int)(line.len < sizeof(text) - 1 ? line.len : sizeof(text) - 1),
                 line.data);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "planner_stderr",
                                                       .type = slice_of(run->planner->type),
                                                       .msg = text});
}

static void on_out_closed(void *context)
{
        struct run *run = context;
        run->drained = run->doomed = true;
        if (run->exited)
                run_over(run);
        else /* it ends, or is none without an output */
                uv_timer_start(&run->limit, on_limit, AFTER_DEATH_MS, 0);
}

/* ---- What it is asked ---- */

/* A question on its way, which may still be when it was answered or its program has ended. */
struct writing {
        uv_write_t write;
        struct buffer text;
};

static void on_written(uv_write_t *write, int status)
{
        struct writing *writing = write->data;
        (void)status; /* a program that does not read ends, or is late */
        buffer_fini(&writing->text);
        free(writing);
}

static void question_write(struct run *run, struct planner_ask *ask)
{
        struct writing *writing = memory_zeroed(1, sizeof(*writing));
        writing->text = ask->text;
        writing->write.data = writing;
        ask->text = (struct buffer){0};
        uv_buf_t text = uv_buf_init(writing->text.data, (unsigned)writing->text.len);
        if (uv_write(&writing->write, (uv_stream_t *)&run->in, &text, 1, on_written) == 0)
                return;
        on_written(&writing->write, 0);
        run_kill(run, SIGKILL);
}

static struct run *run_free(struct planner *planner)
{
        for (int64_t i = 0; i < planner->settings.processes; i++) {
                struct run *run = planner->children->slots[i].run;
                if (run && !run->ask && !run->exited && !run->doomed)
                        return run;
        }
        return NULL;
}

static bool children_take(struct planner *planner, struct planner_ask *ask)
{
        struct run *run = run_free(planner);
        if (!run)
                return false;
        run->ask = ask;
        uv_timer_start(&run->limit, on_limit, (uint64_t)planner->settings.timeout_ms, 0);
        question_write(run, ask);
        return true;
}

static void children_question(struct buffer *out, const struct plan_question *question)
{
        plan_question_line(out, question);
}

/* ---- The start ---- */

static void on_restart(uv_timer_t *timer)
{
        slot_start(timer->data);
}

static void restart_later(struct slot *slot)
{
        uint64_t wait_ms = (uint64_t)backoff_next_ms(&slot->backoff, uv_hrtime());
        uv_timer_start(&slot->restart, on_restart, wait_ms, 0);
}

static int run_spawn(struct run *run)
{
        const struct config_plan *settings = &run->planner->settings;
        char *arguments[CONFIG_PLAN_EXEC_MAX + 1] = {0};
        for (size_t i = 0; i < settings->exec_count; i++)
                arguments[i] = (char *)(uintptr_t)settings->exec[i];
        uv_stdio_container_t stdio[] = {
                {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&run->in},
                {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&run->out},
                {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&run->err}};
        uv_process_options_t options = {.file = arguments[0],
                                        .args = arguments,
                                        .exit_cb = on_question_ended,
                                        .flags = UV_PROCESS_DETACHED, /* a process group of its own */
                                        .stdio = stdio,
                                        .stdio_count = 3};
        return spawn_mortal(run->planner->loop, &run->process, &options);
}

static struct run *run_new(struct slot *slot)
{
        struct planner *planner = slot->planner;
        struct run *run = memory_zeroed(1, sizeof(*run));
        run->slot = slot;
        run->planner = planner;
        uv_pipe_init(planner->loop, &run->in, 0);
        uv_pipe_init(planner->loop, &run->out, 0);
        uv_pipe_init(planner->loop, &run->err, 0);
        uv_timer_init(planner->loop, &run->limit);
        run->process.data = run->in.data = run->limit.data = run;
        run->answers.reader = (struct planner_lines_reader){
                .max = PLAN_ANSWER_MAX, .line = on_answer, .closed = on_out_closed, .context = run};
        run->complaints.reader =
                (struct planner_lines_reader){.max = COMPLAINT_MAX, .line = on_complaint, .context = run};
        run->out.data = &run->answers;
        run->err.data = &run->complaints;
        run->open = RUN_HANDLES;
        planner->children->open++;
        return run;
}

/* Said once, and to all who wait: they would wait in vain. */
static void start_failed(struct slot *slot, int cause)
{
        struct planner *planner = slot->planner;
        const char *program = planner->settings.exec[0];
        bool all_in_one = planner->settings.exec_count == 1 && strchr(program, ' ');
        snprintf(planner->trouble, sizeof(planner->trouble), "planner: %s cannot be started: %s%s", program,
                 uv_strerror(cause), all_in_one ? "; exec is a list, as [python3, planner.py]" : "");
        log_event(LOG_LEVEL_ERROR, &(struct log_fields){.event = "planner_failed",
                                                        .type = slice_of(planner->type),
                                                        .error = planner->trouble});
        if (planner->running == 0)
                planner_end_waiting(planner, &(struct planner_answer){.end = PLANNER_FAILED,
                                                                      .error = planner->trouble,
                                                                      .retry_after_ms = -1});
        restart_later(slot);
}

static void slot_start(struct slot *slot)
{
        struct planner *planner = slot->planner;
        struct run *run = run_new(slot);
        int cause = run_spawn(run);
        if (cause) {
                run->slot = NULL;
                run_close(run);
                start_failed(slot, cause);
                return;
        }
        slot->run = run;
        planner->running++;
        planner->starts++;
        planner->trouble[0] = '\0';
        planner_lines_read(&run->answers, (uv_stream_t *)&run->out);
        planner_lines_read(&run->complaints, (uv_stream_t *)&run->err);
        planner_dispatch(planner);
}

void planner_children_open(struct planner *planner)
{
        struct planner_children *children = memory_zeroed(1, sizeof(*children));
        planner->children = children;
        for (int64_t i = 0; i < planner->settings.processes; i++) {
                struct slot *slot = &children->slots[i];
                slot->planner = planner;
                slot->backoff = (struct backoff){.base_ms = RESTART_MS, .cap_ms = RESTART_MAX_MS};
                uv_timer_init(planner->loop, &slot->restart);
                slot->restart.data = slot;
                children->open++;
                slot_start(slot);
        }
}

static void on_restart_closed(uv_handle_t *handle)
{
        const struct slot *slot = handle->data;
        last_closed(slot->planner);
}

/* Asked to end, then killed: a program that plans holds nothing that it could lose. */
static void children_close(struct planner *planner)
{
        struct planner_children *children = planner->children;
        int64_t count = planner->settings.processes;
        for (int64_t i = 0; i < count; i++) {
                struct run *run = children->slots[i].run;
                if (!run)
                        continue;
                run_kill(run, SIGTERM);
                uv_timer_start(&run->limit, on_limit, LAST_MS, 0);
        }
        for (int64_t i = 0; i < count; i++)
                uv_close((uv_handle_t *)&children->slots[i].restart, on_restart_closed);
}

const struct planner_kind planner_children_kind = {
        .take = children_take, .question = children_question, .close = children_close};
