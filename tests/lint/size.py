#!/usr/bin/env python3
"""What is read is short: files, functions and lines.

A header has at most 250 lines, a source 500, a function 60 from its name to
its closing brace, a line 80 columns; the top CMakeLists.txt has 120 lines.
"""

import re

from report import Lint

FILE = {".h": 250, ".c": 500, ".cpp": 500}
FUNCTION = 60
COLUMNS = 80
BUILD = 120
WORD = re.compile(r"[A-Za-z_]")

lint = Lint("size")
lengths = []

for path in lint.files("include lib stress tests bench examples", *FILE):
    lines = path.read_text().splitlines()
    if len(lines) > FILE[path.suffix]:
        lint.error(path, len(lines), f"more than {FILE[path.suffix]} lines")
    start, before = 0, ""
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            lint.error(path, number, f"more than {COLUMNS} columns")
        # As clang-format leaves it, a function begins with a word in the first
        # column, and ends with a lone brace there.
        if WORD.match(line) and not WORD.match(before):
            start = number
        if line == "}" and start:
            lengths.append(number - start + 1)
            if lengths[-1] > FUNCTION:
                lint.error(path, start, f"a function of {lengths[-1]} lines")
            start = 0
        before = line

build = lint.root / "CMakeLists.txt"
count = len(build.read_text().splitlines())
if count > BUILD:
    lint.error(build, count, f"more than {BUILD} lines")

lint.end(len(lengths), "functions")
