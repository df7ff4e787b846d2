#!/usr/bin/env python3
"""Every crate that the program is built from has a licence that this project may ship with.

Reads `cargo metadata`; fails with the crate's name otherwise.
"""
import json
import re
import subprocess
import sys

ALLOWED = {
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "0BSD",
    "BSL-1.0",
    "CC0-1.0",
    "MIT-0",
}


def allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met with allowed licences alone."""
    expression = expression.replace("/", " OR ")
    tokens = re.findall(r"\(|\)|AND|OR|[^\s()]+(?: WITH [^\s()]+)?", expression)

    def parse_or(i):
        value, i = parse_and(i)
        while i < len(tokens) and tokens[i] == "OR":
            other, i = parse_and(i + 1)
            value = value or other
        return value, i

    def parse_and(i):
        value, i = parse_atom(i)
        while i < len(tokens) and tokens[i] == "AND":
            other, i = parse_atom(i + 1)
            value = value and other
        return value, i

    def parse_atom(i):
        if tokens[i] == "(":
            value, i = parse_or(i + 1)
            return value, i + 1
        return tokens[i] in ALLOWED, i + 1

    return parse_or(0)[0]


def main() -> int:
    assert allowed("MIT OR GPL-3.0") and not allowed("MIT AND GPL-3.0")
    assert allowed("(MIT OR Apache-2.0) AND Unicode-3.0") and not allowed("GPL-3.0")
    data = json.loads(
        subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--all-features"])
    )
    bad = []
    for package in data["packages"]:
        licence = package["license"]
        if not licence or not allowed(licence):
            bad.append(f"{package['name']} {package['version']}: {licence or 'no licence named'}")
    for line in bad:
        print(f"licence not allowed: {line}", file=sys.stderr)
    print(f"{len(data['packages'])} crates, {len(bad)} with a licence that is not allowed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
