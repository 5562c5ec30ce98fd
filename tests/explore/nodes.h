// The objects of scenario collect, and what is known of them: the oracle.

#ifndef EXPLORE_NODES_H
#define EXPLORE_NODES_H

#include <tally/tally.h>

#include "schedule.h"

#define THREADS SCHEDULE_THREADS
#define OBJECTS 8u // there may be at a time
#define FIRST 6u   // that there are when a schedule begins

struct node {
    tally_object head;
    tally_ref next;  // private: of thread [writer]
    tally_aref link; // shared
    uint64_t which;
};

// Objects of the simplest kind, with a destroy hook, and with a finalizer.
struct bare {
    struct node node;
};
struct told {
    struct node node;
};
struct last {
    struct node node;
};
extern tally_type tally_type_bare, tally_type_told, tally_type_last;

extern struct node *objects[OBJECTS];
extern unsigned writer[OBJECTS];

extern unsigned holds[THREADS]; // what each thread has references to, as bits
extern tally_object *asked[THREADS]; // by a weak reference, just now
// Whether any was got: garbage may be had that way until its finalizers have
// run.
extern bool asks_granted;

void hold(unsigned self, unsigned k);
void release(unsigned self, unsigned k);

// What a thread has borrowed now, or NULL.
void borrow_note(unsigned self, struct node *node);

bool is_alive(unsigned k);

// Whether an object is gone, and its number can be another's.
bool is_free(unsigned k);

void object_make(unsigned self, unsigned k, tally_type *type);

// What a reference that is held leads to: its number.
unsigned number_of(const struct node *node, const char *how);

// All that is held leads to is there.
void reached_check(void);

// What is held is there, and what is borrowed is what it was.
void nodes_look(const void *address);

#endif
