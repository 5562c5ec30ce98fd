// Some ranges, copied word by word: 100 KiB take about 5 us.

#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define RANGES 128

static struct {
    uint64_t *at, *copy;
    size_t words;
    bool *poisoned; // each word, by AddressSanitizer; NULL: not to be changed
} ranges[RANGES];
static unsigned ranges_count;

// The linker's names for the begin and the end of variables.
extern char __data_start[], _end[];

// AddressSanitizer is not asked: between variables lies what it has made
// poisonous.
__attribute__((noinline, no_sanitize_address)) static void words_copy(
    volatile uint64_t *to, const volatile uint64_t *from, size_t count) {
    if (!TLY_ASAN) {
        memcpy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, count * 8);
        return;
    }
    for (size_t n = 0; n < count; n++)
        to[n] = from[n];
}

static void *room(size_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || ranges_count == RANGES) {
        perror("explore: room for a snapshot");
        exit(2);
    }
    return at;
}

// Which words may be touched belongs to the memory.
static void poison_save(unsigned n) {
    for (size_t w = 0; ranges[n].poisoned && w < ranges[n].words; w++)
        ranges[n].poisoned[w] = tly_is_poisoned(ranges[n].at + w);
}

static void poison_restore(unsigned n) {
    for (size_t w = 0; ranges[n].poisoned && w < ranges[n].words; w++) {
        if (ranges[n].poisoned[w])
            ASAN_POISON_MEMORY_REGION(ranges[n].at + w, sizeof(uint64_t));
        else
            ASAN_UNPOISON_MEMORY_REGION(ranges[n].at + w, sizeof(uint64_t));
    }
}

static void add(void *at, size_t size, bool *poisoned) {
    void *copy = room(size);
    ranges[ranges_count].at = at;
    ranges[ranges_count].copy = copy;
    ranges[ranges_count].words = size / sizeof(uint64_t);
    ranges[ranges_count].poisoned = poisoned;
    ranges_count++;
}

void snapshot_add(void *at, size_t size) {
    add(at, size, TLY_ASAN ? room(size / sizeof(uint64_t)) : NULL);
}

void snapshot_save(void) {
    char *begin = (char *)(((uintptr_t)__data_start + 7) & ~(uintptr_t)7);
    add(begin, (size_t)(_end - begin), NULL);
    for (unsigned n = 0; n < ranges_count; n++) {
        words_copy(ranges[n].copy, ranges[n].at, ranges[n].words);
        poison_save(n);
    }
}

void snapshot_restore(void) {
    for (unsigned n = 0; n < ranges_count; n++) {
        words_copy(ranges[n].at, ranges[n].copy, ranges[n].words);
        poison_restore(n);
    }
}
