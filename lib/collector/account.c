// What collections of each mode and generation have come to.
//
// A reader sees the books of one moment: writers make the number odd, change
// words, and make it even again; who has read words between two reads of one
// even number has read them together. Each word is stored with release and
// loaded with acquire, so that who reads a new word finds the number changed:
// without a fence (after Boehm, "Can Seqlocks Get Along With Programming
// Language Memory Models?", MSPC 2012).

#include "collector/account.h"

#include <string.h>

#include <tally/stats.h>
#include <tally/watch.h>

#include "collector/control.h"
#include "collector/debug.h"
#include "platform/os.h"

#define MODES 2
#define GENERATIONS 2

// The words of tally_collect_stats behind its size.
#define BEHIND_SIZE offsetof(struct tally_collect_stats, collections)
#define WORDS                                                                  \
    ((sizeof(struct tally_collect_stats) - BEHIND_SIZE) / sizeof(uint64_t))
#define WORD_OF(member)                                                        \
    ((offsetof(struct tally_collect_stats, member) - BEHIND_SIZE) /            \
     sizeof(uint64_t))

static struct {
    uint32_t number;                           // (a) odd while words change
    uint32_t last;                             // book of the last collection
    uint64_t word[MODES * GENERATIONS][WORDS]; // (a)
} books;                                       // written under the lock

static uint32_t book_of(tally_collect_mode mode, tally_generation generation) {
    return (uint32_t)mode * GENERATIONS + (uint32_t)generation;
}

static void change_begin(void) {
    tly_spin_lock(&tly_control_lock);
    // Relaxed: the stores of words that follow are releases.
    tly_store_relaxed(&books.number, tly_load_relaxed(&books.number) + 1);
}

static void change_end(void) {
    // ORDER[books] release: after the words. Pairs with the acquire in read.
    tly_store_release(&books.number, tly_load_relaxed(&books.number) + 1);
    tly_spin_unlock(&tly_control_lock);
}

static void word_set(uint32_t book, size_t word, uint64_t value) {
    // ORDER[books-word] release: after the number has become odd. Pairs with
    // the acquire in read.
    tly_store_release(&books.word[book][word], value);
}

static void word_add(uint32_t book, size_t word, uint64_t n) {
    // Relaxed: written under the lock only.
    word_set(book, word, tly_load_relaxed(&books.word[book][word]) + n);
}

static void work_add(uint32_t book, const struct tally_collection *done) {
    word_add(book, WORD_OF(candidates), done->candidates);
    word_add(book, WORD_OF(visited), done->visited);
    word_add(book, WORD_OF(garbage), done->garbage);
    word_add(book, WORD_OF(collected), done->freed);
    word_add(book, WORD_OF(rescued), done->rescued);
    word_add(book, WORD_OF(uncollectable), done->saved);
    word_add(book, WORD_OF(finalized), done->finalized);
}

static void enter(uint32_t book, const struct tally_collection *done,
                  tally_status status) {
    change_begin();
    books.last = book;
    word_add(book,
             status == TALLY_OK ? WORD_OF(collections) : WORD_OF(abandoned), 1);
    work_add(book, done);
    word_add(book, WORD_OF(sum_ns), done->total_ns);
    if (done->total_ns > tly_load_relaxed(&books.word[book][WORD_OF(max_ns)]))
        word_set(book, WORD_OF(max_ns), done->total_ns);
    change_end();
}

static const struct tally_collection nothing;

void tly_account_begin(tally_collect_mode mode, tally_generation generation) {
    tly_announce(&(struct tally_collect_event){
        .phase = TALLY_COLLECT_START,
        .mode = mode,
        .generation = generation,
        .done = &nothing,
    });
}

void tly_account_end(tally_generation generation,
                     const struct tally_collection *done, tally_status status) {
    if (status != TALLY_BUSY)
        enter(book_of(done->mode, generation), done, status);
    if (status == TALLY_OK)
        tly_growth_done(generation);
    if (status != TALLY_BUSY)
        tly_debug_ended(generation, done, status);
    tly_announce(&(struct tally_collect_event){
        .phase = TALLY_COLLECT_STOP,
        .mode = done->mode,
        .generation = generation,
        .status = status,
        .done = done,
    });
}

void tly_account_late(const struct tally_collection *done) {
    change_begin();
    work_add(books.last, done);
    change_end();
}

void tly_account_reset(void) {
    change_begin();
    for (uint32_t book = 0; book < MODES * GENERATIONS; book++)
        for (size_t word = 0; word < WORDS; word++)
            word_set(book, word, 0);
    change_end();
}

// True if the words are of one moment.
static bool read_once(uint32_t book, uint64_t *ret_words) {
    // ORDER[books] acquire: before the words.
    uint32_t number = tly_load_acquire(&books.number);
    if (number & 1)
        return false;
    for (size_t word = 0; word < WORDS; word++)
        // ORDER[books-word] acquire: before the number is read again.
        ret_words[word] = tly_load_acquire(&books.word[book][word]);
    // Relaxed: see above.
    return tly_load_relaxed(&books.number) == number;
}

tally_status tally_collect_stats_get(tally_collect_mode mode,
                                     tally_generation generation,
                                     struct tally_collect_stats *ret_stats) {
    struct tally_collect_stats stats;
    uint64_t words[WORDS];
    if (!ret_stats || !ret_stats->size || ret_stats->size > sizeof(stats) ||
        (unsigned)mode >= MODES || (unsigned)generation >= GENERATIONS)
        return TALLY_INVALID;
    while (!read_once(book_of(mode, generation), words))
        tly_os_yield();
    memcpy((char *)&stats + BEHIND_SIZE, words, sizeof(words));
    stats.size = ret_stats->size;
    memcpy(ret_stats, &stats, stats.size);
    return TALLY_OK;
}
