/* Any configuration file: refused with lines that name the place, or values that, printed, load again as the
 * same. */

#include "fuzz.h"

#include "io/config/config_file.h"

#include <sys/mman.h>
#include <unistd.h>

/* Loads the text as a file of its own in memory. NULL if refused. */
static struct config *load(struct slice text, struct config_errors *errors)
{
        char path[64];
        struct config *config;
        int file = memfd_create("leveret.yaml", MFD_CLOEXEC);
        CHECK(file >= 0);
        CHECK(write(file, text.data, text.len) == (ssize_t)text.len);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
        int status = config_load(&(struct config_source){.path = path}, &config, errors);
        close(file);
        CHECK((status == 0) == (config != NULL) && (status == 0) == (errors->count == 0));
        return config;
}

/* Lines for a terminal. */
static void check_lines(const struct buffer *lines, size_t count)
{
        size_t ends = 0;
        for (size_t i = 0; i < lines->len; i++) {
                ends += lines->data[i] == '\n';
                CHECK((unsigned char)lines->data[i] >= 0x20 || lines->data[i] == '\n');
        }
        CHECK(ends == count);
}

static void check_printed(const struct config *config)
{
        struct config_errors errors = {0};
        struct buffer first = {0}, again = {0};
        config_print(config, &first);
        struct config *loaded = load((struct slice){.data = first.data, .len = first.len}, &errors);
        if (!loaded)
                fprintf(stderr, "%s%s", first.data, errors.lines.data);
        CHECK(loaded);
        config_print(loaded, &again);
        CHECK(first.len == again.len && memcmp(first.data, again.data, first.len) == 0);
        config_free(loaded);
        config_errors_fini(&errors);
        buffer_fini(&first);
        buffer_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct config_errors errors = {0};
        struct config *config = load((struct slice){.data = (const char *)data, .len = size}, &errors);
        check_lines(&errors.lines, errors.count);
        check_lines(&errors.warnings, errors.warning_count);
        if (config)
                check_printed(config);
        config_free(config);
        config_errors_fini(&errors);
        return 0;
}
