#include "core/text/shorten.h"
#include "io/amqp/amqp_outbox.h"

/* Publishes in order, and their way back to the loop. */

void publish_list_add(struct publish_list *list, struct publish *publish)
{
        publish->next = NULL;
        if (list->tail)
                list->tail->next = publish;
        else
                list->head = publish;
        list->tail = publish;
}

struct publish *publish_list_take(struct publish_list *list)
{
        struct publish *publish = list->head;
        if (publish) {
                list->head = publish->next;
                list->tail = list->head ? list->tail : NULL;
        }
        return publish;
}

void outbox_end(struct outbox *outbox, struct publish *publish, enum publish_outcome outcome,
                const char *error)
{
        publish->outcome = outcome;
        text_shorten(publish->error, sizeof(publish->error), error);
        uv_mutex_lock(&outbox->mutex);
        publish_list_add(&outbox->ended, publish);
        if (outbox->wake_loop)
                uv_async_send(outbox->wake_loop);
        uv_mutex_unlock(&outbox->mutex);
}
