"""What is measured: each section is one workload, its workers, and who takes part. All of it is data."""

import dataclasses

from contestants import CONTESTANTS, MICRO

ALL = tuple(name for name in CONTESTANTS if name != "rondo-hint")
SLEEPING = tuple(name for name in ALL if name not in ("serial", "handwritten-mpi-rank0", "rondo-master-works"))

DYNAMIC = ("openmp-dynamic", "tbb", "handwritten-mpi", "rondo-threads", "rondo-mpirun")


@dataclasses.dataclass(frozen=True)
class Section:
    name: str
    title: str
    contestants: tuple
    workers: int = 2
    work: str = "busy"
    arguments: tuple = ()
    rounds: int = 20
    rounds_quick: int = 8
    repetitions: int = 5
    repetitions_quick: int = 1
    once: tuple = ("serial",)  # too slow, and too steady, to repeat
    full_only: tuple = ()  # not in a quick run
    once_quick: tuple = ("serial", "naive-boost-mpi", "mpi4py-pool", "rondo-ship")

    def contestant(self, name):
        return CONTESTANTS[name] if self.work else MICRO[name]

    def names(self, quick):
        return [name for name in self.contestants if not (quick and name in self.full_only)]

    def options(self, quick, operations_per_ms):
        """The command line all contestants of the section share; None if they do not run the reference workload."""
        if not self.work:
            return None
        return [
            f"--work={self.work}", f"--rounds={self.rounds_quick if quick else self.rounds}",
            f"--operations-per-ms={operations_per_ms:.0f}", *self.arguments]


def micro(name, title, contestants, **how):
    return Section(name, title, contestants, work="", **{"repetitions": 3, **how})


def ten_states(position):
    """9 states of 1 unit and one of 10, a unit being 20 ms."""
    costs = ["20"] * 10
    costs[position] = "200"
    return Section(
        f"ten-states-{position}", f"10 states, the long one at place {position + 1}, 2 workers",
        ("openmp-dynamic", "rondo-mpirun", "rondo-hint"), work="sleep",
        arguments=("--costs-ms=" + ",".join(costs), "--jitter=0"), rounds=5, rounds_quick=2, repetitions=3,
        full_only=("openmp-dynamic",))


def grain(microseconds):
    return Section(
        f"grain-{microseconds}", f"Grain: busy, mean cost {microseconds} us, 2 workers",
        ("serial", "openmp-dynamic", "handwritten-mpi", "naive-boost-mpi", "rondo-threads", "rondo-mpirun"),
        arguments=(f"--mean-ms={microseconds / 1000}",), rounds=40, rounds_quick=12, once=(),
        full_only=("naive-boost-mpi", "rondo-threads"))


SECTIONS = (
    Section("busy-2", "Busy, 2 workers", ALL, rounds_quick=4),
    Section("sleep-8", "Sleep, 8 workers", SLEEPING,
            workers=8, work="sleep", full_only=("openmp-sorted", "rondo-ship")),
    Section("sleep-35", "Sleep, 35 workers", SLEEPING,
            workers=35, work="sleep", rounds=40, rounds_quick=10,
            full_only=("openmp-sorted", "rondo-ship", "mpi4py-pool")),
    Section("drift-8", "Costs that drift, sleep, 8 workers", DYNAMIC,
            workers=8, work="sleep", arguments=("--drift=0.1",), rounds=40, rounds_quick=12, full_only=("tbb",)),
    Section("spikes-8", "Costs that jump, sleep, 8 workers", DYNAMIC,
            workers=8, work="sleep", arguments=("--spikes",), rounds=41, rounds_quick=21, full_only=("tbb",)),
    ten_states(0), ten_states(5), ten_states(9),
    Section("evolve-35", "Costs drawn anew each round, 140 states, sleep, 35 workers",
            ("openmp-dynamic", "rondo-mpirun", "rondo-evolve"), workers=35, work="sleep",
            arguments=("--states=140", "--redraw"), rounds=100, rounds_quick=40, repetitions=3, full_only=("openmp-dynamic",)),
    grain(30), grain(100), grain(300),
    micro("tiny", "Updates that cost nothing, 10,000 states of 8 bytes",
          ("tiny-threads-1", "tiny-threads-2", "tiny-mpirun-1", "tiny-mpirun-2", "tiny-mpirun-2-small-batches")),
    micro("tiny-sizes", "Updates that cost nothing, by the number of states, 2 threads",
          ("tiny-10000", "tiny-100000", "tiny-1000000", "tiny-10000000"), full_only=("tiny-10000000",), repetitions_quick=2),
    micro("serialisation", "Serialisation", ("serialisation",)),
    micro("resample", "Resample, 2,000 states of 300 kB, 8 workers", ("resample", "resample-rebalanced"), repetitions=2, full_only=("resample-rebalanced",)),
    micro("memory", "Memory, 2 workers", ("memory-tiny", "memory-workers", "memory-sizes"), repetitions=1),
    micro("idle", "Waiting for a long update elsewhere, 2 workers", ("idle",), repetitions=1),
    micro("start", "Start and end of an empty program, 36 ranks", ("empty-mpi", "empty-rondo"), repetitions=5,
          repetitions_quick=2),
)
