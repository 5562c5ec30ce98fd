// Numbers, and how integers and doubles are compared.

#include "container/number.h"

#include <math.h>
#include <string.h>

#include <tally/protocol.h>

#include "container/hash.h"
#include "container/show.h"
#include "container/types.h"

// 2^63: what integers do not reach.
#define BEYOND 0x1p63

bool tly_number_of(tally_value value, bool exact,
                   struct tly_number *ret_number) {
    if (tally_is_small(value)) {
        *ret_number = (struct tly_number){.integer = tally_small_of(value)};
        return true;
    }
    const void *object = tally_object_of(value);
    if (!object)
        return false;
    const tally_type *type = tally_type_of(object);
    for (; type; type = exact ? NULL : type->base_) {
        if (type == &tally_type_integer) {
            const struct tally_integer *integer = object;
            *ret_number = (struct tly_number){.integer = integer->value};
            return true;
        }
        if (type == &tally_type_double) {
            const struct tally_double *real = object;
            *ret_number =
                (struct tly_number){.is_double = true, .real = real->value};
            return true;
        }
    }
    return false;
}

// The integer that a double is; false if it is none of 64 bits.
static bool integer_of(double real, int64_t *ret_n) {
    if (!(real >= -BEYOND && real < BEYOND))
        return false;
    int64_t n = (int64_t)real;
    if ((double)n != real)
        return false;
    *ret_n = n;
    return true;
}

uint64_t tly_number_hash(const struct tly_number *number) {
    int64_t n = number->integer;
    if (number->is_double && !integer_of(number->real, &n)) {
        uint64_t bits;
        memcpy(&bits, &number->real, sizeof(bits));
        // Not the hash of the integer with these bits.
        return tly_hash_word(~bits);
    }
    return tly_hash_word((uint64_t)n);
}

static int order_of(bool less, bool more) { return (int)more - (int)less; }

static int compare_reals(double a, double b) {
    if (isnan(a) || isnan(b))
        return order_of(!isnan(a), !isnan(b));
    return order_of(a<b, a> b);
}

// As a double the integer may be another.
static int compare_mixed(int64_t n, double real) {
    if (isnan(real) || real >= BEYOND)
        return -1;
    if (real < -BEYOND)
        return 1;
    int64_t whole = (int64_t)real; // towards 0
    if (n != whole)
        return order_of(n<whole, n> whole);
    double rest = real - (double)whole;
    return order_of(rest > 0, rest < 0);
}

int tly_number_compare(const struct tly_number *a, const struct tly_number *b) {
    if (a->is_double && b->is_double)
        return compare_reals(a->real, b->real);
    if (a->is_double)
        return -compare_mixed(b->integer, a->real);
    if (b->is_double)
        return compare_mixed(a->integer, b->real);
    return order_of(a->integer<b->integer, a->integer> b->integer);
}

bool tly_number_equal(const struct tly_number *a, const struct tly_number *b) {
    if (a->is_double && isnan(a->real))
        return false;
    return tly_number_compare(a, b) == 0;
}

// ---- hooks, of the two types and of what derives from them

static struct tly_number number_at(void *object) {
    struct tly_number number = {.integer = 0};
    (void)tly_number_of(tally_of(object), false, &number);
    return number;
}

static tally_status number_equal(void *object, tally_value other,
                                 bool *ret_equal) {
    struct tly_number a = number_at(object), b;
    if (!tly_number_of(other, false, &b))
        return TALLY_WRONG_TYPE;
    *ret_equal = tly_number_equal(&a, &b);
    return TALLY_OK;
}

static tally_status number_hash(void *object, uint64_t *ret_hash) {
    struct tly_number number = number_at(object);
    *ret_hash = tly_number_hash(&number);
    return TALLY_OK;
}

static tally_status number_compare(void *object, tally_value other,
                                   int *ret_order) {
    struct tly_number a = number_at(object), b;
    if (!tly_number_of(other, false, &b))
        return TALLY_WRONG_TYPE;
    *ret_order = tly_number_compare(&a, &b);
    return TALLY_OK;
}

static const tally_protocol number_protocol = {.equal = number_equal,
                                               .hash = number_hash,
                                               .compare = number_compare,
                                               .text = tly_show_number};

TLY_TYPE(integer, tally_integer,
         TLY_HAS(tally_integer, TALLY_PROTOCOL(number_protocol)));
TLY_TYPE(double, tally_double,
         TLY_HAS(tally_double, TALLY_PROTOCOL(number_protocol)));

// ---- what programs call

tally_value tally_integer(int64_t n) {
    if (n >= TALLY_SMALL_MIN && n <= TALLY_SMALL_MAX)
        return tally_small(n);
    struct tally_integer *integer = tally_object_new(&tally_type_integer, 0);
    if (integer)
        integer->value = n;
    return tally_of(integer);
}

tally_value tally_double(double real) {
    struct tally_double *object = tally_object_new(&tally_type_double, 0);
    if (object)
        object->value = real;
    return tally_of(object);
}

bool tally_is_integer(tally_value value) {
    struct tly_number number;
    return tly_number_of(value, false, &number) && !number.is_double;
}

bool tally_is_double(tally_value value) {
    struct tly_number number;
    return tly_number_of(value, false, &number) && number.is_double;
}

tally_status tally_as_integer(tally_value value, int64_t *ret_n) {
    struct tly_number number;
    if (!tly_number_of(value, false, &number) || number.is_double)
        return TALLY_WRONG_TYPE;
    *ret_n = number.integer;
    return TALLY_OK;
}

tally_status tally_as_double(tally_value value, double *ret_real) {
    struct tly_number number;
    if (!tly_number_of(value, false, &number))
        return TALLY_WRONG_TYPE;
    *ret_real = number.is_double ? number.real : (double)number.integer;
    return TALLY_OK;
}

tally_status tally_as_bool(tally_value value, bool *ret_truth) {
    if (!tally_is_bool(value))
        return TALLY_WRONG_TYPE;
    *ret_truth = tally_is(value, tally_bool(true));
    return TALLY_OK;
}
