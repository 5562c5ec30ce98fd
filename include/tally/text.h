// Text as a value: UTF-8 that never changes.
//
//     tally_text *text = tally_text_of("Zürich");
//     printf("%s: %zu bytes, %zu code points\n", tally_text_data(text),
//            tally_text_length(text), tally_text_points(text)); // 7, 6
//     tally_decref(text);
//
// What is no UTF-8 is refused: longer forms than need be, surrogates, and what
// is beyond U+10FFFF. Text is equal when its bytes are; nothing is normalized.
// It is compared by code points. Its hash is computed once.

#ifndef TALLY_TEXT_H
#define TALLY_TEXT_H

#include <tally/value.h>

TALLY_BEGIN

typedef struct tally_text tally_text;
TALLY_TYPE_OWN_(text);

// Makes text.
//
// utf8:     [length] bytes, which are copied; NULL only if there are none.
//           NULs may be among them.
// length:   in bytes, 0 .. 2^39 - 1.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   EILSEQ (it is not UTF-8), ENOMEM, EAGAIN (too many mutators or
//           types).
// Threads:  any.
// Blocks:   as tally_object_new.
// Cost:     an object of 33 bytes and the text, a check and a copy.
TALLY_API TALLY_MUST_USE tally_text *tally_text_new(const char *utf8,
                                                    size_t length);

// Makes text of a string.
//
// string:   not NULL, ended by a NUL.
// Returns:  as tally_text_new.
// Errors:   as tally_text_new.
// Threads:  any.
// Blocks:   as tally_text_new.
// Cost:     as tally_text_new.
TALLY_API TALLY_MUST_USE tally_text *tally_text_of(const char *string);

// The text as a string.
//
// text:     not NULL.
// Returns:  its UTF-8, good as long as the reference; a NUL follows, and may be
//           inside.
// Threads:  any that holds or borrows a reference.
// Blocks:   no.
// Cost:     an addition.
TALLY_API const char *tally_text_data(const tally_text *text);

// Returns:  its length in bytes.
// Threads:  any that holds or borrows a reference.
// Blocks:   no.
// Cost:     a load.
TALLY_API size_t tally_text_length(const tally_text *text);

// Returns:  how many code points there are.
// Threads:  any that holds or borrows a reference.
// Blocks:   no.
// Cost:     a step for each 8 bytes.
TALLY_API size_t tally_text_points(const tally_text *text);

// Gives the one object that stands for all text that is equal to this, for as
// long as anybody holds it: text that is interned is equal only if it is the
// same (tally_is). Meant for names, of which there are few and which are
// compared often. The object's type derives from tally_type_text.
//
// text:     not NULL, still the caller's; it may be interned itself.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   ENOMEM, EAGAIN (too many mutators or types).
// Threads:  any.
// Blocks:   as tally_object_new.
// Cost:     a hash, a short lock, a search; the first time a copy.
TALLY_API TALLY_MUST_USE tally_text *tally_text_intern(tally_text *text);

TALLY_END

#endif
