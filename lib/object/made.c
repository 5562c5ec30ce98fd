// Making types, holding and finding them, and freeing what nobody uses.

#include "object/made.h"

#include <string.h>

#include <tally/alloc.h>
#include <tally/mutator.h>

#include "base/check.h"
#include "base/status.h"
#include "epoch/attach.h"
#include "epoch/gate.h"
#include "object/type.h"
#include "sync/rank.h"

// Those that nobody holds: freed when the last object is gone.
static struct {
    struct tly_made *first;
    uint32_t count; // (a) of them
} dropped;

// ---- making

static size_t traits_count(const tally_trait *traits) {
    size_t count = 0;
    while (traits && traits[count].kind != TALLY_TRAIT_END)
        count++;
    return count;
}

// Bytes for a copy of a name; a trait may have none.
static size_t name_bytes(const char *name) {
    return name ? strlen(name) + 1 : 0;
}

static const char *name_copy(char **at, const char *name) {
    if (!name)
        return NULL;
    char *copy = *at;
    *at += name_bytes(name);
    return memcpy(copy, name, name_bytes(name));
}

// The type, its traits and their names, in one block.
static struct tly_made *copy_of(const tally_type_spec *spec) {
    size_t count = traits_count(spec->traits), names = name_bytes(spec->name);
    for (size_t n = 0; n < count; n++)
        names += name_bytes(spec->traits[n].name);
    size_t traits_bytes = (count + 1) * sizeof(tally_trait);
    struct tly_made *made =
        tally_calloc(1, sizeof(*made) + traits_bytes + names);
    if (!made)
        return NULL;
    tally_trait *traits = (tally_trait *)(void *)(made + 1);
    char *at = (char *)traits + traits_bytes;
    made->type = (tally_type){.name = name_copy(&at, spec->name),
                              .size = spec->size,
                              .traits = traits,
                              .made_ = made};
    for (size_t n = 0; n < count; n++) {
        traits[n] = spec->traits[n];
        traits[n].name = name_copy(&at, spec->traits[n].name);
    }
    traits[count].kind = TALLY_TRAIT_END;
    return made;
}

tally_type *tally_type_make(const tally_type_spec *spec) {
    if (!spec || !spec->name) {
        errno = EINVAL;
        return NULL;
    }
    struct tly_made *made = tly_self_attached() ? copy_of(spec) : NULL;
    if (!made)
        return NULL; // with errno set
    made->holds = 1;
    tly_types_lock();
    tally_status status = tly_type_enter_locked(&made->type);
    made->base = made->type.base_;
    if (status == TALLY_OK && made->base && made->base->made_)
        made->base->made_->derived++;
    tly_types_unlock();
    if (status == TALLY_OK)
        return &made->type;
    tally_free(made);
    errno = tly_errno_of(status);
    return NULL;
}

// ---- holding

static void unlist_locked(struct tly_made *made) {
    struct tly_made **at = &dropped.first;
    while (*at != made)
        at = &(*at)->next;
    *at = made->next;
    made->listed = false;
    // Relaxed: a hint.
    tly_add_relaxed(&dropped.count, (uint32_t)-1);
}

static void hold_locked(tally_type *type) {
    struct tly_made *made = type->made_;
    if (made && made->holds++ == 0 && made->listed)
        unlist_locked(made);
}

static void drop_locked(tally_type *type) {
    struct tly_made *made = type->made_;
    if (!made)
        return;
    tly_require(made->holds > 0);
    if (--made->holds > 0)
        return;
    made->next = dropped.first;
    made->listed = true;
    dropped.first = made;
    // Relaxed: a hint.
    tly_add_relaxed(&dropped.count, 1);
}

tally_type *tally_type_hold(tally_type *type) {
    if (type->made_) {
        tly_types_lock();
        hold_locked(type);
        tly_types_unlock();
    }
    return type;
}

void tally_type_drop(tally_type *type) {
    if (!type->made_)
        return;
    tly_types_lock();
    drop_locked(type);
    tly_types_unlock();
}

// ---- the registry

tally_type *tally_type_find(const char *name) {
    tally_type *found = NULL;
    // Types of values are there from the start on.
    if (tly_gate_pass() != TALLY_OK)
        return NULL;
    tly_types_lock();
    uint32_t count = tly_types_count();
    for (uint32_t n = 1; n <= count && !found; n++) {
        tally_type *type = tly_type_at_locked(n);
        if (type && strcmp(type->name, name) == 0)
            found = type;
    }
    if (found)
        hold_locked(found);
    tly_types_unlock();
    tly_gate_leave();
    return found;
}

// The type of an index, held; or NULL. *ret_more: there may be others.
static tally_type *held_at(uint32_t index, bool *ret_more) {
    *ret_more = tly_gate_enter();
    if (!*ret_more)
        return NULL; // the runtime has ended
    tly_types_lock();
    *ret_more = index <= tly_types_count();
    tally_type *type = *ret_more ? tly_type_at_locked(index) : NULL;
    if (type)
        hold_locked(type);
    tly_types_unlock();
    tly_gate_leave();
    return type;
}

// Also when an exception leaves the callback.
static void type_end(tally_type *const *type) {
    if (*type)
        tally_type_drop(*type);
}

void tally_types_each(tally_type_fn fn, void *arg) {
    bool more = true, wanted = true;
    if (tly_epoch_hooks.start && tly_epoch_hooks.start() != TALLY_OK)
        return;
    for (uint32_t n = 1; more && wanted; n++) {
        tally_type *type __attribute__((cleanup(type_end))) = held_at(n, &more);
        if (type) {
            tly_locks_none("a program's function");
            wanted = fn(type, arg);
        }
    }
}

// ---- freeing

bool tly_types_are_dropped(void) {
    // Relaxed: a hint.
    return tly_load_relaxed(&dropped.count) != 0;
}

// Nobody holds it: the count does not rise any more.
static bool is_used(const struct tly_made *made) {
    int64_t objects = 0;
    for (unsigned n = 0; n < TLY_MADE_STRIPES; n++)
        // ORDER[made] acquire: the last use of the type by each thread.
        objects += tly_load_acquire(&made->stripe[n].objects);
    tly_check(objects >= 0);
    return objects != 0 || made->derived;
}

// Moves those that are not used from the list of the dropped to another.
// Returns whether there were any.
static bool take_unused_locked(struct tly_made **to) {
    struct tly_made *next, *made = dropped.first, *kept = NULL;
    uint32_t count = 0;
    for (; made; made = next) {
        bool used = is_used(made);
        struct tly_made **list = used ? &kept : to;
        next = made->next;
        made->next = *list;
        *list = made;
        if (used)
            continue;
        count++;
        made->listed = false;
        tly_type_remove_locked(&made->type);
        if (made->base && made->base->made_)
            made->base->made_->derived--;
    }
    dropped.first = kept;
    // Relaxed: a hint.
    tly_add_relaxed(&dropped.count, -count);
    return count > 0;
}

void tly_types_retire(void) {
    struct tly_made *next, *unused = NULL;
    tly_types_lock();
    // A base may have lost its last derived type.
    while (take_unused_locked(&unused)) {
    }
    tly_types_unlock();
    for (; unused; unused = next) {
        next = unused->next;
        tally_free(unused);
    }
}

void tly_made_end(void) {
    dropped.first = NULL;
    dropped.count = 0;
}
