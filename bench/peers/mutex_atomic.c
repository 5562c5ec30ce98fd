// A pointer under a mutex, to nodes of glibc's malloc with an atomic count.
// What is read at once is read under the mutex and not counted, which is the
// fastest way.

#include <pthread.h>
#include <stdlib.h>

#define RIVAL "mutex_atomic"
#define peer_alloc malloc
#define peer_free free

#include "count_atomic.h"
#include "rival_counted.h"

// glibc's mutex is made of zeros.
typedef struct shared_field {
    pthread_mutex_t mutex;
    node_ref node;
} shared_field;

static inline void shared_put(shared_field *field, node_ref *value) {
    pthread_mutex_lock(&field->mutex);
    node_ref old = field->node;
    field->node = *value;
    pthread_mutex_unlock(&field->mutex);
    if (old)
        node_drop(&old);
}

static inline uintptr_t shared_word(shared_field *field) {
    pthread_mutex_lock(&field->mutex);
    uintptr_t word = (uintptr_t)node_left(node_peek(&field->node));
    pthread_mutex_unlock(&field->mutex);
    return word;
}

static inline node_ref shared_copy(shared_field *field) {
    pthread_mutex_lock(&field->mutex);
    node_ref copy = node_copy(&field->node);
    pthread_mutex_unlock(&field->mutex);
    return copy;
}

#include "peer.h"
#include "work/shared.h"

int main(int argc, char **argv) {
    static const struct peer_question questions[] = {{"shared", work_shared},
                                                     {NULL, NULL}};
    return peer_main(argc, argv, questions);
}
