#!/usr/bin/env python3
"""The preprocessor decides at the edges only.

`#if` and its kin stand in lib/base, in lib/platform, in the shims of the two
libraries that we stand on, and in the two public headers that know compilers.
Elsewhere a plain `if` on a constant does it, and the compiler reads both
branches. Include guards are not meant, nor what C++ needs around C.
"""

import re

from report import Lint

ALLOWED = re.compile(
    r"lib/(base|platform)/|lib/sync/ck|lib/epoch/rcu"
    r"|include/tally/(api|inline/atomic)\.h$")
DIRECTIVE = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif|else)\b\s*(.*)")
CPLUSPLUS = re.compile(r"(defined\s*\(?\s*)?__cplusplus\b\s*\)?$")

lint = Lint("conditionals")
files = lint.files("include lib", ".h", ".c")

for path in files:
    if ALLOWED.match(lint.shown(path)):
        continue
    lines = path.read_text().splitlines()
    first = True
    for number, line in enumerate(lines, 1):
        match = DIRECTIVE.match(line)
        if not match:
            continue
        word, rest = match.groups()
        guard = first and word == "ifndef" and re.match(
            rf"\s*#\s*define\s+{re.escape(rest)}$", lines[number])
        first = False
        if not guard and not CPLUSPLUS.match(rest.strip()):
            lint.error(path, number, f"#{word} outside base/ and platform/")

lint.end(len(files), "files")
