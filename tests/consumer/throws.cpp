// C++ programs whose finalizers throw.

#include <cstdio>

#include <tally/tally.h>

namespace {
unsigned finalized;
bool throws;

void file_finalize(void *) {
    finalized++;
    if (throws) {
        throws = false;
        throw 1;
    }
}
struct file {
    tally_object head;
};
TALLY_TYPE(file, TALLY_FINALIZE(file_finalize));

void file_drop() {
    struct file *file = tally_new(file);
    tally_decref(file);
}

// With a stack that is deeper than where a finalizer threw.
void file_drop_deeper(unsigned frames) {
    volatile char hole[100];
    hole[0] = 1;
    if (frames > 0)
        file_drop_deeper(frames - 1);
    else
        file_drop();
    hole[1] = hole[0];
}

void borrow() {
    TALLY_BORROW { throw 1; }
}
void block() {
    TALLY_BLOCKING { throw 1; }
}
bool scope_ends(void (*scope)()) {
    try {
        scope();
        return false;
    } catch (int) {
        return tally_synchronize() == TALLY_OK && tally_mutator_number() > 0;
    }
}
} // namespace

int main() {
    bool caught = false;
    throws = true;
    try {
        file_drop();
    } catch (int) {
        caught = true;
    }
    file_drop_deeper(40);
    if (!caught || finalized != 2) {
        std::printf("caught %d, finalized %u\n", caught, finalized);
        return 1;
    }
    if (!scope_ends(borrow) || !scope_ends(block)) {
        std::printf("a section or region does not end\n");
        return 1;
    }
    return tally_shutdown(nullptr) == TALLY_OK ? 0 : 1;
}
