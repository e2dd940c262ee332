"""Who takes part: how each contestant's program is started for a number of workers."""

import dataclasses
import pathlib

PYTHON = "/usr/bin/python3"  # Debian's, which is the one that sees Debian's mpi4py


@dataclasses.dataclass(frozen=True)
class Contestant:
    program: str
    arguments: tuple = ()
    # Ranks under mpirun besides those that compute: 1 for a master. None: started without a launcher.
    ranks_beside: int | None = None
    # Replaces the number of workers of the section.
    workers: int | None = None

    def command(self, folder, section_arguments, section_workers):
        workers = self.workers or section_workers
        options = [*section_arguments, f"--workers={workers}"] if section_arguments is not None else []
        own = [argument.format(workers=workers) for argument in self.arguments]
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
    "rondo-master-works": Contestant("rondo", ("--rondo-master-works",), ranks_beside=0),
    "rondo-evolve": Contestant("rondo", ("--mode=evolve",), ranks_beside=1),
    "rondo-ship": Contestant("rondo", ("--mode=ship",), ranks_beside=1),
}
