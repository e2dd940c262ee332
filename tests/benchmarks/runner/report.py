"""Writes the results as Markdown."""


def number(value):
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3g}"


def limit(target):
    if target.at_most is not None:
        return f"at most {target.at_most:g}"
    return f"at least {target.at_least:g}" if target.at_least is not None else "shown"


def verdict(one):
    if one.value is None:
        return f"not measured ({one.missing})"
    if one.target.at_most is None and one.target.at_least is None:
        return ""
    if one.met:
        return "met"
    return "**far off**" if one.far_off else "**not met**"


def ratio(value):
    return "" if value is None else f"{value:.3f}" if value < 10 else f"{value:.2f}"


def targets_table(verdicts, machine, before):
    """`before`: what the history of this processor has for a row, the newest last."""
    yield f"| target, on {machine} | figure | must be | measured | | before, on this processor |"
    yield "|---|---|---|---|---|---|"
    for one in verdicts:
        kept = ", ".join(ratio(value) for value in before(one.target.row)[-3:])
        yield (f"| {one.target.row} | {one.target.meaning} | {limit(one.target)} | {ratio(one.value)} | {verdict(one)} | "
               f"{kept} |")


def times_table(rows, machine):
    best = min(row["ms"] for row in rows.values())
    yield f"| contestant, on {machine} | ms per round | min | max | / best | efficiency | first round | runs |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, row in sorted(rows.items(), key=lambda item: item[1]["ms"]):
        yield (f"| {name} | {number(row['ms'])} | {number(row['ms_min'])} | {number(row['ms_max'])} | "
               f"{row['ms'] / best:.2f} | {row['bound_ms'] / row['ms']:.3f} | {number(row['first_ms'])} | "
               f"{row['repetitions']} |")


def figures_table(rows, machine):
    yield f"| program, on {machine} | figure | median |"
    yield "|---|---|---|"
    for name, row in rows.items():
        for key, value in row.items():
            if key not in ("repetitions", "wall_s") or len(row) == 2:
                yield f"| {name} | {key.replace('_', ' ')} | {number(value)} |"


def paper_table(paper):
    yield "| workers | bound, ms | blocks | dynamic in order | placed by base cost | dynamic by last cost |"
    yield "|---|---|---|---|---|---|"
    for row in paper:
        yield (f"| {row['workers']} | {number(row['bound_ms'])} | {row['blocks']:.3f} | {row['dynamic_in_order']:.3f} | "
               f"{row['placed_by_base_cost']:.3f} | {row['dynamic_by_last_cost']:.3f} |")


def document(sections, results, verdicts, paper, facts, before):
    machine = f"{facts['processor']}, {facts['cores']} cores"
    yield "# Benchmarks"
    yield ""
    yield ", ".join(f"{key} {value}" for key, value in facts.items())
    yield ""
    yield "Times are medians over the rounds after the first and over the runs; min and max are of single rounds."
    yield "Of rondo-evolve, which has no rounds in turn, means over all rounds, and of single runs."
    yield "Efficiency is against the bound max(sum of costs / workers, longest cost)."
    yield ""
    yield "## Targets"
    yield ""
    yield from targets_table(verdicts, machine, before)
    if results.failures:
        yield ""
        yield "## Failures"
        yield ""
        for text in results.failures:
            yield f"- {text}"
    yield ""
    yield "## Schedules on paper: efficiency with the nominal costs and no overhead"
    yield ""
    yield from paper_table(paper)
    for section in sections:
        contestants = results.samples.get(section.name)
        if not contestants:
            continue
        rows = {name: results.summary(section.name, name) for name in contestants}
        yield ""
        yield f"## {section.title}"
        yield ""
        timed = all("bound_ms" in row for row in rows.values())
        yield from (times_table(rows, machine) if timed else figures_table(rows, machine))
