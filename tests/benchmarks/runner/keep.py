"""Runs a benchmark that run.sh does not, shows what it prints, and adds it to a history as one line of JSON.

    /usr/bin/python3 -B tests/benchmarks/runner/keep.py build/tests/benchmarks/scaling/scaling 80 1 10000
"""

import argparse
import json
import pathlib
import subprocess
import sys

import machine

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", type=pathlib.Path, metavar="FILE", default=HERE.parent / "history.jsonl",
                        help="gets the line; default: %(default)s")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND ...")
    options = parser.parse_args()
    if not options.command:
        parser.error("need a command")
    facts = machine.describe(HERE)
    print(f"on {facts['processor']}, {facts['cores']} cores:", flush=True)
    lines = []
    with subprocess.Popen(options.command, stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
    if program.returncode == 0:
        command = [pathlib.Path(options.command[0]).name, *options.command[1:]]
        with options.history.open("a") as history:
            history.write(json.dumps({**facts, "command": command, "printed": lines}) + "\n")
    return program.returncode


if __name__ == "__main__":
    sys.exit(main())
