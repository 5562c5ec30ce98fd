// Debian's control format: stanzas of "Field: value" lines with blank lines
// between them; a line that begins with a space continues the one above it.
//
// Nothing is copied: the slices point into the text.

#ifndef DEPGRAPH_PARSE_H
#define DEPGRAPH_PARSE_H

#include "graph.h"

// What is wanted of a stanza; a field that is not there has no [at].
struct stanza {
    uint64_t line; // of its first field
    struct slice package;
    struct slice version;
    struct slice relation[KINDS];
};

// Where a parser stands. On an error, [line] is where and [error] is what.
struct parser {
    const char *at;
    const char *end;
    uint64_t line;
    const char *error;
};

// Whether a name of a package may have this character.
static inline bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

// Whether a text is the name of a package.
static inline bool is_package_name(const char *text, size_t size) {
    bool good = size > 0 && *text != '-' && *text != '.';
    for (size_t i = 0; good && i < size; i++)
        good = is_name_char(text[i]);
    return good;
}

// Reads the next stanza. Returns false at the end of the text and on an
// error. Any thread.
bool parse_stanza(struct parser *parser, struct stanza *ret_stanza);

// Reads the next package name of a relation field such as
// "libc6 (>= 2.36), awk | mawk:any": versions, architectures and what is an
// alternative to what are left out. Returns false at the end of the text and
// on an error. Any thread.
bool parse_relation(struct parser *parser, struct slice *ret_name);

#endif
