#include "core/memory/memory.h"
#include "io/serve/http_request.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What is not read yet; a client that leaves more unread is slow, and is told no more. */
enum { UNREAD_MAX = 256 << 10, BLOCK_BYTES = 8192 };

struct http_stream {
        pthread_mutex_t mutex; /* over all below */
        struct http_server *server;
        struct MHD_Connection *connection; /* NULL: it is gone */
        void *place;
        struct buffer unread;
        size_t at; /* so much of it is read */
        bool suspended, ended;
        int holders; /* the response, and who writes */
};

static void let_go(struct http_stream *stream)
{
        pthread_mutex_lock(&stream->mutex);
        bool last = --stream->holders == 0;
        pthread_mutex_unlock(&stream->mutex);
        if (!last)
                return;
        pthread_mutex_destroy(&stream->mutex);
        buffer_fini(&stream->unread);
        free(stream);
}

/* With the mutex held. */
static void wake(struct http_stream *stream)
{
        if (stream->suspended && stream->connection)
                MHD_resume_connection(stream->connection);
        stream->suspended = false;
}

struct http_stream *http_request_stream(const struct http_request *asked)
{
        struct http_request *request = (struct http_request *)(uintptr_t)asked;
        struct http_stream *stream = memory_zeroed(1, sizeof(*stream));
        if (pthread_mutex_init(&stream->mutex, NULL))
                abort();
        stream->server = request->server;
        stream->connection = request->connection;
        stream->place = http_request_place(request);
        stream->holders = 2;
        request->stream = stream;
        return stream;
}

bool http_stream_add(struct http_stream *stream, struct slice text)
{
        pthread_mutex_lock(&stream->mutex);
        bool takes = stream->connection && stream->unread.len - stream->at + text.len <= UNREAD_MAX;
        if (takes) {
                buffer_add_slice(&stream->unread, text);
                admin_connections_renew(stream->server->connections, stream->place);
                wake(stream);
        }
        pthread_mutex_unlock(&stream->mutex);
        return takes;
}

void http_stream_end(struct http_stream *stream)
{
        pthread_mutex_lock(&stream->mutex);
        stream->ended = true;
        wake(stream);
        pthread_mutex_unlock(&stream->mutex);
        let_go(stream);
}

/* On the server's thread, when there is room: what is unread, else the connection is suspended until there
 * is. */
static ssize_t read_stream(void *context, uint64_t position, char *to, size_t room)
{
        (void)position;
        struct http_stream *stream = context;
        pthread_mutex_lock(&stream->mutex);
        size_t len = stream->unread.len - stream->at;
        ssize_t read = (ssize_t)(len < room ? len : room);
        if (len > 0) {
                memcpy(to, stream->unread.data + stream->at, (size_t)read);
                stream->at += (size_t)read;
                if (stream->at == stream->unread.len) {
                        buffer_recycle(&stream->unread, BLOCK_BYTES);
                        stream->at = 0;
                }
        } else if (stream->ended) {
                read = MHD_CONTENT_READER_END_OF_STREAM;
        } else {
                stream->suspended = true;
                MHD_suspend_connection(stream->connection);
        }
        pthread_mutex_unlock(&stream->mutex);
        return read;
}

static void on_freed(void *context)
{
        struct http_stream *stream = context;
        pthread_mutex_lock(&stream->mutex);
        stream->connection = NULL;
        pthread_mutex_unlock(&stream->mutex);
        let_go(stream);
}

struct MHD_Response *http_stream_response(struct http_request *request)
{
        struct http_stream *stream = request->stream;
        struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES,
                                                                          read_stream, stream, on_freed);
        if (!response)
                on_freed(stream);
        return response;
}
