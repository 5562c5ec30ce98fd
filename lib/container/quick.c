// Hashes and equality without a program's hooks.

#include "container/quick.h"

#include <string.h>

#include "container/intern.h"
#include "container/number.h"
#include "container/text.h"

const tally_protocol *tly_protocol_with(const void *object, size_t offset) {
    for (const tally_type *t = tally_type_of(object); t; t = t->base_) {
        void (*hook)(void) = NULL;
        if (t->protocol_)
            memcpy(&hook, (const char *)t->protocol_ + offset, sizeof(hook));
        if (hook)
            return t->protocol_;
    }
    return NULL;
}

// What a value is, where that says how it is hashed and compared.
enum kind {
    KIND_WORD,   // equal only to the same word
    KIND_NUMBER, // exactly of our types, as are the next
    KIND_BYTES,
    KIND_TEXT,
    KIND_INTERNED, // text of which no two that live are equal
    KIND_HOOKS,    // its type may have hooks
};

static enum kind kind_of(tally_value value, struct tly_number *ret_number) {
    if (tly_number_of(value, true, ret_number))
        return KIND_NUMBER;
    const void *object = tally_object_of(value);
    if (!object)
        return KIND_WORD;
    const tally_type *type = tally_type_of(object);
    if (type == &tally_type_text)
        return KIND_TEXT;
    if (type == &tly_type_interned)
        return KIND_INTERNED;
    if (type == &tally_type_bytes)
        return KIND_BYTES;
    return TLY_PROTOCOL_WITH(object, equal) ? KIND_HOOKS : KIND_WORD;
}

bool tly_hash_quick(tally_value value, uint64_t *ret_hash) {
    struct tly_number number;
    switch (kind_of(value, &number)) {
    case KIND_NUMBER:
        *ret_hash = tly_number_hash(&number);
        return true;
    case KIND_BYTES:
    case KIND_TEXT:
    case KIND_INTERNED:
        *ret_hash = tly_run_hash(tally_object_of(value));
        return true;
    case KIND_WORD:
        // One that has a hash of its own, and equals itself only.
        if (tally_is_object(value) &&
            TLY_PROTOCOL_WITH(tally_object_of(value), hash))
            return false;
        *ret_hash = tly_hash_word(~value.bits_);
        return true;
    case KIND_HOOKS:
        break;
    }
    return false;
}

static bool is_text(enum kind kind) {
    return kind == KIND_TEXT || kind == KIND_INTERNED;
}

// Interned text that is equal is the same. Where one is dying and the other was
// made since, whoever borrowed the first came before that.
bool tly_equal_quick(tally_value a, tally_value b, bool *ret_equal) {
    struct tly_number number_a, number_b;
    if (tally_is(a, b)) {
        *ret_equal = true;
        return true;
    }
    enum kind kind_a = kind_of(a, &number_a), kind_b = kind_of(b, &number_b);
    if (kind_a == KIND_HOOKS || kind_b == KIND_HOOKS)
        return false;
    if (kind_a == KIND_NUMBER && kind_b == KIND_NUMBER)
        *ret_equal = tly_number_equal(&number_a, &number_b);
    else if (kind_a == KIND_BYTES && kind_b == KIND_BYTES)
        *ret_equal = tly_run_equal(tally_object_of(a), tally_object_of(b));
    else if (is_text(kind_a) && is_text(kind_b))
        *ret_equal = (kind_a != KIND_INTERNED || kind_b != KIND_INTERNED) &&
                     tly_run_equal(tally_object_of(a), tally_object_of(b));
    else
        *ret_equal = false;
    return true;
}
