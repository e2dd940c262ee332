"""Where and on what a run was made: the commit, the processor, the versions. For the history of results."""

import datetime
import os
import pathlib
import platform
import subprocess


def output_of(*command, folder=None):
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def commit(source):
    name = output_of("git", "rev-parse", "HEAD", folder=source)
    changed = bool(output_of("git", "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(exclude,top)*.jsonl",
                             folder=source))
    return name + ("+changes" if changed else "") if name else "unknown"


def describe(source):
    return {
        "commit": commit(source),
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "mpi": (output_of("mpirun", "--version").splitlines() or ["unknown"])[0],
        "compiler": (output_of("c++", "--version").splitlines() or ["unknown"])[0],
        "load before": load(),
    }


def load():
    """How many processes wanted to run lately. Measured beside other work, ratios suffer too: it is recorded."""
    return os.getloadavg()[0]
