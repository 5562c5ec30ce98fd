#!/usr/bin/env python3
"""Every public function says what its callers must know.

The comment above a TALLY_API or TALLY_INLINE function has the words Returns,
Threads, Blocks and Cost, each with a colon, and Errors if the function can
fail: if it returns a tally_status, or something "with errno set". A function
whose name ends in an underscore is a part of an inline one: it is exempt when
only declared.
"""

import re

from report import Lint

PUBLIC = re.compile(r"(TALLY_API|TALLY_INLINE)\b")

lint = Lint("api")
seen = 0

for path in lint.files("include", ".h"):
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if not PUBLIC.match(line):
            continue
        head = " ".join(lines[number - 1:number + 3])
        match = re.match(r"([^;={(]*?)\b(tally_\w+)\(", head)
        if not match:
            continue  # a variable
        returned, name = match.groups()
        if name.endswith("_") and line.startswith("TALLY_API"):
            continue
        seen += 1
        first = number - 1
        while first > 0 and lines[first - 1].startswith("//"):
            first -= 1
        comment = " ".join(text[2:].strip() for text in lines[first:number - 1])
        wanted = ["Returns", "Threads", "Blocks", "Cost"]
        if "tally_status" in returned or "errno set" in comment:
            wanted.insert(1, "Errors")
        for word in wanted:
            if f"{word}:" not in comment:
                lint.error(path, number, f"{name} does not say {word}:")

lint.end(seen, "functions")
