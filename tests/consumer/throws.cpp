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

// Garbage's finalizer throws in the last collection.
struct link {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(link, TALLY_REF(next), TALLY_FINALIZE(file_finalize));
bool shutdown_throws() {
    struct link *link = tally_new(link);
    tally_set(link, next, link);
    tally_decref(link);
    throws = true;
    try {
        tally_shutdown(nullptr);
        return false;
    } catch (int) {
        return true;
    }
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
bool visit(void *, void *) { throw 1; }
void walk() { tally_objects_each(nullptr, TALLY_OBJECTS_ALL, visit, nullptr); }
struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));
struct node *node;
void referents() { tally_referents_each(node, visit, nullptr); }
bool scope_ends(void (*scope)()) {
    try {
        scope();
        return false;
    } catch (int) {
        bool collects =
            tally_collect_with(TALLY_STOPPED, TALLY_FULL, nullptr) == TALLY_OK;
        return collects && tally_synchronize() == TALLY_OK &&
               tally_mutator_number() > 0;
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
    node = tally_new(node);
    tally_set(node, next, node);
    if (!scope_ends(walk) || !scope_ends(referents)) {
        std::printf("a walk does not end\n");
        return 1;
    }
    tally_set(node, next, nullptr);
    tally_decref(node);
    if (!shutdown_throws()) {
        std::printf("a shutdown does not end\n");
        return 1;
    }
    return tally_shutdown(nullptr) == TALLY_OK ? 0 : 1;
}
