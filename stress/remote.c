// Stress: raw blocks of all sizes that one thread allocates and another frees.
//
// ORACLE  each block is full of a pattern of its own from its allocation to
//         its free, and aligned; so no block is handed out twice. The bytes
//         got from the OS stay in proportion to those that are handed out.
//         When all is freed, no bytes are live but what mutators have not
//         reported yet.
// USE     remote [--threads N] [--seconds N] [--seed N]; the seed decides the
//         sizes and which queue a block goes through.
// FAILS   when block_free keeps one block of a hundred back (live bytes);
//         with a free before block_check, in a build with poison.

#include "stress.h"

#define QUEUES 16u
#define DEPTH 64u
#define LIVE_MOST ((size_t)48 << 20) // bytes in queues, about

// A block says what it is at its begin; the rest is its pattern.
struct block {
    size_t size;
    uint64_t pattern;
};

struct queue {
    pthread_mutex_t lock;
    uint32_t count;
    struct block *blocks[DEPTH];
};

static struct queue queues[QUEUES];
static atomic_size_t in_use;
static atomic_size_t in_use_most, os_most;
static atomic_ulong allocated, freed;
static meeting team;
static bool over;

// Large blocks are checked at every page and at their end.
static size_t step_of(size_t size) { return size > 65536 ? 4096 : 8; }

static uint64_t *last_word(struct block *block) {
    return (uint64_t *)((char *)block + (block->size - 8) / 8 * 8);
}

static void block_fill(struct block *block) {
    size_t step = step_of(block->size);
    for (size_t at = 16; at + 8 <= block->size; at += step)
        *(uint64_t *)((char *)block + at) = block->pattern + at;
    if (block->size >= 24)
        *last_word(block) = block->pattern;
}

static void block_check(struct block *block) {
    size_t step = step_of(block->size);
    uint64_t *last = last_word(block);
    expect(tally_usable_size(block) >= block->size,
           "a block of %zu bytes has room for %zu", block->size,
           tally_usable_size(block));
    for (size_t at = 16; at + 8 <= block->size; at += step) {
        uint64_t *word = (uint64_t *)((char *)block + at);
        expect(word == last || *word == block->pattern + at,
               "a block of %zu bytes has changed at %zu", block->size, at);
    }
    expect(block->size < 24 || *last == block->pattern,
           "a block of %zu bytes has changed at its end", block->size);
}

// 16 bytes .. 6 MiB, every power of two as often, the large ones rarer.
static size_t random_size(uint64_t *random) {
    uint32_t limit = stress_below(random, 64) ? 12 : 19;
    uint32_t power = 4 + stress_below(random, limit);
    size_t size = (size_t)1 << power;
    size += stress_below(random, (uint32_t)size);
    return size > (6u << 20) ? 6u << 20 : size;
}

static struct block *block_new(uint64_t *random) {
    size_t size = random_size(random);
    bool zero = stress_below(random, 8) == 0;
    struct block *block = zero ? tally_calloc(1, size) : tally_alloc(size);
    must(block);
    expect((uintptr_t)block % 16 == 0, "a block at %p is not aligned",
           (void *)block);
    for (size_t at = 0; zero && at + 8 <= size; at += step_of(size))
        expect(!*(uint64_t *)((char *)block + at),
               "a cleared block of %zu bytes is not, at %zu", size, at);
    block->size = size;
    block->pattern = (uint64_t)stress_random(random) << 32 | (size & 0xFFFFFF);
    block_fill(block);
    atomic_fetch_add(&in_use, size);
    atomic_fetch_add_explicit(&allocated, 1, memory_order_relaxed);
    return block;
}

static void block_free(struct block *block) {
    block_check(block);
    atomic_fetch_sub(&in_use, block->size);
    atomic_fetch_add_explicit(&freed, 1, memory_order_relaxed);
    tally_free(block);
}

static struct block *block_resize(struct block *block, uint64_t *random) {
    struct block was = *block;
    size_t size = random_size(random);
    block_check(block);
    struct block *moved = tally_realloc(block, size);
    must(moved);
    expect(moved->pattern == was.pattern && moved->size == was.size,
           "realloc from %zu to %zu bytes loses the content", was.size, size);
    moved->size = size;
    block_fill(moved);
    atomic_fetch_add(&in_use, size - was.size);
    return moved;
}

// Gives a block to a queue; returns one of it if it is full.
static struct block *queue_put(struct queue *queue, struct block *block,
                               uint32_t at) {
    struct block *out = NULL;
    pthread_mutex_lock(&queue->lock);
    if (queue->count < DEPTH) {
        queue->blocks[queue->count++] = block;
    } else {
        out = queue->blocks[at];
        queue->blocks[at] = block;
    }
    pthread_mutex_unlock(&queue->lock);
    return out;
}

static struct block *queue_take(struct queue *queue) {
    struct block *block = NULL;
    pthread_mutex_lock(&queue->lock);
    if (queue->count)
        block = queue->blocks[--queue->count];
    pthread_mutex_unlock(&queue->lock);
    return block;
}

static void most(atomic_size_t *at, size_t value) {
    size_t seen = atomic_load(at);
    while (seen < value && !atomic_compare_exchange_weak(at, &seen, value)) {
    }
}

static void turn(uint64_t *random) {
    struct queue *queue = &queues[stress_below(random, QUEUES)];
    uint32_t what = stress_below(random, 16);
    bool full = atomic_load(&in_use) > LIVE_MOST;
    struct block *block = NULL;
    if (what < 8 && !full) {
        block =
            queue_put(queue, block_new(random), stress_below(random, DEPTH));
    } else {
        block = queue_take(queue);
        if (block && what == 8)
            block = queue_put(queue, block_resize(block, random), 0);
    }
    if (block)
        block_free(block);
    if (stress_below(random, 4096) == 0)
        tally_trim();
    if (stress_below(random, 512) == 0)
        TALLY_BLOCKING { sched_yield(); }
    if (stress_below(random, 512) == 0) {
        most(&in_use_most, atomic_load(&in_use));
        most(&os_most, stress_stats().os_bytes);
    }
    tally_safepoint();
}

// All that is in the queues is freed, by one thread; the bytes are compared.
static void checkpoint(bool empty) {
    struct tally_stats stats;
    for (uint32_t i = 0; empty && i < QUEUES; i++)
        for (struct block *block; (block = queue_take(&queues[i]));)
            block_free(block);
    // Frees by others are known to a pool when it is next looked at.
    stress_collect();
    tally_trim();
    stats = stress_stats();
    size_t bytes = atomic_load(&in_use);
    // Each mutator reports what it has allocated in steps of 64 KiB.
    uint64_t unsaid = stats.mutators << 16;
    expect(stats.live_bytes + unsaid >= bytes,
           "%zu bytes are in use, and live are %llu", bytes,
           (unsigned long long)stats.live_bytes);
    expect(!empty || stats.live_bytes <= unsaid,
           "all is free, and live are %llu",
           (unsigned long long)stats.live_bytes);
    expect(stats.os_bytes <= 2 * bytes + ((size_t)32 << 20),
           "%zu bytes are in use, and the OS has given %llu", bytes,
           (unsigned long long)stats.os_bytes);
    expect(tally_verify(1) == TALLY_OK, "the heap is corrupt");
}

static void *work(void *arg) {
    uint64_t me = (uint64_t)(uintptr_t)arg, random = stress_stream(1, me);
    for (uint64_t round = 0; !over; round++) {
        uint32_t turns = stress_below(&random, 20000);
        for (uint32_t i = 0; i < turns; i++) {
            turn(&random);
            if (i % 1024 == 0)
                stress_tick();
        }
        meeting_wait(&team);
        if (me == round % stress.threads) {
            over = stress_over();
            checkpoint(over || round % 3 == 2);
        }
        meeting_wait(&team);
    }
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "remote", 4);
    meeting_init(&team, stress.threads);
    for (uint32_t i = 0; i < QUEUES; i++)
        pthread_mutex_init(&queues[i].lock, NULL);
    team_run(work);
    printf("remote: %lu blocks allocated, %lu freed, at most %zu MiB in use "
           "and %zu MiB of the OS\n",
           atomic_load(&allocated), atomic_load(&freed),
           atomic_load(&in_use_most) >> 20, atomic_load(&os_most) >> 20);
    return stress_end();
}
