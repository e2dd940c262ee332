"""What Rondo must reach, as data: each target is one number made of the results, and its limit."""

import dataclasses
import typing

from contestants import CONTESTANTS, MICRO
from results import NotMeasured

# Machines are noisy: only what is off by more than this factor ends the run with an error.
TOLERANCE = 1.5


@dataclasses.dataclass(frozen=True)
class Target:
    row: str
    meaning: str
    value: typing.Callable
    at_most: float | None = None
    at_least: float | None = None
    # A time, not a ratio: shown with its limit, but another machine's seconds fail nobody.
    absolute: bool = False
    # Time / that of a peer who needs as many cores: where others use them, both are slow, and nobody fails.
    beside: typing.Callable | None = None


@dataclasses.dataclass(frozen=True)
class Verdict:
    target: Target
    value: float | None
    sections: frozenset  # names of those the value is made of
    beside: float | None = None
    missing: str = ""

    @property
    def met(self):
        target = self.target
        if self.value is None:
            return None
        return (target.at_most is None or self.value <= target.at_most) and (
            target.at_least is None or self.value >= target.at_least)

    @property
    def far_off(self):
        target = self.target
        if self.value is None or target.absolute or (self.beside is not None and self.beside <= TOLERANCE):
            return False
        return (target.at_most is not None and self.value > TOLERANCE * target.at_most) or (
            target.at_least is not None and self.value < target.at_least / TOLERANCE)


def against_best(section, contestant):
    return lambda results: results.figure(section, contestant) / results.best(section, contestant)


def ratio(section, contestant, other, key="ms"):
    """Processes beside processes, threads beside threads: where many of them share few cores, processes take longer."""
    everybody = {**CONTESTANTS, **MICRO}
    assert everybody[contestant].kind == everybody[other].kind, f"{contestant} and {other} are of two kinds"
    return lambda results: results.figure(section, contestant, key) / results.figure(section, other, key)


def first_against_bound(section, contestant):
    return lambda results: results.figure(section, contestant, "first_ms") / results.figure(
        section, contestant, "first_bound_ms")


def efficiency(section, contestant, workers=2):
    return lambda results: results.figure(section, "serial") / workers / results.figure(section, contestant)


def units(sections, contestant, key, unit_ms=20):
    return lambda results: max(results.figure(section, contestant, key) for section in sections) / unit_ms


def reading(section, contestants, key):
    return lambda results: max(results.figure(section, contestant, key) for contestant in contestants)


# It knows the costs that states begin with, places them once, and has a rank 0 that computes nothing.
BY_HAND = "MPI by hand with known costs and a rank 0 of its own"
TEN = ("ten-states-0", "ten-states-5", "ten-states-9")

TARGETS = (
    Target("busy, 2 workers, np 3", "time / best of all processes", against_best("busy-2", "rondo-mpirun"), at_most=1.03),
    Target("busy, np 2, the master works", "time / best of all processes",
           against_best("busy-2", "rondo-master-works"), at_most=1.05),
    Target("busy, 2 threads", "time / best of all threads", against_best("busy-2", "rondo-threads"), at_most=1.03),
    *(Target(f"sleep, {workers} workers, np {workers + 1}", f"time / {BY_HAND}",
             ratio(f"sleep-{workers}", "rondo-mpirun", "handwritten-mpi"), at_most=1.05) for workers in (8, 35)),
    Target("sleep, 8 threads", "time / oneTBB", ratio("sleep-8", "rondo-threads", "tbb"), at_most=1.01),
    Target("sleep, 35 threads", "time / OpenMP dynamic", ratio("sleep-35", "rondo-threads", "openmp-dynamic"),
           at_most=0.97),
    Target("first round, 8 workers", "time / bound", first_against_bound("sleep-8", "rondo-mpirun"), at_most=1.10,
           beside=ratio("sleep-8", "rondo-mpirun", "handwritten-mpi", "first_ms")),
    *(Target(f"{name}, 8 {what}", f"mean time / {beside}", ratio(f"{name}-8", contestant, other, "mean_ms"), at_most=most)
      for name in ("drift", "spikes")
      for what, contestant, other, beside, most in (
          ("workers, np 9", "rondo-mpirun", "handwritten-mpi", BY_HAND, 1.05),
          ("threads", "rondo-threads", "openmp-dynamic", "OpenMP dynamic", 1.03))),
    Target("states shipped, busy, 2 workers", "time / persistent states", ratio("busy-2", "rondo-ship", "rondo-mpirun")),
    Target("10 states, first round, the long one first", "units", units(TEN[:1], "rondo-mpirun", "first_ms"), at_most=10.3),
    # Nobody who does not know the costs ends before 14 when the long one comes last; a hint makes them known.
    Target("10 states, first round, worst of three orders, with hints", "units", units(TEN, "rondo-hint", "first_ms"),
           at_most=10.3),
    Target("10 states, first round, worst of three orders, without hints", "units",
           units(TEN, "rondo-mpirun", "first_ms"), at_most=10.3,
           beside=ratio(TEN[-1], "rondo-mpirun", "rondo-hint", "first_ms")),
    Target("10 states, later rounds, worst of three orders", "units", units(TEN, "rondo-mpirun", "ms"), at_most=10.1),
    Target("no barriers, 35 workers", "time with barriers / without",
           ratio("evolve-35", "rondo-mpirun", "rondo-evolve", "mean_ms"), at_least=1.5),
    *(Target(f"grain {us} us", "efficiency", efficiency(f"grain-{us}", "rondo-mpirun"), at_least=wanted,
             beside=ratio(f"grain-{us}", "rondo-mpirun", "handwritten-mpi"))
      for us, wanted in ((30, 0.83), (100, 0.93), (300, 0.96))),
    Target("update of 0 cost, 10,000 states, threads", "us per update, the worse of 1 and 2 workers",
           reading("tiny", ("tiny-threads-1", "tiny-threads-2"), "us_per_update"), at_most=1.0, absolute=True),
    Target("update of 0 cost, 10,000 states, mpirun", "us per update, the worse of 1 and 2 workers",
           reading("tiny", ("tiny-mpirun-1", "tiny-mpirun-2"), "us_per_update"), at_most=1.0, absolute=True),
    *(Target(f"update of 0 cost, {states:,} states, threads", "us per update / at 10,000 states",
             ratio("tiny-sizes", f"tiny-{states}", "tiny-10000", "us_per_update"), at_most=1.0)
      for states in (100_000, 1_000_000, 10_000_000)),
    Target("master, batches of 10", "us per message", reading("tiny", ("tiny-mpirun-2-small-batches",),
           "master_us_per_message"), at_most=2.0, absolute=True),
    *(Target(f"{what} of 300 kB, {way}", "time / memcpy",
             reading("serialisation", ("serialisation",), f"{key}_{way}_over_memcpy"), at_most=1.25)
      for key, what in (("doubles", "vector of doubles"), ("bodies", "vector of 32-byte structs"))
      for way in ("pack", "unpack")),
    Target("nested strings and maps, pack and unpack", "time / deep copy",
           reading("serialisation", ("serialisation",), "nested_pair_over_deep_copy"), at_most=2.5),
    Target("resample, 8 workers", "bytes through rank 0 / bytes moved",
           reading("resample", ("resample",), "master_share"), at_most=0.01),
    Target("resample, 8 workers", "copies sent / copies needed",
           reading("resample", ("resample",), "transfers_over_needed"), at_most=1.0),
    Target("memory of the master", "bytes per state, without outputs",
           reading("memory", ("memory-tiny",), "master_bytes_per_state"), at_most=300),
    Target("memory of a worker", "bytes per state beside the state",
           reading("memory", ("memory-tiny",), "worker_bytes_per_state"), at_most=300),
    Target("memory of a worker, states of 2 to 20 MB whose sizes change", "most held / (1.3 x states + a message + 48 MB)",
           reading("memory", ("memory-sizes",), "worker_memory_over_limit"), at_most=1.0),
    Target("memory of a worker", "most held / (1.15 x states + 64 MB)",
           reading("memory", ("memory-workers",), "worker_memory_over_limit"), at_most=1.0),
    Target("idle worker", "fraction of a core", reading("idle", ("idle",), "idle_worker"), at_most=0.02),
    Target("start and end, 36 ranks", "time / empty MPI program",
           ratio("start", "empty-rondo", "empty-mpi", "wall_s"), at_most=1.15),
)


def verdicts(results):
    every = []
    for target in TARGETS:
        results.read.clear()
        value, beside, missing = None, None, ""
        try:
            value = target.value(results)
            beside = target.beside(results) if target.beside else None
        except NotMeasured as reason:
            missing = str(reason)
        every.append(Verdict(target, value, frozenset(results.read), beside, missing))
    return every
