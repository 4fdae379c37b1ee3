#ifndef LEVERET_TESTS_REDIS_PEER_H
#define LEVERET_TESTS_REDIS_PEER_H

#include "peer.h"

#include <hiredis/hiredis.h>

/* A Redis of which nothing is asked but to be connected to: it takes all that a connection begins with. What
 * comes after that is `gather` commands, answered all at once, or nothing: then it hangs up. */
struct redis_peer_script {
        int gather;
        const char *acks; /* the answer to each WAIT but the first, to which it says 1; NULL: as all else */
        const char *unasked; /* said behind these answers */
        bool spare;          /* the beginning is that of a spare connection: it loads one script */
};

static inline const char *redis_peer_answer(const char *command)
{
        if (strcasecmp(command, "SCRIPT") == 0)
                return "$40\r\n0123456789012345678901234567890123456789\r\n";
        if (strcasecmp(command, "EVALSHA") == 0)
                return "$0\r\n\r\n";
        return strcasecmp(command, "INFO") == 0 ? "$11\r\nmaxmemory:0\r\n" : "+OK\r\n";
}

/* The next command, to be freed; NULL: the client has hung up. */
static inline redisReply *redis_peer_read(redisReader *reader, int fd)
{
        void *command = NULL;
        while (redisReaderGetReply(reader, &command) == REDIS_OK && !command) {
                char data[4096];
                ssize_t len = recv(fd, data, sizeof data, 0);
                if (len <= 0)
                        return NULL;
                redisReaderFeed(reader, data, (size_t)len);
        }
        return command;
}

/* Answers one by one, until the client hangs up. */
static inline void redis_peer_acknowledge(const char *acks, redisReader *reader, int fd)
{
        redisReply *command;
        for (int waits = 0; (command = redis_peer_read(reader, fd));) {
                bool wait = strcmp(command->element[0]->str, "WAIT") == 0;
                peer_write(fd, !wait ? "+OK\r\n" : waits > 0 ? acks : ":1\r\n");
                waits += wait;
                freeReplyObject(command);
        }
}

static inline void redis_peer_serve(struct peer *peer, int fd, int connection)
{
        const struct redis_peer_script *script = peer->script;
        redisReader *reader = redisReaderCreate();
        redisReply *command;
        (void)connection;
        /* The last question of a connection's beginning is what RESTORE has written. */
        const char *last = script->spare ? "SCRIPT" : "HGET";
        for (bool done = false; !done && (command = redis_peer_read(reader, fd));) {
                done = strcasecmp(command->element[0]->str, last) == 0;
                peer_write(fd, redis_peer_answer(command->element[0]->str));
                freeReplyObject(command);
        }
        if (script->acks)
                redis_peer_acknowledge(script->acks, reader, fd);
        char answers[8 * 1024] = "";
        for (int i = 0; i < script->gather && (command = redis_peer_read(reader, fd)); i++) {
                strcat(answers, "+OK\r\n");
                freeReplyObject(command);
        }
        if (script->unasked)
                strcat(answers, script->unasked);
        peer_write(fd, answers);
        if (script->gather)
                peer_wait_end(fd);
        redisReaderFree(reader);
}

#endif
