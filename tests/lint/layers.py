#!/usr/bin/env python3
"""An #include in lib/ never points upward, and includes make no cycle.

lib/LAYERS names the layers from the lowest up; the layers of one row do not
include each other either. Files of lib/ are included by their path from lib/,
public headers as <tally/...>. Public headers know nothing of lib/, and the
headers of the libraries that we stand on are included by one shim each.
"""

import re

from report import Lint

SHIMS = {"urcu": "lib/epoch/rcu", "ck_": "lib/sync/ck",
         "xxhash": "lib/container/hash"}
INCLUDE = re.compile(r'\s*#\s*include\s+(["<])([^">]+)[">]')

lint = Lint("layers")
rows = (lint.root / "lib/LAYERS").read_text().splitlines()
rank = {layer: i for i, row in enumerate(rows) for layer in row.split()}
graph = {}

for path in lint.files("include lib", ".h", ".c"):
    me = lint.shown(path)
    public = me.startswith("include/")
    layer = me.split("/")[1]
    edges = graph.setdefault(me, [])
    if not public and layer not in rank:
        lint.error(path, 1, f"lib/LAYERS does not name {layer}")
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, target = match.groups()
        if quote == "<":
            if target.startswith("tally/"):
                edges.append(f"include/{target}")
            for prefix, shim in SHIMS.items():
                if target.startswith(prefix) and not me.startswith(shim):
                    lint.error(path, number, f"only {shim}* includes <{target}>")
        elif public:
            lint.error(path, number, f"a public header includes {target}")
        elif not (lint.root / "lib" / target).is_file():
            lint.error(path, number, f"write the path from lib/: {target}")
        else:
            edges.append(f"lib/{target}")
            other = target.split("/")[0]
            if other != layer and rank.get(other, 99) >= rank[layer]:
                lint.error(path, number, f"{layer} may not include {other}")

done = set()


def visit(node, above):
    """Walks the includes of a file; a file above itself is a cycle."""
    if node in above:
        cycle = above[above.index(node):] + [node]
        lint.errors.append("cycle: " + " -> ".join(cycle))
    elif node not in done:
        for target in graph.get(node, []):
            visit(target, above + [node])
        done.add(node)


for name in graph:
    visit(name, [])
lint.end(len(graph), "files")
