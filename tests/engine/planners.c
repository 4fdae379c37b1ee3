#include "world.h"

#include "core/codec/json.h"
#include "core/memory/memory.h"
#include "io/plan/planner.h"

#include <stdio.h>
#include <stdlib.h>

/* io/plan/planner.h over planners that answer something else each time, late, or never, that die, and that
 * talk nonsense. What they are asked waits for one that is free. */

struct planner_ask {
        struct planner *planner;
        struct planner_ask *next; /* the first to come first */
        planner_done *done;       /* NULL: forgotten */
        void *context;
        uint8_t id, content;
        uint32_t number;
        bool began;
        enum planner_end end;
};

struct planner {
        struct process *process;
        struct config_plan settings;
        struct planner_ask *asks;
        struct planner *next;
};

/* What outlives the question: its end on the way to the loop. */
struct arrival {
        struct process *process;
        uint32_t number;
};

struct planner *planner_open(uv_loop_t *loop, const struct config_handler *settings)
{
        (void)loop;
        struct process *process = process_now();
        struct planner *planner = memory_zeroed(1, sizeof *planner);
        *planner =
                (struct planner){.process = process, .settings = settings->plan, .next = process->planners};
        process->planners = planner;
        return planner;
}

bool planner_is(const struct planner *planner, const struct config_handler *settings)
{
        return planner->settings.timeout_ms == settings->plan.timeout_ms;
}

void planner_close(struct planner *planner)
{
        struct planner **link = &planner->process->planners;
        while (*link != planner)
                link = &(*link)->next;
        *link = planner->next;
        while (planner->asks) {
                struct planner_ask *ask = planner->asks;
                planner->asks = ask->next;
                free(ask);
        }
        free(planner);
}

/* ---- how it ends ---- */

static struct planner_ask *ask_find(const struct arrival *arrival)
{
        for (struct planner *planner = arrival->process->planners; planner; planner = planner->next)
                for (struct planner_ask *ask = planner->asks; ask; ask = ask->next)
                        if (ask->number == arrival->number)
                                return ask;
        return NULL;
}

static void take_off(struct planner_ask *ask)
{
        struct planner_ask **link = &ask->planner->asks;
        while (*link != ask)
                link = &(*link)->next;
        *link = ask->next;
}

static void add_effect(struct buffer *out, const struct spec *spec, int effect, const char *text)
{
        bool named = spec->named >> effect & 1;
        const struct config *config = &world.config;
        switch (spec->kinds[effect]) {
        case EFFECT_MAIL:
                buffer_printf(
                        out,
                        "\"kind\":\"mail\",\"to\":\"ada@example.com\",\"subject\":\"%s\",\"text\":\"a text\"",
                        text);
                if (named && world.mail_count > 1)
                        buffer_printf(out, ",\"outlet\":\"%s\"", config->outlets[0].name);
                return;
        case EFFECT_POST:
                buffer_printf(out, "\"kind\":\"post\",\"url\":\"%s/hook\",\"data\":\"%s\"",
                              world_origins[spec->other_origin >> effect & 1], text);
                if (named && world.post_count > 1)
                        buffer_printf(out, ",\"outlet\":\"%s\"", config->outlets[world.mail_count].name);
                return;
        case EFFECT_PUBLISH:
                buffer_printf(out, "\"kind\":\"publish\",\"type\":\"child.v1\",\"data\":\"%s item 0\"", text);
                return;
        }
}

/* Each answer is another plan: its version stands in every effect. */
static json_t *answer_make(const struct planner_ask *ask)
{
        const struct spec *spec = &world.specs[ask->id];
        char text[64], cause[JSON_CAUSE_MAX];
        uint8_t version = ++world.plan_answers[ask->id][ask->content];
        struct buffer out = {0};
        buffer_add_text(&out, "{\"effects\":[");
        for (int i = 0; i < spec->effects; i++) {
                snprintf(text, sizeof text, EFFECT_TEXT, i, ask->id, ask->content, version);
                buffer_printf(&out, "%s{\"key\":\"e%d\",", i ? "," : "", i);
                add_effect(&out, spec, i, text);
                buffer_add_text(&out, "}");
        }
        buffer_add_text(&out, "]}");
        json_t *answer = json_parse((struct slice){.data = out.data, .len = out.len}, cause);
        buffer_fini(&out);
        NOTE("a planner makes plan %u of id %u", version, ask->id);
        return answer;
}

static json_t *nonsense(const struct planner_ask *ask)
{
        char cause[JSON_CAUSE_MAX];
        bool rejects = random_one_in(&world.random, 2);
        world.plan_refusals[ask->id] |= 1u << rejects;
        return json_parse(slice_of(rejects ? "{\"reject\":\"not this one\"}" : "{\"effects\":[7]}"), cause);
}

static void tell(const struct planner_ask *ask, json_t *answer)
{
        static const char *const words[] = {"", "refused", "garbage", "late", "died", "failed"};
        world.unplanned = (struct unplanned){
                .id = ask->id, .planner = ask->planner, .end = ask->end, .told = ask->end >= PLANNER_LATE};
        world.tally->planned += ask->end == PLANNER_ANSWERED;
        world.tally->unplanned += world.unplanned.told;
        NOTE("planner: id %u %s", ask->id, words[ask->end]);
        ask->done(ask->context,
                  &(struct planner_answer){
                          .end = ask->end, .answer = answer, .error = words[ask->end], .retry_after_ms = -1});
        world.unplanned.told = false;
}

static void dispatch(struct planner *planner);

static void on_end(void *context)
{
        struct planner_ask *ask = ask_find(context);
        if (!ask)
                return;
        struct planner *planner = ask->planner;
        struct planner_ask ended = *ask;
        json_t *answer = NULL;
        take_off(ask);
        free(ask);
        dispatch(planner);
        if (!ended.done)
                return;
        if (ended.end == PLANNER_ANSWERED)
                answer = world_fault(FAULT_PLANNER_WRONG) ? nonsense(&ended) : answer_make(&ended);
        if (ended.end == PLANNER_REFUSED || ended.end == PLANNER_GARBAGE)
                world.plan_refusals[ended.id] |= 1u << (ended.end == PLANNER_REFUSED);
        check_unplanned(planner->process, ended.id, ended.end, ended.context);
        tell(&ended, answer);
        json_decref(answer);
}

static enum planner_end draw_end(void)
{
        if (world_fault(FAULT_PLANNER_LATE))
                return PLANNER_LATE;
        if (world_fault(FAULT_PLANNER_DEAD))
                return PLANNER_DIED;
        if (world_fault(FAULT_PLANNER_DOWN))
                return PLANNER_FAILED;
        if (world_fault(FAULT_PLANNER_WRONG))
                return random_one_in(&world.random, 2) ? PLANNER_REFUSED : PLANNER_GARBAGE;
        return PLANNER_ANSWERED;
}

static void begin(struct planner_ask *ask)
{
        struct process *process = ask->planner->process;
        int64_t limit_ms = ask->planner->settings.timeout_ms;
        bool slow = world_has(FAULT_PLANNER_LATE) && random_one_in(&world.random, 4);
        int64_t takes_ms = random_between(&world.random, 1, slow ? limit_ms - 1 : 500);
        struct arrival *arrival = world_alloc(sizeof *arrival);
        *arrival = (struct arrival){.process = process, .number = ask->number};
        ask->began = true;
        ask->end = draw_end();
        process_later(process, ask->end == PLANNER_LATE ? limit_ms : takes_ms, on_end, arrival);
}

/* As many are asked at once as there are programs. */
static void dispatch(struct planner *planner)
{
        int64_t busy = 0;
        for (const struct planner_ask *ask = planner->asks; ask; ask = ask->next)
                busy += ask->began;
        for (struct planner_ask *ask = planner->asks; ask && busy < planner->settings.processes;
             ask = ask->next)
                if (!ask->began) {
                        begin(ask);
                        busy++;
                }
}

/* ---- being asked ---- */

struct planner_ask *planner_ask(struct planner *planner, const struct plan_question *question,
                                planner_done *done, void *context)
{
        unsigned id = 0, content = 0;
        char data[40];
        snprintf(data, sizeof data, "%.*s", SLICE_PRINT(question->data));
        if (sscanf(data, "{\"n\":%u,\"c\":%u", &id, &content) != 2 || id >= IDS_MAX || content > 1)
                world_fail("planner", "%s is to be planned", data);
        check_question(planner->process, (uint8_t)id, context);
        if (world_fault(FAULT_PLANNER_DOWN))
                return NULL;
        struct planner_ask *ask = memory_zeroed(1, sizeof *ask);
        *ask = (struct planner_ask){.planner = planner,
                                    .done = done,
                                    .context = context,
                                    .id = (uint8_t)id,
                                    .content = (uint8_t)content,
                                    .number = ++world.plan_asks};
        struct planner_ask **link = &planner->asks;
        while (*link)
                link = &(*link)->next;
        *link = ask;
        dispatch(planner);
        return ask;
}

bool planner_ask_began(const struct planner_ask *ask)
{
        return ask->began;
}

/* One that has begun may end in peace. */
void planner_ask_forget(struct planner_ask *ask)
{
        ask->done = NULL;
        if (ask->began)
                return;
        take_off(ask);
        free(ask);
}

struct planner_numbers planner_numbers(const struct planner *planner)
{
        (void)planner;
        return (struct planner_numbers){0};
}

const char *planner_trouble(const struct planner *planner)
{
        (void)planner;
        return "no program runs";
}
