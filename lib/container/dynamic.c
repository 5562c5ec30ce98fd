// What can be done with any value: the types known here first, then hooks.

#include <tally/dynamic.h>

#include "base/status.h"
#include "container/number.h"
#include "container/quick.h"
#include "container/show.h"
#include "epoch/mutator.h"
#include "sync/rank.h"

// Too small for an object: none can be made.
static const tally_trait no_traits[] = {{.kind = TALLY_TRAIT_END}};
tally_type tally_type_nil = {.name = "nil", .traits = no_traits};
tally_type tally_type_bool = {.name = "bool", .traits = no_traits};

tally_type *tally_value_type(tally_value value) {
    if (tally_is_object(value))
        return tally_type_of(tally_object_of(value));
    if (tally_is_small(value))
        return &tally_type_integer;
    if (tally_is_nil(value))
        return &tally_type_nil;
    return tally_is_bool(value) ? &tally_type_bool : NULL;
}

bool tally_value_is(tally_value value, const tally_type *type) {
    if (tally_is_object(value))
        return tally_is_instance(tally_object_of(value), type);
    return !tally_is_absent(value) && tally_value_type(value) == type;
}

tally_status tally_as(tally_value value, const tally_type *type,
                      void **ret_object) {
    void *object = tally_object_of(value);
    if (!tally_is_instance(object, type))
        return TALLY_WRONG_TYPE;
    *ret_object = object;
    return TALLY_OK;
}

// The protocol with a hook of a value; NULL if it has none.
static const tally_protocol *hooks_of(tally_value value, size_t offset) {
    const void *object = tally_object_of(value);
    tly_locks_none("a hook of a protocol");
    return object ? tly_protocol_with(object, offset) : NULL;
}
#define HOOKS_OF(value, hook) hooks_of(value, offsetof(tally_protocol, hook))

// What a hook has come to. An answer of containers, which one gives on that has
// looked for something itself, is no answer about the value.
static tally_status said(tally_status status) {
    return TLY_UNLIKELY(status == TALLY_NOT_FOUND) ? TALLY_HOOK_FAILED : status;
}

static tally_status ask_equal(tally_value a, tally_value b, bool *ret_equal) {
    TLY_KEEPS_ERRNO;
    const tally_protocol *hooks = HOOKS_OF(a, equal);
    return hooks ? said(hooks->equal(tally_object_of(a), b, ret_equal))
                 : TALLY_WRONG_TYPE;
}

tally_status tally_value_equal(tally_value a, tally_value b, bool *ret_equal) {
    struct tly_number number;
    if (tally_is_absent(a) || tally_is_absent(b))
        return TALLY_INVALID;
    if (tally_is(a, b)) {
        *ret_equal = !tly_number_of(a, false, &number) ||
                     tly_number_equal(&number, &number);
        return TALLY_OK;
    }
    if (tly_equal_quick(a, b, ret_equal))
        return TALLY_OK;
    tally_status status = ask_equal(a, b, ret_equal);
    if (status == TALLY_WRONG_TYPE)
        status = ask_equal(b, a, ret_equal);
    if (status == TALLY_WRONG_TYPE) {
        *ret_equal = false;
        status = TALLY_OK;
    }
    return status;
}

tally_status tally_value_hash(tally_value value, uint64_t *ret_hash) {
    if (tally_is_absent(value))
        return TALLY_INVALID;
    // What is no object may be hashed before there is a key.
    if (!tally_is_object(value) && tly_epoch_hooks.start) {
        tally_status status = tly_epoch_hooks.start();
        if (status != TALLY_OK)
            return status;
    }
    if (tly_hash_quick(value, ret_hash))
        return TALLY_OK;
    TLY_KEEPS_ERRNO;
    const tally_protocol *hooks = HOOKS_OF(value, hash);
    return hooks ? said(hooks->hash(tally_object_of(value), ret_hash))
                 : TALLY_UNSUPPORTED;
}

static tally_status ask_order(tally_value a, tally_value b, int *ret_order) {
    TLY_KEEPS_ERRNO;
    const tally_protocol *hooks = HOOKS_OF(a, compare);
    int order;
    tally_status status =
        hooks ? said(hooks->compare(tally_object_of(a), b, &order))
              : TALLY_WRONG_TYPE;
    if (status == TALLY_OK)
        *ret_order = (int)(order > 0) - (int)(order < 0);
    return status;
}

tally_status tally_value_compare(tally_value a, tally_value b, int *ret_order) {
    struct tly_number number_a, number_b;
    if (tally_is_absent(a) || tally_is_absent(b))
        return TALLY_INVALID;
    if (tly_number_of(a, true, &number_a) &&
        tly_number_of(b, true, &number_b)) {
        *ret_order = tly_number_compare(&number_a, &number_b);
        return TALLY_OK;
    }
    int order;
    tally_status status = ask_order(a, b, &order);
    if (status == TALLY_WRONG_TYPE) {
        status = ask_order(b, a, &order);
        order = status == TALLY_OK ? -order : 0;
    }
    if (status == TALLY_OK)
        *ret_order = order;
    return status;
}

tally_status tally_value_text(tally_value value, tally_text **ret_text) {
    if (tally_is_absent(value))
        return TALLY_INVALID;
    void *object = tally_object_of(value);
    if (!object)
        return tly_show_word(value, ret_text);
    TLY_KEEPS_ERRNO;
    const tally_protocol *hooks = HOOKS_OF(value, text);
    return hooks ? hooks->text(object, ret_text)
                 : tly_show_object(object, ret_text);
}

tally_status tally_value_call(tally_value value, const tally_value *arguments,
                              size_t count, tally_value *ret_result) {
    if (tally_is_absent(value))
        return TALLY_INVALID;
    TLY_KEEPS_ERRNO;
    const tally_protocol *hooks = HOOKS_OF(value, call);
    return hooks ? hooks->call(tally_object_of(value), arguments, count,
                               ret_result)
                 : TALLY_UNSUPPORTED;
}
