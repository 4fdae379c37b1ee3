#ifndef LEVERET_CORE_PRESET_FILE_H
#define LEVERET_CORE_PRESET_FILE_H

#include "core/send/mail_preset.h"

/* What the service does not take of the file, "takes none that is shown in the html"; NULL: it takes it. */
const char *preset_file_lack(const struct preset_can *can, const struct attachment *file);

#endif
