// PEER pkg-config: mimalloc debian: libmimalloc-dev
// mimalloc with a plain count. It alone of the mallocs can visit what is
// allocated; it works that out from its free lists.

#include <mimalloc.h>

#define RIVAL "mimalloc"
#define peer_alloc mi_malloc
#define peer_free mi_free

#include "count_plain.h"
#include "rival_counted.h"
#include "questions_counted.h"

static bool walk_block(const mi_heap_t *heap, const mi_heap_area_t *area,
                       void *block, size_t size, void *count) {
    (void)heap;
    (void)area;
    *(size_t *)count += block && size >= sizeof(struct node);
    return true;
}

static size_t rival_walk(void) {
    size_t count = 0;
    mi_heap_visit_blocks(mi_heap_get_default(), true, walk_block, &count);
    return count;
}
static void rival_collect_hold(void) {}
static void rival_collect_allow(void) {}
static void rival_collect(void) {}

#include "work/walk.h"

int main(int argc, char **argv) {
    static const struct peer_question questions[] = {
        QUESTIONS_COUNTED, {"walk", work_walk}, {NULL, NULL}};
    return peer_main(argc, argv, questions);
}
