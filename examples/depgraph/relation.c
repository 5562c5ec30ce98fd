// Takes the values of relation fields apart.

#include "parse.h"

static bool fail(struct parser *parser, const char *what) {
    parser->error = what;
    return false;
}

static void skip_space(struct parser *parser) {
    while (parser->at < parser->end && strchr(" \t\r\n", *parser->at)) {
        parser->line += *parser->at == '\n';
        parser->at++;
    }
}

static bool starts(const struct parser *parser, char c) {
    return parser->at < parser->end && *parser->at == c;
}

// Skips what stands in brackets, if the text goes on with one.
static bool skip_brackets(struct parser *parser, char open, char close) {
    skip_space(parser);
    if (!starts(parser, open))
        return true;
    const char *end =
        memchr(parser->at, close, (size_t)(parser->end - parser->at));
    if (!end)
        return fail(parser, "a bracket that is not closed");
    for (; parser->at <= end; parser->at++)
        parser->line += *parser->at == '\n';
    return true;
}

static size_t name_size(const struct parser *parser) {
    const char *at = parser->at;
    while (at < parser->end && is_name_char(*at))
        at++;
    return (size_t)(at - parser->at);
}

bool parse_relation(struct parser *parser, struct slice *ret_name) {
    skip_space(parser);
    if (parser->at == parser->end)
        return false;
    struct slice name = {parser->at, name_size(parser), parser->line};
    if (!is_package_name(name.at, name.size))
        return fail(parser, "expected the name of a package");
    parser->at += name.size;
    if (starts(parser, ':')) {
        parser->at++;
        parser->at += name_size(parser);
    }
    if (!skip_brackets(parser, '(', ')') || !skip_brackets(parser, '[', ']'))
        return false;
    do {
        if (!skip_brackets(parser, '<', '>'))
            return false;
    } while (starts(parser, '<'));
    if (parser->at < parser->end) {
        if (*parser->at != ',' && *parser->at != '|')
            return fail(parser, "expected ',' or '|' after a package");
        parser->at++;
    }
    *ret_name = name;
    return true;
}
