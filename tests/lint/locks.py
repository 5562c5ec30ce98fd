#!/usr/bin/env python3
"""fork knows every lock.

A lock of lib/ is held by a function of its file, tly_x_hold(bool), which
lib/runtime/fork.c calls, or another such function does; the runtime's own is
taken by fork first. docs/locks.md has a row for each, with its rank.
"""

import re

from report import Lint

MADE = re.compile(r"TLY_(?:SPIN|MUTEX)_INIT\((TLY_RANK_\w+)\)")
HELD = re.compile(r"tly_(?:spin|mutex)_hold\(&")
HOLDS = re.compile(r"\b(tly_\w+_hold)\b")

lint = Lint("locks")
fork = (lint.root / "lib/runtime/fork.c").read_text()
page = (lint.root / "docs/locks.md").read_text()
seen = 0

for path in lint.files("lib", ".c"):
    if "/sync/" in lint.shown(path):
        continue
    text = path.read_text()
    made = MADE.findall(text)
    if not made:
        continue
    seen += len(made)
    for rank in made:
        if f"| {rank[9:]} |" not in page:
            lint.error(path, 1, f"docs/locks.md has no row for {rank}")
    if made == ["TLY_RANK_RUNTIME"]:
        continue
    if len(made) != len(HELD.findall(text)):
        lint.error(path, 1, f"{len(made)} locks, of which fork holds "
                   f"{len(HELD.findall(text))}")
    for name in re.findall(r"^void (tly_\w+_hold)\(bool hold\)", text, re.M):
        callers = sum(name in HOLDS.findall(other.read_text())
                      for other in lint.files("lib", ".c") if other != path)
        if name not in HOLDS.findall(fork) and not callers:
            lint.error(path, 1, f"{name} is called by nobody")

lint.end(seen, "locks")
