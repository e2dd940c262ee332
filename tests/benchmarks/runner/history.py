"""The history of results: a line of JSON for each run, with the processor that it was made on."""

import json


def lines(*files):
    """All lines of the files that are there, the oldest first."""
    every = []
    for file in files:
        if file.exists():
            every += [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    return sorted(every, key=lambda line: line.get("when", ""))


def of_processor(every, facts):
    """Results of one processor say nothing of another one, and those of a quick run little of a whole one."""
    return [line for line in every
            if line.get("processor") == facts["processor"] and line.get("cores") == facts["cores"]
            and not line.get("settings", {}).get("quick")]


def values(every, row):
    """What was measured for a target, in the order of the lines."""
    return [target["value"] for line in every for target in line.get("targets", [])
            if target["row"] == row and target["value"] is not None]
