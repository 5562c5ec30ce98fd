// Takes stanzas apart, line by line.

#include "parse.h"

#include <strings.h>

static bool fail(struct parser *parser, uint64_t line, const char *what) {
    parser->line = line;
    parser->error = what;
    return false;
}

// Takes the next line, without its newline.
static bool next_line(struct parser *parser, struct slice *line) {
    size_t left = (size_t)(parser->end - parser->at);
    const char *newline = memchr(parser->at, '\n', left);
    if (!newline) {
        bool binary = memchr(parser->at, 0, left) != NULL;
        return fail(parser, parser->line,
                    binary ? "binary data, not a package list"
                           : "the file ends in the middle of a line");
    }
    *line = (struct slice){parser->at, (size_t)(newline - parser->at),
                           parser->line};
    if (memchr(line->at, 0, line->size))
        return fail(parser, parser->line, "binary data, not a package list");
    parser->at = newline + 1;
    parser->line++;
    return true;
}

// Returns the length of the field's name, 0 if the line is no field.
static size_t field_name(const struct slice *line) {
    const char *colon = memchr(line->at, ':', line->size);
    size_t length = colon ? (size_t)(colon - line->at) : 0;
    for (size_t i = 0; i < length; i++)
        if (line->at[i] <= ' ' || line->at[i] > '~')
            return 0;
    return length;
}

static bool is_text(const struct slice *line) {
    for (size_t i = 0; i < line->size; i++) {
        unsigned char c = (unsigned char)line->at[i];
        if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
            return false;
    }
    return true;
}

// Returns where the value of a field belongs, NULL if nobody wants it.
static struct slice *field_slot(struct stanza *stanza, const char *name,
                                size_t length) {
    struct {
        const char *name;
        struct slice *slot;
    } wanted[] = {{"Package", &stanza->package},
                  {"Version", &stanza->version},
                  {"Pre-Depends", &stanza->relation[PRE_DEPENDS]},
                  {"Depends", &stanza->relation[DEPENDS]},
                  {"Recommends", &stanza->relation[RECOMMENDS]},
                  {"Provides", &stanza->relation[PROVIDES]}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (strlen(wanted[i].name) == length &&
            !strncasecmp(wanted[i].name, name, length))
            return wanted[i].slot;
    return NULL;
}

static struct slice trim(struct slice value) {
    while (value.size && (*value.at == ' ' || *value.at == '\t')) {
        value.at++;
        value.size--;
    }
    while (value.size && strchr(" \t\r", value.at[value.size - 1]))
        value.size--;
    return value;
}

// Begins a field. *ret_slot is where its value is kept, NULL for nowhere.
static bool begin_field(struct parser *parser, struct stanza *stanza,
                        const struct slice *line, struct slice **ret_slot) {
    size_t length = field_name(line);
    if (!length)
        return fail(parser, line->line,
                    is_text(line) ? "expected 'Field: value'"
                                  : "binary data, not a package list");
    struct slice *slot = field_slot(stanza, line->at, length);
    if (slot && slot->at)
        return fail(parser, line->line,
                    "a second field of this name in one stanza");
    if (slot)
        *slot = trim((struct slice){line->at + length + 1,
                                    line->size - length - 1, line->line});
    *ret_slot = slot;
    return true;
}

// Takes the lines up to the next blank one, of which there is at least one.
static bool fields(struct parser *parser, struct stanza *stanza) {
    struct slice *slot = NULL;
    struct slice line;
    bool first = true;
    while (parser->at < parser->end && *parser->at != '\n') {
        if (!next_line(parser, &line))
            return false;
        bool folded = *line.at == ' ' || *line.at == '\t';
        if (folded && first)
            return fail(parser, line.line,
                        "a continuation line without a field above it");
        if (folded && slot)
            slot->size = (size_t)(line.at + line.size - slot->at);
        if (!folded && !begin_field(parser, stanza, &line, &slot))
            return false;
        first = false;
    }
    return true;
}

bool parse_stanza(struct parser *parser, struct stanza *ret_stanza) {
    struct stanza stanza = {0};
    while (parser->at < parser->end && *parser->at == '\n') {
        parser->at++;
        parser->line++;
    }
    if (parser->at == parser->end)
        return false;
    stanza.line = parser->line;
    if (!fields(parser, &stanza))
        return false;
    if (!stanza.package.at)
        return fail(parser, stanza.line, "a stanza without a Package field");
    if (!is_package_name(stanza.package.at, stanza.package.size))
        return fail(parser, stanza.package.line,
                    "the Package field has no package name");
    *ret_stanza = stanza;
    return true;
}
