"""Runs the contestants interleaved, checks that all did the same work, and writes table, chart and history.

Ends with 1 if a contestant failed, if outputs differ, or if a ratio is off its target by more than a factor of 1.5 and
still is with the samples of further attempts.
"""

import argparse
import functools
import json
import pathlib
import sys

import chart
import history
import machine
import report
from launch import ContestantFailed, run
from results import Results
from sections import SECTIONS
from targets import verdicts

KEPT = pathlib.Path(__file__).resolve().parent.parent / "history.jsonl"


def arguments():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds and runs: under two minutes")
    parser.add_argument("--only", metavar="SECTION,...", help=f"some of: {', '.join(s.name for s in SECTIONS)}")
    parser.add_argument("--contestants", metavar="NAME,...", help="only these in every section")
    parser.add_argument("--repetitions", type=int, metavar="N", help="instead of each section's own")
    parser.add_argument("--attempts", type=int, default=1, metavar="N",
                        help="measure a ratio that is far off again, N times in all")
    parser.add_argument("--output", type=pathlib.Path, metavar="DIR", help="for results.md and chart.svg")
    parser.add_argument("--history", type=pathlib.Path, metavar="FILE", help="gets one line of JSON per run")
    parser.add_argument("--source", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--programs", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    known = {section.name for section in SECTIONS}
    for name in (chosen.only or "").split(","):
        if name and name not in known:
            parser.error(f"--only: no section {name}")
    return chosen


def chosen_sections(options):
    names = options.only.split(",") if options.only else [section.name for section in SECTIONS]
    return [section for section in SECTIONS if section.name in names]


def measure(section, options, calibration, results):
    """Contestants take turns, and each repetition begins with another one: what disturbs the machine hits all."""
    wanted = options.contestants.split(",") if options.contestants else section.contestants
    names = [name for name in section.names(options.quick) if name in wanted]
    repetitions = options.repetitions or (section.repetitions_quick if options.quick else section.repetitions)
    once = section.once_quick if options.quick else section.once
    shared = section.options(options.quick, calibration["operations_per_ms"])
    for repetition in range(repetitions):
        turn = repetition % len(names) if names else 0
        for name in names[turn:] + names[:turn]:
            if repetition > 0 and name in once:
                continue
            command = section.contestant(name).command(options.programs, shared, section.workers, options.quick)
            try:
                sample = run(command)
            except ContestantFailed as failure:
                results.fail(section.name, name, str(failure))
                print(f"  {name}: {failure}", flush=True)
            else:
                results.add(section.name, name, sample)
                print(f"  {name}: " + (f"{sample['ms']:.2f} ms" if "ms" in sample else "done"), flush=True)


def on_paper(options):
    program = str(options.programs / "on_paper")
    return [run([program, "--work=sleep", f"--workers={workers}"]) for workers in (2, 8, 35)]


def history_line(options, facts, calibration, results, judged):
    summaries = {
        section: {contestant: results.summary(section, contestant) for contestant in contestants}
        for section, contestants in results.samples.items()}
    targets = [
        {"row": one.target.row, "value": one.value, "at_most": one.target.at_most, "at_least": one.target.at_least,
         "met": one.met} for one in judged]
    settings = {"quick": options.quick, "only": options.only, "repetitions": options.repetitions,
                "contestants": options.contestants, "attempts": options.attempts}
    return {**facts, "settings": settings, "calibration": calibration, "sections": summaries, "targets": targets,
            "failures": results.failures}


def main():
    options = arguments()
    results = Results()
    facts = machine.describe(options.source)
    calibration = run([str(options.programs / "calibrate")])
    sections = chosen_sections(options)
    for section in sections:
        print(section.title, flush=True)
        measure(section, options, calibration, results)
    judged = verdicts(results)
    for _ in range(1, options.attempts):
        doubtful = {name for one in judged if one.far_off for name in one.sections}
        if not doubtful:
            break
        print(f"far off, measured again: {', '.join(sorted(doubtful))}", flush=True)
        for section in sections:
            if section.name in doubtful:
                measure(section, options, calibration, results)
        judged = verdicts(results)
    results.check_hashes()
    here = history.of_processor(history.lines(KEPT, options.history), facts)
    before = functools.partial(history.values, here)
    options.output.mkdir(parents=True, exist_ok=True)
    options.history.parent.mkdir(parents=True, exist_ok=True)
    lines = list(report.document(sections, results, judged, on_paper(options), facts, before))
    (options.output / "results.md").write_text("\n".join(lines) + "\n")
    (options.output / "chart.svg").write_text(chart.draw(sections, results))
    with options.history.open("a") as kept:
        kept.write(json.dumps(history_line(options, facts, calibration, results, judged)) + "\n")
    print("\n".join(report.targets_table(judged, f"{facts['processor']}, {facts['cores']} cores", before)))
    for text in results.failures:
        print(f"failed: {text}")
    print(f"written: {options.output / 'results.md'}, {options.output / 'chart.svg'}, {options.history}")
    return 1 if results.failures or any(one.far_off for one in judged) else 0


if __name__ == "__main__":
    sys.exit(main())
