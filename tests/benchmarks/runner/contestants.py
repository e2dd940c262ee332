"""Who takes part: how each contestant's program is started for a number of workers."""

import dataclasses
import pathlib

PYTHON = "/usr/bin/python3"  # Debian's, which is the one that sees Debian's mpi4py


@dataclasses.dataclass(frozen=True)
class Contestant:
    program: str
    arguments: tuple = ()
    # Instead of the arguments, in a quick run.
    arguments_quick: tuple | None = None
    # Ranks under mpirun besides those that compute: 1 for a master. None: started without a launcher.
    ranks_beside: int | None = None
    # Instead of the section's.
    workers: int | None = None

    @property
    def kind(self):
        """Threads share one memory; processes send messages, and one of them may be a master that computes nothing."""
        return "threads" if self.ranks_beside is None else "processes"

    def command(self, folder, section_arguments, section_workers, quick=False):
        workers = self.workers or section_workers
        options = [*section_arguments, f"--workers={workers}"] if section_arguments is not None else []
        arguments = self.arguments_quick if quick and self.arguments_quick is not None else self.arguments
        own = [argument.format(workers=workers) for argument in arguments]
        launcher = [] if self.ranks_beside is None else ["mpirun", "-np", str(workers + self.ranks_beside)]
        if self.program.endswith(".py"):
            script = pathlib.Path(__file__).parent.parent / "contestants" / self.program
            library = str(folder / "libreference_workload.so")
            return [*launcher, PYTHON, "-m", "mpi4py.futures", str(script), library, *options, *own]
        return [*launcher, str(folder / self.program), *options, *own]


ON_THREADS = "--rondo-workers={workers}"

CONTESTANTS = {
    "serial": Contestant("serial"),
    "openmp-dynamic": Contestant("openmp"),
    "openmp-sorted": Contestant("openmp", ("--mode=sorted",)),
    "tbb": Contestant("tbb"),
    "handwritten-mpi": Contestant("handwritten_mpi", ranks_beside=1),
    "handwritten-mpi-rank0": Contestant("handwritten_mpi", ("--mode=rank0-computes",), ranks_beside=0),
    "naive-boost-mpi": Contestant("naive_boost_mpi", ranks_beside=1),
    "mpi4py-pool": Contestant("mpi4py_pool.py", ranks_beside=1),
    "rondo-threads": Contestant("rondo", (ON_THREADS,)),
    "rondo-mpirun": Contestant("rondo", ranks_beside=1),
    "rondo-hint": Contestant("rondo", ("--mode=hint",), ranks_beside=1),
    "rondo-master-works": Contestant("rondo", ("--rondo-master-works",), ranks_beside=0),
    "rondo-evolve": Contestant("rondo", ("--mode=evolve",), ranks_beside=1),
    "rondo-ship": Contestant("rondo", ("--mode=ship",), ranks_beside=1),
}

# Programs that measure one thing by themselves and take no part in the reference workload.
MICRO = {
    **{f"tiny-{states}": Contestant("tiny_states", (str(states), ON_THREADS), workers=2)
       for states in (10_000, 100_000, 1_000_000, 10_000_000)},
    "tiny-threads-1": Contestant("tiny_states", (ON_THREADS,), workers=1),
    "tiny-threads-2": Contestant("tiny_states", (ON_THREADS,), workers=2),
    "tiny-mpirun-1": Contestant("tiny_states", workers=1, ranks_beside=1),
    "tiny-mpirun-2": Contestant("tiny_states", workers=2, ranks_beside=1),
    "tiny-mpirun-2-small-batches": Contestant("tiny_states", ("--rondo-batch=10",), workers=2, ranks_beside=1),
    "serialisation": Contestant("serialisation"),
    "resample": Contestant("resample", workers=8, ranks_beside=1),
    "resample-rebalanced": Contestant("resample", ("0.2",), workers=8, ranks_beside=1),
    "memory-tiny": Contestant("memory", ("tiny", "10000000"), arguments_quick=("tiny", "1000000"), workers=2, ranks_beside=1),
    "memory-workers": Contestant("memory", ("workers",), workers=2, ranks_beside=1),
    "memory-sizes": Contestant("memory", ("sizes", "--rondo-batch=off"), workers=2, ranks_beside=1),
    "idle": Contestant("idle", ("10",), arguments_quick=("4",), workers=2, ranks_beside=1),
    "empty-mpi": Contestant("empty_mpi", workers=35, ranks_beside=1),
    "empty-rondo": Contestant("empty_rondo", workers=35, ranks_beside=1),
}
