// How objects begin. None of the types has a finalizer or a destroy hook that
// takes a lock, so references may be dropped anywhere, with locks held too.

#include "graph.h"

TALLY_TYPE(string, TALLY_ITEMS(bytes, length));
TALLY_TYPE(links, TALLY_REF_ITEMS(to, n));
TALLY_TYPE(name, TALLY_REF(package), TALLY_REF(version), TALLY_REF(declared),
           TALLY_REF(users), TALLY_ITEMS(bytes, size));
TALLY_TYPE(package, TALLY_REF(name), TALLY_REF(version), TALLY_REF(needs));

struct string *text_new(const char *bytes, size_t length) {
    struct string *text = tally_new_items(string, length);
    if (text && length)
        memcpy(text->bytes, bytes, length);
    return text;
}

struct links *list_new(size_t n) {
    return tally_new_items(links, n);
}

struct name *name_new(const char *bytes, size_t length, uint64_t hash) {
    struct name *name = tally_new_items(name, length + 1);
    if (!name)
        return NULL;
    memcpy(name->bytes, bytes, length);
    name->hash = hash;
    name->place = UINT64_MAX;
    // The name counts its package and the package its name: a cycle, which
    // is there until the whole table goes.
    struct package *package = package_new(name, NULL);
    if (!package) {
        tally_decref(name);
        return NULL;
    }
    tally_set_steal(name, package, package);
    return name;
}

struct package *package_new(struct name *name, struct string *version) {
    struct package *package = tally_new(package);
    if (package) {
        tally_set(package, name, name);
        tally_set(package, version, version);
    }
    return package;
}
