// Stress: threads intern the same few thousand words while dropping them.
//
// ORACLE  a ledger says which object a word is while anybody holds it: who gets
//         another has found two. Words are whole. In the end nothing is alive.
// USE     intern [--threads N] [--seconds N] [--seed N]
// FAILS   when the end of a text takes out what has replaced it
//         (interned_gone), or leaves a gap before others (gap_close in
//         container/intern.c); when two may be put in at once. That a dying
//         one is given is found by tests/api/test_intern.c.

#include "stress.h"

#define WORDS 3000u
#define HELD 200u

static struct entry {
    pthread_mutex_t lock;
    tally_text *text; // while [holders] are not 0
    unsigned holders;
} ledger[WORDS];

static atomic_ulong interned, found;

static tally_text *word_new(uint32_t word) {
    char string[60];
    int length =
        snprintf(string, sizeof(string), "word %u%.*s", word, (int)(word % 40),
                 "----------------------------------------");
    tally_text *text = tally_text_new(string, (size_t)length);
    must(text);
    return text;
}

static tally_text *word_take(uint32_t word) {
    tally_text *plain = word_new(word), *text = tally_text_intern(plain);
    must(text);
    expect(tally_text_length(text) == tally_text_length(plain) &&
               !strcmp(tally_text_data(text), tally_text_data(plain)),
           "word %u is \"%s\"", word, tally_text_data(text));
    tally_decref(plain);
    struct entry *entry = &ledger[word];
    must(pthread_mutex_lock(&entry->lock) == 0);
    expect(entry->holders == 0 || entry->text == text,
           "word %u is two objects, %p and %p", word, (void *)entry->text,
           (void *)text);
    atomic_fetch_add_explicit(entry->holders ? &found : &interned, 1,
                              memory_order_relaxed);
    entry->text = text;
    entry->holders++;
    must(pthread_mutex_unlock(&entry->lock) == 0);
    return text;
}

static void word_drop(uint32_t word, tally_text *text) {
    struct entry *entry = &ledger[word];
    must(pthread_mutex_lock(&entry->lock) == 0);
    expect(entry->text == text, "word %u has changed", word);
    entry->holders--;
    must(pthread_mutex_unlock(&entry->lock) == 0);
    tally_decref(text);
}

static void *run(void *arg) {
    uint64_t random = stress_stream((uintptr_t)arg, 0);
    tally_text *held[HELD] = {NULL};
    uint32_t word[HELD] = {0};
    must(tally_attach("interns") == TALLY_OK);
    while (!stress_over()) {
        uint32_t n = stress_below(&random, HELD);
        if (held[n])
            word_drop(word[n], held[n]);
        held[n] = NULL;
        // Some words are many threads' at once, most are one's.
        word[n] = stress_below(&random, stress_below(&random, 4) ? 40 : WORDS);
        if (stress_below(&random, 8))
            held[n] = word_take(word[n]);
        // What dies in a section is in the table until its end.
        if (stress_below(&random, 16) == 0)
            TALLY_BORROW {
                uint32_t other = stress_below(&random, 40);
                word_drop(other, word_take(other));
                word_drop(other, word_take(other));
            }
        tally_safepoint();
        stress_tick();
    }
    for (uint32_t n = 0; n < HELD; n++)
        if (held[n])
            word_drop(word[n], held[n]);
    tally_detach();
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "intern", 6);
    for (uint32_t n = 0; n < WORDS; n++)
        must(pthread_mutex_init(&ledger[n].lock, NULL) == 0);
    team_run(run);
    printf("intern: %lu words were new, %lu were another's too\n",
           atomic_load(&interned), atomic_load(&found));
    stress_settle();
    return stress_end();
}
