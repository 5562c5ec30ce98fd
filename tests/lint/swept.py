#!/usr/bin/env python3
"""Every public function that can want memory is in the n-th-failure sweep.

A function whose comment names TALLY_NO_MEMORY or ENOMEM under Errors, itself or
by "as tally_other", has to be called by a scenario of tests/fault.
"""

import re

from report import Lint

COMMENTED = re.compile(r"((?://[^\n]*\n)+)TALLY_API\b([^;{]*?)\b(tally_\w+)\(")
ERRORS = re.compile(r"Errors:(.*?)(?:Threads|Blocks|Cost|Returns):", re.S)

lint = Lint("swept")
errors, places = {}, {}

for path in lint.files("include", ".h"):
    text = path.read_text()
    for match in COMMENTED.finditer(text):
        comment, _, name = match.groups()
        found = ERRORS.search(comment)
        errors[name] = found.group(1) if found else ""
        places[name] = path, text.count("\n", 0, match.end()) + 1


def wants_memory(name, asked=()):
    """Whether a function can fail for want of memory."""
    said = errors.get(name, "")
    if "NO_MEMORY" in said or "ENOMEM" in said:
        return True
    return any(wants_memory(other, asked + (name,))
               for other in re.findall(r"\bas (tally_\w+)", said)
               if other not in asked)


swept = "".join(re.sub(r"//[^\n]*", "", path.read_text()) for folder, name in
                (("tests/fault", "*.c"), ("tests/support", "scenario*.h"))
                for path in (lint.root / folder).glob(name))
seen = 0
for name, (path, number) in sorted(places.items()):
    if name.endswith("_") or not wants_memory(name):
        continue
    seen += 1
    if not re.search(rf"\b{name}\b", swept):
        lint.error(path, number, f"{name} is in no scenario of tests/fault")

lint.end(seen, "functions")
