// Statuses in sentences.

#include <tally/status.h>

static const struct {
    tally_status status;
    const char *sentence;
} sentences[] = {
    {TALLY_OK, "success"},
    {TALLY_NO_MEMORY, "out of memory; nothing was changed"},
    {TALLY_INVALID, "an argument is out of its range"},
    {TALLY_LIMIT, "too many mutators or types"},
    {TALLY_DEADLOCK, "would wait for itself: called inside a borrow section, "
                     "a stopped world or a collection"},
    {TALLY_NOT_OWNER, "another thread owns the object"},
    {TALLY_BUSY, "in use: the runtime has started, or threads are attached"},
    {TALLY_TIMED_OUT, "a thread did not reach a safepoint in time"},
    {TALLY_CORRUPT, "the heap breaks an invariant; see stderr"},
};

const char *tally_strerror(tally_status status) {
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
        if (sentences[i].status == status)
            return sentences[i].sentence;
    return "unknown status";
}
