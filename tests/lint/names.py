#!/usr/bin/env python3
"""Names say whose they are.

Public headers declare tally_... and TALLY_..., nothing else. In lib/, what
other files can see is tly_... or TLY_...; only static functions and the macros
of one .c file have bare names. No type of ours ends in _t, and no name of ours
begins with an underscore, in any folder. The shims that stand in for another
library's header are that library's own business, and so are the names of
sanitizers' interfaces where we fill in for them.
"""

import re

from report import Lint, code

SHIM = re.compile(r"lib/(sync/ck|epoch/rcu)[^/]*$")
THEIRS = re.compile(
    r"_GNU_SOURCE|_LGPL_SOURCE|__(wrap|real)_\w+"
    r"|(__)?(asan|lsan|tsan|ubsan|sanitizer|ASAN|LSAN|TSAN)_\w+")

MACRO = re.compile(r"\s*#\s*define\s+(\w+)")
TAG = re.compile(r"(?:typedef\s+)?(?:struct|union|enum)\s+(\w+)\s*\{")
ALIAS = re.compile(r"(?:typedef\b[^;({]*[\s*]|\}\s*)(\w+);")
POINTER_ALIAS = re.compile(r"typedef\b[^;]*\(\*(\w+)\)\(")
# In the first column: some words, a name, a parenthesis.
FUNCTION = re.compile(r"((?:[A-Za-z_]\w*(?:\(\w*\))?[\s*]+)+)(\w+)\(")
ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)\s*")
NOT_FUNCTION = re.compile(
    r"(return|else|typedef|extern \"|_Static_assert|static_assert)\b")

lint = Lint("names")
seen = 0


def defined(line):
    """Yields (kind, name, words before it) for what a line of code names."""
    if match := MACRO.match(line):
        yield "macro", match[1], ""
        return
    if match := TAG.match(line):
        yield "type", match[1], ""
    if line.startswith(("typedef", "}")):
        if match := POINTER_ALIAS.match(line) or ALIAS.match(line):
            yield "type", match[1], ""
    elif (match := FUNCTION.match(line)) and not NOT_FUNCTION.match(line):
        yield "function", match[2], match[1]


def wrong(where, ending, kind, name, words):
    """Says what is wrong with a name, or nothing."""
    if THEIRS.fullmatch(name):
        return ""
    if name.startswith("_"):
        return "begins with an underscore"
    if "__" in name:
        return "has two underscores in a row"
    if kind == "type" and name.endswith("_t"):
        return "ends in _t"
    public = re.match("tally_|TALLY_", name)
    if where == "include" and not public:
        return "is public and not tally_ or TALLY_"
    if where == "lib" and not public and not re.match("tly_|TLY_", name):
        shared = ending == ".h" or (kind == "function" and not re.search("static|TLY_INLINE", str(words)))
        if shared:
            return "is seen by other files and not tly_ or TLY_"
    return ""


for path in lint.files("include lib stress tests bench examples", ".h", ".c"):
    me = lint.shown(path)
    if SHIM.match(me):
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for kind, name, words in defined(ATTRIBUTE.sub("", code(line))):
            seen += 1
            if why := wrong(me.split("/")[0], path.suffix, kind, name, words):
                lint.error(path, number, f"{kind} {name} {why}")

lint.end(seen, "names")
