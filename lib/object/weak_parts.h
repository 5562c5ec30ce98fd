// What weak references are made of, for weak.c.

#ifndef TLY_OBJECT_WEAK_PARTS_H
#define TLY_OBJECT_WEAK_PARTS_H

#include <tally/weak.h>

struct tally_weak {
    tally_object head;
    tally_object *target; // (a) NULL: dead
    struct tly_weak_call *list;
};

// One with a callback. [next] of [weak.list] is its place in the control
// block's list, or in the list of those that are to be called.
struct tly_weak_call {
    struct tally_weak weak;
    tally_ref control;
    tally_weak_hook callback;
    void *arg;
    struct tly_weak_call **link; // what points to it; NULL: on no list
    tally_object *then;          // dead, and waits for this callback, its last
    uint32_t batch; // made by a finalizer of it: not called with its garbage
};

// One whose callback's argument is an object that it holds.
struct tly_weak_kept {
    struct tly_weak_call call;
    tally_ref kept;
    uint64_t note;
};

#endif
