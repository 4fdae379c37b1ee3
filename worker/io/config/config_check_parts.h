#ifndef LEVERET_IO_CONFIG_CHECK_PARTS_H
#define LEVERET_IO_CONFIG_CHECK_PARTS_H

/* Inside of the check of a configuration: what its parts share. */
#include "io/config/config_check.h"
#include "io/config/config_url.h"

struct check {
        const struct config *config;
        struct arena *arena;
        config_fault *fault;
        void *context;
};

/* Reports what is wrong with the setting `path`. */
void check_fault(struct check *check, const char *path, const char *message);
/* Is every part of the URL used, and is it encrypted or of this machine? `plain_switch`: the setting that
 * allows it to be neither; NULL: it is allowed. */
void check_url(struct check *check, enum url_use use, const char *path, const char *text,
               const char *plain_switch);
void check_tls(struct check *check, const char *section, const struct config_tls *tls);

/* ---- config_check_outlet.c ---- */
/* Everything that concerns one outlet. */
void check_outlet(struct check *check, const struct config_outlet *outlet);

/* ---- config_check_schedule.c ---- */
/* Names, times, zones and payloads of all schedules. */
void check_schedules(struct check *check);

#endif
