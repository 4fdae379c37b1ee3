/* main of a fuzz target outside libFuzzer: runs the files, and the files of the directories, that it is
 * given. */

#include "fuzz.h"

#include "core/text/buffer.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

static size_t replayed;

static void replay_file(const char *path)
{
        struct buffer input = {0};
        FILE *file = fopen(path, "rb");
        CHECK(file);
        size_t got;
        do {
                got = fread(buffer_reserve(&input, 65536), 1, 65536, file);
                input.len += got;
        } while (got > 0);
        CHECK(!ferror(file));
        fclose(file);
        /* Exactly its size on the heap, so that a read past its end is seen. */
        uint8_t *exact = malloc(input.len ? input.len : 1);
        CHECK(exact);
        if (input.len)
                memcpy(exact, input.data, input.len);
        LLVMFuzzerTestOneInput(exact, input.len);
        free(exact);
        buffer_fini(&input);
        replayed++;
}

static void replay_directory(const char *path)
{
        struct buffer name = {0};
        DIR *directory = opendir(path);
        CHECK(directory);
        for (struct dirent *entry; (entry = readdir(directory));) {
                if (entry->d_name[0] == '.')
                        continue;
                buffer_clear(&name);
                buffer_printf(&name, "%s/%s", path, entry->d_name);
                fprintf(stderr, "%s\n", name.data);
                replay_file(name.data);
        }
        closedir(directory);
        buffer_fini(&name);
}

int main(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                struct stat status;
                if (stat(argv[i], &status) != 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
                        return 1;
                }
                if (S_ISDIR(status.st_mode))
                        replay_directory(argv[i]);
                else
                        replay_file(argv[i]);
        }
        fprintf(stderr, "%zu inputs\n", replayed);
        return replayed ? 0 : 1;
}
