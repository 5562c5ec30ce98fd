// Statuses in sentences.

#include "base/status.h"

#include <string.h>

#define ERRNOS 4096 // negated, they are statuses

static const struct {
    tally_status status;
    const char *sentence;
} sentences[] = {
    {TALLY_OK, "success"},
    {TALLY_NO_MEMORY, "out of memory; nothing was changed"},
    {TALLY_INVALID, "an argument is out of its range"},
    {TALLY_LIMIT, "too many mutators, types, entries or levels"},
    {TALLY_DEADLOCK, "would wait for itself: called inside a borrow section, "
                     "a stopped world or a collection"},
    {TALLY_NOT_OWNER, "another thread owns the object"},
    {TALLY_BUSY, "in use: the runtime has started, or threads are attached"},
    {TALLY_TIMED_OUT,
     "not in time: a thread passed no safepoint, or what came first has "
     "not ended"},
    {TALLY_CORRUPT, "the heap breaks an invariant; see stderr"},
    {TALLY_WRONG_TYPE, "the value is of another type"},
    {TALLY_UNSUPPORTED, "values of this type cannot do this"},
    {TALLY_RANGE, "an index or a number is out of range"},
    {TALLY_OVERFLOW, "a size, shape or offset overflows"},
    {TALLY_NOT_FOUND, "there is no such element"},
    {TALLY_ENCODING, "the text is not valid UTF-8"},
    {TALLY_FORMAT, "the format string is not known"},
    {TALLY_READ_ONLY, "the memory may not be written"},
    {TALLY_RELEASED, "the view was released"},
    {TALLY_EXPORTED, "its memory is in use by views; it cannot change size"},
    {TALLY_NOT_CONTIGUOUS, "the memory is not contiguous as asked"},
    {TALLY_GONE, "the memory is not there any more: its file was truncated"},
    {TALLY_HOOK_FAILED,
     "a hook failed with \"there is no such element\", which "
     "is no failure; it should say why it failed"},
};

static const char *sentence_of(tally_status status) {
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
        if (sentences[i].status == status)
            return sentences[i].sentence;
    return NULL;
}

const char *tally_strerror(tally_status status) {
    const char *sentence = sentence_of(status);
    if (sentence || status >= 0 || status <= -ERRNOS)
        return sentence ? sentence : "unknown status";
    sentence = sentence_of(TALLY_ANSWER_(-status));
    return sentence ? sentence : strerror(-status);
}

int tly_errno_of(tally_status status) {
    if (status <= TALLY_ANSWER_(0) && status > TALLY_ANSWER_(ERRNOS))
        return TALLY_ANSWER_(0) - status;
    return (int)(0u - (unsigned)status); // a hook's may be INT_MIN
}
