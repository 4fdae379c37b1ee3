#ifndef LEVERET_IO_MAIL_FILES_H
#define LEVERET_IO_MAIL_FILES_H

#include "core/mail/mail.h"
#include "core/memory/arena.h"
#include "core/send/send.h"
#include "core/settings/config.h"

#include <uv.h>

/*
 * The files of mails that are named by a URL: fetched before each try, to files without a name in
 * attachments.dir, of which all together take no more than attachments.disk. On threads beside the loop, so
 * that neither a name server, a slow origin nor the disk holds it up; a byte of a file lies in memory only
 * while it is copied. All calls and callbacks are on the loop's thread.
 */
struct mail_files;
/* Those of one mail. */
struct mail_fetch;

/* Nothing is opened before a file is wanted. `config` is borrowed. */
struct mail_files *mail_files_open(uv_loop_t *loop, const struct config_attachments *config);
/* Breaks off all that is under way: `done` is called with no result. Those that are over may still be freed,
 * before the loop has turned for the last time. */
void mail_files_close(struct mail_files *files);

/* Does the mail have files that must be fetched? */
bool mail_files_wanted(const struct mail *mail);
/* Why they must not be, "/attachments/0/url: not in attachments.allow", in the arena; NULL if they may. */
const char *mail_files_refusal(struct arena *arena, const struct config_attachments *config,
                               const struct mail *mail);

/*
 * How it ended: SEND_DONE, and mail_fetch_files gives the files; else what the try has come to, which is
 * never ambiguous. Permanent: 404, 410, a wrong hash or size, more than attachments.max. NULL: it was broken
 * off, and `fetch` is no more. Never called from inside mail_fetch_begin.
 */
typedef void mail_fetch_done(void *context, const struct send_result *result);

/* Begins when there is room for the files. Of the mail nothing is needed afterwards. */
struct mail_fetch *mail_fetch_begin(struct mail_files *files, const struct mail *mail, mail_fetch_done *done,
                                    void *context);
/* After `done`: its result. */
const struct send_result *mail_fetch_result(const struct mail_fetch *fetch);
/* One for each attachment of the mail, in its order, as struct mail_request wants them. */
const struct mail_file *mail_fetch_files(const struct mail_fetch *fetch);
/* After `done`: closes the files, which gives their room to others. */
void mail_fetch_free(struct mail_fetch *fetch);

#endif
