"""What every lint shares: the files it reads, and how it says what it found."""

import pathlib
import sys


class Lint:
    """A lint's name, the tree it looks at, and its findings."""

    def __init__(self, name):
        self.name = name
        self.root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
        self.errors = []

    def files(self, folders, *endings):
        """All files under folders (a list of words) with these endings."""
        found = []
        for folder in folders.split():
            for path in (self.root / folder).rglob("*"):
                if path.is_file() and path.suffix in endings:
                    found.append(path)
        return sorted(found)

    def shown(self, path):
        """The path as a reader of the tree writes it."""
        return path.relative_to(self.root).as_posix()

    def error(self, path, line, text):
        """Notes that a line of a file breaks the rule."""
        self.errors.append(f"{self.shown(path)}:{line}: {text}")

    def end(self, count, things):
        """Prints the verdict and ends with it. Nothing seen is no success."""
        if not count:
            self.errors.append(f"{self.name}: saw no {things}")
        print("\n".join(self.errors) or f"{self.name}: {count} {things} ok")
        sys.exit(bool(self.errors))


def code(line):
    """A line without its comment and without what its strings say."""
    kept, quote, i = [], "", 0
    while i < len(line):
        char = line[i]
        if quote:
            if char == "\\":
                i += 1
            elif char == quote:
                quote = ""
                kept.append(char)
        elif char in "\"'":
            quote = char
            kept.append(char)
        elif line.startswith("//", i):
            break
        else:
            kept.append(char)
        i += 1
    return "".join(kept)
