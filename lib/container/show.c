// Values as text for people.

#include "container/show.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/number.h"
#include "container/text.h"
#include "container/utf8.h"

static tally_status give(tally_text *text, tally_text **ret_text) {
    if (!text)
        return -errno;
    *ret_text = text;
    return TALLY_OK;
}

static tally_status give_string(const char *string, tally_text **ret_text) {
    return give(tly_text_make(string, strlen(string)), ret_text);
}

static tally_status show_integer(int64_t n, tally_text **ret_text) {
    char buffer[24];
    snprintf(buffer, sizeof(buffer), "%lld", (long long)n);
    return give_string(buffer, ret_text);
}

// Turns the locale's decimal point, which may be more than one byte, into ours.
static void point_make(char *string) {
    char *to = string;
    for (const char *from = string; *from; from++) {
        if (strchr("+-0123456789e.infa", *from))
            *to++ = *from;
        else if (to[-1] != '.')
            *to++ = '.';
    }
    *to = '\0';
}

// With as few digits as make the same double again: all of 15 do that are
// written, 17 always, and those near 0 have less to show.
static tally_status show_real(double real, tally_text **ret_text) {
    char buffer[64];
    int digits = fabs(real) < DBL_MIN ? 1 : DBL_DIG;
    for (; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(buffer, sizeof(buffer), "%.*g", digits, real);
        if (strtod(buffer, NULL) == real)
            break;
    }
    if (real != real)
        strcpy(buffer, "nan"); // without a sign
    point_make(buffer);
    if (!strpbrk(buffer, ".einfa"))
        strcat(buffer, ".0"); // no integer
    return give_string(buffer, ret_text);
}

static tally_status show_number(tally_value value, tally_text **ret_text) {
    struct tly_number number;
    if (!tly_number_of(value, false, &number))
        return TALLY_WRONG_TYPE;
    return number.is_double ? show_real(number.real, ret_text)
                            : show_integer(number.integer, ret_text);
}

tally_status tly_show_number(void *object, tally_text **ret_text) {
    return show_number(tally_of(object), ret_text);
}

tally_status tly_show_text(void *object, tally_text **ret_text) {
    tally_incref(object);
    *ret_text = object;
    return TALLY_OK;
}

static bool is_plain(unsigned char c) {
    return c >= ' ' && c < 0x7F && c != '"' && c != '\\';
}

tally_status tly_show_bytes(void *object, tally_text **ret_text) {
    static const char hex[] = "0123456789abcdef";
    const unsigned char *data = (const void *)tly_run_of(object)->data;
    size_t length = tly_run_length(object), shown = 3;
    for (size_t n = 0; n < length; n++)
        shown += is_plain(data[n]) ? 1 : 4;
    struct tly_run *run = tly_run_new(&tally_type_text, NULL, shown);
    if (!run)
        return -errno;
    char *to = run->data;
    *to++ = 'b';
    *to++ = '"';
    for (size_t n = 0; n < length; n++) {
        if (is_plain(data[n])) {
            *to++ = (char)data[n];
            continue;
        }
        *to++ = '\\';
        *to++ = 'x';
        *to++ = hex[data[n] >> 4];
        *to++ = hex[data[n] & 15];
    }
    *to = '"';
    *ret_text = (tally_text *)run;
    return TALLY_OK;
}

tally_status tly_show_word(tally_value value, tally_text **ret_text) {
    if (tally_is_small(value))
        return show_number(value, ret_text);
    if (tally_is_nil(value))
        return give_string("nil", ret_text);
    return give_string(tally_is(value, tally_bool(true)) ? "true" : "false",
                       ret_text);
}

tally_status tly_show_object(const void *object, tally_text **ret_text) {
    char place[40];
    const char *name = tally_type_of(object)->name;
    size_t length = strlen(name);
    if (!tly_utf8_valid(name, length))
        length = strlen(name = "?");
    snprintf(place, sizeof(place), " at %p>", object);
    size_t more = strlen(place);
    struct tly_run *run =
        tly_run_new(&tally_type_text, NULL, 1 + length + more);
    if (!run)
        return -errno;
    run->data[0] = '<';
    memcpy(run->data + 1, name, length);
    memcpy(run->data + 1 + length, place, more);
    *ret_text = (tally_text *)run;
    return TALLY_OK;
}
