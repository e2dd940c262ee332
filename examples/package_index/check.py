#!/usr/bin/env python3
"""Makes the report of package_index by itself, runs package_index, and compares.

check.py PROGRAM [FILE...]; without a FILE it takes what package_index would take.
"""
import glob
import os
import re
import subprocess
import sys


def key_of(part):
    """A version part as a list: text with the order of its letters, then a number, and so on."""
    key = []
    for text, number in re.findall(r"([^0-9]*)([0-9]*)", part):
        order = {"~": -1}
        key.append([order.get(c, ord(c) if c.isalpha() else ord(c) + 256) for c in text] + [0])
        key.append(int(number or "0"))
    return key


def compare(a, b):
    def split(version):
        epoch, colon, rest = version.partition(":")
        if not colon:
            epoch, rest = "0", version
        upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
        return int(epoch), key_of(upstream), key_of(revision)

    def compare_keys(x, y):
        # The shorter goes on with empty text and the number 0.
        for i in range(max(len(x), len(y))):
            filler = [0] if i % 2 == 0 else 0
            p, q = (x[i] if i < len(x) else filler), (y[i] if i < len(y) else filler)
            if p != q:
                return -1 if p < q else 1
        return 0

    (ea, ua, ra), (eb, ub, rb) = split(a), split(b)
    return (ea > eb) - (ea < eb) or compare_keys(ua, ub) or compare_keys(ra, rb)


def read(path):
    if path.endswith("Packages") or path.endswith(".sample"):
        return open(path, encoding="utf-8").read()
    return subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], check=True, capture_output=True).stdout.decode()


def report(paths):
    newest = {}
    for path in paths:
        for record in read(path).split("\n\n"):
            fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", record, re.M))
            if not all(fields.get(field) for field in ("Package", "Version", "Section")):
                continue
            seen = newest.get(fields["Package"])
            if seen is None or compare(fields["Version"], seen["Version"]) > 0:
                newest[fields["Package"]] = fields
    sections = {}
    for package in newest.values():
        sections.setdefault(package["Section"], []).append(package)
    rows = []
    for name, packages in sections.items():
        installed = lambda package: int(package.get("Installed-Size", 0))
        largest = min(packages, key=lambda package: (-installed(package), package["Package"].encode()))
        rows.append((name, len(packages), sum(int(p.get("Size", 0)) for p in packages), sum(map(installed, packages)),
                     largest["Package"]))
    rows.sort(key=lambda row: (-row[3], row[0].encode()))
    return "section packages download_bytes installed_kilobytes largest\n" + "".join(
        " ".join(map(str, row)) + "\n" for row in rows)


def main():
    program, paths = sys.argv[1], sys.argv[2:]
    sources = paths or sorted(glob.glob("/var/lib/apt/lists/*_Packages*")) or [
        os.path.join(os.path.dirname(__file__), "Packages.sample")]
    expected = report(sources)
    for threads in (1, 2, 5):
        ran = subprocess.run([program, f"--threads={threads}", *paths], capture_output=True, text=True)
        if ran.returncode != 0 or ran.stdout != expected:
            print(f"{threads} threads: status {ran.returncode}\n{ran.stderr}\ngot\n{ran.stdout}\nexpected\n{expected}")
            return 1
    print(f"{expected.count(chr(10)) - 1} sections, the same from both programs and for 1, 2 and 5 threads")
    return 0


sys.exit(main())
