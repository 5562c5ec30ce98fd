// A shared library that a test loads: a type of its own, called as others'
// are, and what makes and drops its objects.
//
// PLUGIN_WORDS  of the structure's payload, references first
// PLUGIN_TYPE   TALLY_TYPE or TALLY_TYPE_EXPORTED

#include <tally/tally.h>

struct node {
    tally_object head;
    tally_ref next;
    long word[PLUGIN_WORDS];
};
PLUGIN_TYPE(node, TALLY_REF(next));

#define EXPORT __attribute__((visibility("default")))
EXPORT void *plugin_new(void);
EXPORT void plugin_drop(void *object);

void *plugin_new(void) {
    struct node *node = tally_new(node);
    for (unsigned n = 0; node && n < PLUGIN_WORDS; n++)
        node->word[n] = -1;
    return node;
}

void plugin_drop(void *object) { tally_decref(object); }
