"""Starts one contestant, waits for it, and reads the one line of JSON it prints."""

import json
import os
import signal
import subprocess
import time

# The same for every contestant: as the machine's two or four cores usually carry more ranks than that, waiting
# ranks yield, none is bound to a core, and more ranks than cores are no error. What the user has set stays.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_btl_base_warn_component_unused": "0",
}


class ContestantFailed(Exception):
    """Ended with another status than 0, took too long, or printed no result; the text says which."""


def environment():
    return {**ENVIRONMENT, **os.environ}


def said(errors):
    """The beginning, which is the program's own; what mpirun adds to it comes last."""
    lines = [line.strip() for line in errors.splitlines() if line.strip("- ")]
    return " ".join(lines)[:400] or "nothing on the error stream"


def end(process):
    """Ends a run that hangs: mpirun takes its ranks with it if it is asked first."""
    for how, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, None)):
        os.killpg(process.pid, how)
        try:
            process.communicate(timeout=patience)
            return
        except subprocess.TimeoutExpired:
            continue


def run(command, timeout=180):
    """The printed line as a dictionary, and under "wall_s" how long the whole run took, start and end included."""
    begin = time.monotonic()
    try:
        # A session of its own, so that a run that hangs is ended with all its ranks and nothing else.
        process = subprocess.Popen(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True)
    except OSError as error:
        raise ContestantFailed(f"{command[0]}: {error.strerror}") from error
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        end(process)
        raise ContestantFailed(f"no result after {timeout} s") from None
    wall = time.monotonic() - begin
    if process.returncode != 0:
        raise ContestantFailed(f"status {process.returncode}: {said(err)}")
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if len(lines) != 1:
        raise ContestantFailed(f"printed {len(lines)} results: {out[-300:]!r}")
    return {**json.loads(lines[0]), "wall_s": wall}
