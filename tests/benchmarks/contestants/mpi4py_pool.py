"""mpi4py's MPIPoolExecutor: each state is pickled out with its input and back with its output.

Run as: mpirun -np WORKERS+1 python3 -m mpi4py.futures mpi4py_pool.py LIBRARY options...
The update is the same compiled function as everybody's, called through ctypes on the bytes that were received.
"""

import ctypes
import sys

RECORD_BYTES = 128 * 8


class Workload:
    """The shared library of the reference workload, opened with one contestant's options."""

    def __init__(self, library, options):
        self.lib = ctypes.CDLL(library)
        for name in ("workload_open", "result_open"):
            getattr(self.lib, "reference_" + name).restype = ctypes.c_void_p
        for name in ("states", "rounds", "doubles_per_state"):
            getattr(self.lib, "reference_workload_" + name).restype = ctypes.c_size_t
        arguments = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        handle = self.lib.reference_workload_open(len(options), arguments)
        if not handle:
            sys.exit(2)
        self.handle = ctypes.c_void_p(handle)
        self.states = self.lib.reference_workload_states(self.handle)
        self.rounds = self.lib.reference_workload_rounds(self.handle)
        self.state_bytes = 8 * self.lib.reference_workload_doubles_per_state(self.handle)

    def initial_state(self, index):
        state = bytearray(self.state_bytes)
        self.lib.reference_workload_initial_state(self.handle, ctypes.c_size_t(index), address(state))
        return state

    def input(self, round_number):
        record = bytearray(RECORD_BYTES)
        self.lib.reference_workload_input(self.handle, ctypes.c_size_t(round_number), address(record))
        return record

    def update(self, state, record):
        output = bytearray(RECORD_BYTES)
        self.lib.reference_workload_update(self.handle, address(state), address(record), address(output))
        return output


def address(buffer):
    return (ctypes.c_char * len(buffer)).from_buffer(buffer)


workload = None


def open_workload(library, options):
    global workload
    workload = Workload(library, options)


def update(state, record):
    output = workload.update(state, record)
    return state, output


def main():
    from mpi4py.futures import MPIPoolExecutor

    library, options = sys.argv[1], sys.argv[2:]
    open_workload(library, options)
    states = [workload.initial_state(index) for index in range(workload.states)]
    with MPIPoolExecutor(initializer=open_workload, initargs=(library, options)) as pool:
        pool.bootup()
        result = ctypes.c_void_p(workload.lib.reference_result_open(workload.handle, b"mpi4py-pool"))
        inputs = [[workload.input(number)] * workload.states for number in range(workload.rounds)]
        workload.lib.reference_result_start(result)
        for round_inputs in inputs:
            pairs = list(pool.map(update, states, round_inputs))
            states = [state for state, _ in pairs]
            outputs = bytearray().join(output for _, output in pairs)
            workload.lib.reference_result_end_round(result, address(outputs))
        workload.lib.reference_result_print(result)


if __name__ == "__main__":
    main()
