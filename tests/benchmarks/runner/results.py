"""What came out: samples by section and contestant, and the figures taken from them."""

import math
import statistics

from contestants import CONTESTANTS


class NotMeasured(Exception):
    """A figure needs a contestant that did not run, or that failed."""


class Results:
    def __init__(self):
        self.samples = {}  # section -> contestant -> list of printed lines
        self.failures = []  # text, in order of appearance
        self.read = set()  # names of the sections that figures were taken from

    def add(self, section, contestant, sample):
        self.samples.setdefault(section, {}).setdefault(contestant, []).append(sample)

    def fail(self, section, contestant, text):
        self.failures.append(f"{section}, {contestant}: {text}")

    def figures(self, section, contestant, key):
        self.read.add(section)
        try:
            return [sample[key] for sample in self.samples[section][contestant]]
        except KeyError as error:
            raise NotMeasured(f"{section}, {contestant}: no {error.args[0]}") from error

    def figure(self, section, contestant, key="ms"):
        """The median over the repetitions."""
        return statistics.median(self.figures(section, contestant, key))

    def best(self, section, own):
        """The least median among the peers of the same kind, threads or processes, and Rondo's `own` way of running."""
        kind = CONTESTANTS[own].kind
        names = [name for name in self.samples.get(section, {})
                 if name == own or not name.startswith("rondo") and CONTESTANTS[name].kind == kind]
        if len(names) < 2:
            raise NotMeasured(f"{section}: nobody to compare with")
        return min(self.figure(section, name) for name in names)

    def check_hashes(self):
        """Everybody must have done the same work: one hash per section."""
        for section, contestants in self.samples.items():
            hashes = {}
            for contestant, samples in contestants.items():
                for sample in samples:
                    if "hash" in sample:
                        hashes.setdefault(sample["hash"], set()).add(contestant)
            if len(hashes) > 1:
                parties = "; ".join(f"{value} from {', '.join(sorted(who))}" for value, who in hashes.items())
                self.failures.append(f"{section}: outputs differ: {parties}")

    def summary(self, section, contestant):
        """One row of the table; every number that the samples share, as its median."""
        samples = self.samples[section][contestant]
        row = {}
        for key, value in samples[0].items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                row[key] = statistics.median(sample.get(key, math.nan) for sample in samples)
        if "ms_min" in row:
            row["ms_min"] = min(sample["ms_min"] for sample in samples)
            row["ms_max"] = max(sample["ms_max"] for sample in samples)
        row["repetitions"] = len(samples)
        return row
