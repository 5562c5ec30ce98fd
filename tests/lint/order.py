#!/usr/bin/env python3
"""Every ordered atomic names its edge, and every edge has both its ends.

An acquire, release, acq_rel or seq_cst access follows, within 8 lines, a
comment `ORDER[edge] kind: why`. Each edge has a release end and an acquire end
in include/ or lib/, and docs/memory-model.md names it; the document names no
edge that the code does not have. Fences stand nowhere but in lib/base, and in
the stand-in for ConcurrencyKit's own atomics. (A function called ..._release
that orders nothing wants another name: the word means memory order here.)
"""

import collections
import re

from report import Lint, code

KINDS = "acquire|release|acq_rel|seq_cst"
ORDERED = re.compile(rf"\btly_\w+_({KINDS})\(|\b__ATOMIC_({KINDS.upper()})\b")
FENCE = re.compile(r"\b(atomic_thread_fence|__atomic_thread_fence|__sync_\w+)\b")
TAG = re.compile(rf"ORDER\[([\w-]+)\]\s+({KINDS})\b")
REACH = 8

lint = Lint("order")
ends = collections.defaultdict(dict)

for path in lint.files("include lib", ".h", ".c"):
    # Where the orders get their names, and where another library's do.
    named = re.match(r"lib/(base/|sync/ck_pr)", lint.shown(path))
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        for edge, kind in TAG.findall(line):
            both = kind in ("acq_rel", "seq_cst")
            for end in ("acquire", "release") if both else (kind,):
                ends[edge].setdefault(end, (path, number))
        if named:
            continue
        if ORDERED.search(code(line)):
            above = lines[max(0, number - 1 - REACH):number]
            if not any(TAG.search(text) for text in above):
                lint.error(path, number, "an ordered atomic without ORDER[edge]")
        if FENCE.search(code(line)):
            lint.error(path, number, "a standalone fence: order an access instead")

for edge, places in sorted(ends.items()):
    if len(places) == 1:
        (end, (path, number)), = places.items()
        lint.error(path, number, f"ORDER[{edge}] has only its {end} end")

model = lint.root / "docs/memory-model.md"
text = model.read_text() if model.is_file() else ""
for edge, places in sorted(ends.items()):
    if not re.search(rf"(?<![\w-]){re.escape(edge)}(?![\w-])", text):
        path, number = next(iter(places.values()))
        lint.error(path, number, f"docs/memory-model.md does not name {edge}")
for number, line in enumerate(text.splitlines(), 1):
    for edge in re.findall(r"ORDER\[([\w-]+)\]", line):
        if edge not in ends and edge != "edge":
            lint.error(model, number, f"the code has no ORDER[{edge}]")

lint.end(len(ends), "edges")
