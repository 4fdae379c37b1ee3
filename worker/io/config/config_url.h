#ifndef LEVERET_IO_CONFIG_URL_H
#define LEVERET_IO_CONFIG_URL_H

#include "core/memory/arena.h"

/* What a URL of the configuration is for, and so which of its parts mean something. */
enum url_use {
        URL_BROKER,      /* user, several hosts, virtual host */
        URL_REDIS,       /* user, number of a database */
        URL_MAIL_API,    /* path */
        URL_MAIL_SERVER, /* host and port alone */
        URL_MANAGEMENT,  /* user, path */
        URL_WEBHOOK,     /* user, path, query */
        URL_COLLECTOR,   /* user, path */
};

/* What is wrong with `text`, and what to write instead, in the words of an error that begins with the
 * setting's name; NULL if every part of it is used. Never shows the URL, which may hold a password. */
const char *config_url_fault(struct arena *arena, enum url_use use, const char *text);

#endif
