// The objects that the graph is made of.
//
// There are two layers. Names are what the input speaks of: each has the list
// of names that its stanza declares a relation to, and the list of names that
// do so towards it. Once all is read they do not change any more. Packages are
// the versions that are there now. A name refers to its current package, and a
// package refers to those that it needs:
//
//     name "mawk" ---declared---> [ name "libc6", name "awk" ]
//        |                             |             |
//     package                       package       package
//        v                             v             v
//     mawk 1.3 ----needs-------> [ libc6 2.36,   awk (virtual) ]
//
// To change the graph is to give names new packages, and to give those that
// need them new lists. A list never changes once others can see it: who holds
// a reference to it reads it without a lock. Old packages that needed each
// other still do; when nothing else refers to them, only the collector finds
// them.
//
// Locking key -- who may touch a field:
//   (c) constant once the object can be seen by others
//   (l) constant once all is read; until then, who holds the name's lock
//   (n) who holds the lock of the name, see table.h

#ifndef DEPGRAPH_GRAPH_H
#define DEPGRAPH_GRAPH_H

#include "common.h"

// Kinds of edges, in the order in which lists hold them.
enum kind { PRE_DEPENDS, DEPENDS, RECOMMENDS, PROVIDES, KINDS };

// A string, such as a version.
struct string {
    tally_object head;
    uint32_t length; // (c)
    char bytes[];    // (c)
};
TALLY_TYPE_DECLARE(string);

// An array of references, by kind: [kind] ends before end[kind].
struct links {
    tally_object head;
    uint32_t n;          // (c)
    uint32_t end[KINDS]; // (c)
    tally_ref to[];      // (c), to names or to packages
};
TALLY_TYPE_DECLARE(links);

struct name {
    tally_object head;
    tally_ref package;  // (n) the current one, never empty
    tally_ref version;  // (l) text, or empty
    tally_ref declared; // (l) list of names; empty for a virtual name
    tally_ref users;    // (l) list of names; empty when nobody declares it
    uint64_t hash;      // (c)
    uint64_t place;     // (l) of its stanza in the input
    uint32_t id;        // (l) number in alphabetical order
    uint32_t cycle;     // (l) number of the cycle it is part of, 0 for none
    uint32_t size;      // (c) of the bytes, of which the last is zero
    char bytes[];       // (c)
};
TALLY_TYPE_DECLARE(name);

struct package {
    tally_object head;
    tally_ref name;    // (c)
    tally_ref version; // (n) text, or empty
    tally_ref needs;   // (n) list of packages; empty for a virtual package
};
TALLY_TYPE_DECLARE(package);

// All of these return an owned reference, or NULL when memory is short. Any
// thread.
struct string *text_new(const char *bytes, size_t length);
struct links *list_new(size_t n);
struct name *name_new(const char *bytes, size_t length, uint64_t hash);

// A package of a name; it is virtual until it gets a list of what it needs.
// version: or NULL.
struct package *package_new(struct name *name, struct string *version);

// Where a kind begins in a list.
static inline uint32_t list_begin(const struct links *list, enum kind kind) {
    return kind ? list->end[kind - 1] : 0;
}

// Drops an owned reference, if there is one.
static inline void drop(void *object) {
    if (object)
        tally_decref(object);
}

#endif
