#include "world.h"

#include "core/memory/memory.h"

#include <stdlib.h>

/* io/send/mail_files.h over an origin that has the file, has it not, or is not reached. */

struct mail_files {
        struct process *process;
        struct mail_fetch *under_way;
};

struct mail_fetch {
        struct mail_files *files; /* NULL: it is over */
        struct mail_fetch *next;
        mail_fetch_done *done;
        void *context;
        struct send_result result;
        struct mail_file one;
        uint32_t number;
};

/* What outlives the fetch: its end on the way to the loop. */
struct arrival {
        struct process *process;
        uint32_t number;
};

struct mail_files *mail_files_open(uv_loop_t *loop, const struct config_attachments *config)
{
        (void)loop, (void)config;
        struct mail_files *files = memory_zeroed(1, sizeof *files);
        files->process = process_now();
        process_now()->files = files;
        return files;
}

static void take_off(struct mail_fetch *fetch)
{
        struct mail_fetch **link = &fetch->files->under_way;
        while (*link != fetch)
                link = &(*link)->next;
        *link = fetch->next;
        fetch->files = NULL;
}

void mail_files_close(struct mail_files *files)
{
        while (files->under_way) {
                struct mail_fetch *fetch = files->under_way;
                mail_fetch_done *done = fetch->done;
                void *context = fetch->context;
                take_off(fetch);
                free(fetch);
                done(context, NULL);
        }
        files->process->files = NULL;
        free(files);
}

bool mail_files_wanted(const struct mail *mail)
{
        return mail->attachments && mail->attachments[0].url;
}

const char *mail_files_refusal(struct arena *arena, const struct config_attachments *config,
                               const struct mail *mail)
{
        (void)arena, (void)config, (void)mail;
        return NULL;
}

/* A permanent refusal of the effect may be one of its file. */
static struct send_result draw(const struct spec *spec, unsigned effect)
{
        bool permanent = spec->permanent >> effect & 1;
        struct send_result result = {.outcome = SEND_DONE, .retry_after_ms = -1};
        if (permanent && random_one_in(&world.random, 2))
                result.outcome = SEND_PERMANENT;
        else if (world_fault(FAULT_TRANSIENT))
                result.outcome = SEND_TRANSIENT;
        if (result.outcome != SEND_DONE)
                snprintf(result.error, sizeof result.error, "the file cannot be had");
        return result;
}

/* A file that is not to be had is a try that failed. */
static void note_failed(const struct delivery *delivery, enum send_outcome outcome)
{
        uint8_t id = (uint8_t)(delivery->envelope.id[1] - '0');
        int16_t run = check_run_of(id, store_owner(slice_of(delivery->owner)));
        if (outcome == SEND_TRANSIENT)
                check_burnt(id, delivery->job.generation);
        if (run >= 0)
                world.runs[run].tried = true;
}

static void on_end(void *context)
{
        const struct arrival *arrival = context;
        struct mail_fetch *fetch = arrival->process->files ? arrival->process->files->under_way : NULL;
        while (fetch && fetch->number != arrival->number)
                fetch = fetch->next;
        if (!fetch)
                return;
        const struct delivery *delivery = fetch->context;
        take_off(fetch);
        if (fetch->result.outcome != SEND_DONE)
                note_failed(delivery, fetch->result.outcome);
        fetch->done(fetch->context, &fetch->result);
}

struct mail_fetch *mail_fetch_begin(struct mail_files *files, const struct mail *mail, mail_fetch_done *done,
                                    void *context)
{
        unsigned effect = 0, id = 0;
        struct mail_fetch *fetch = memory_zeroed(1, sizeof *fetch);
        if (sscanf(mail->subject, "e%u of j%u", &effect, &id) != 2)
                world_fail("files", "those of %.40s are fetched", mail->subject);
        *fetch = (struct mail_fetch){.files = files,
                                     .next = files->under_way,
                                     .done = done,
                                     .context = context,
                                     .result = draw(&world.specs[id], effect),
                                     .number = ++world.fetches};
        files->under_way = fetch;
        struct arrival *arrival = world_alloc(sizeof *arrival);
        *arrival = (struct arrival){.process = files->process, .number = fetch->number};
        process_later(files->process, random_between(&world.random, 1, world_has(FAULT_SLOW) ? 9000 : 500),
                      on_end, arrival);
        return fetch;
}

const struct send_result *mail_fetch_result(const struct mail_fetch *fetch)
{
        if (fetch->files)
                world_fail("files", "the end of a fetch is asked for before it");
        return &fetch->result;
}

const struct mail_file *mail_fetch_files(const struct mail_fetch *fetch)
{
        if (fetch->files)
                world_fail("files", "a mail leaves before its files are there");
        return &fetch->one;
}

void mail_fetch_free(struct mail_fetch *fetch)
{
        if (fetch->files)
                world_fail("files", "a fetch is freed before its end");
        free(fetch);
}
