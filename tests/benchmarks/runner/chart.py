"""Draws the sections as bars into one self-contained SVG."""

from xml.sax.saxutils import escape

WIDTH, LABEL, RIGHT, BAR, GAP = 860, 180, 90, 16, 6
COLOURS = {"rondo": "#d9480f", "other": "#868e96"}


def text(x, y, content, anchor="start", weight="normal", size=12):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" '
            f'font-size="{size}">{escape(content)}</text>')


def bars(title, rows, top):
    """One section: a bar per contestant, a line from its fastest to its slowest round, a dashed line at the bound."""
    ordered = sorted(rows.items(), key=lambda item: item[1]["ms"])
    # A contestant that takes many times longer would squeeze all other bars; it is cut at the edge instead.
    longest = min(1.05 * ordered[-1][1]["ms"], 4 * ordered[0][1]["ms"])
    scale = (WIDTH - LABEL - RIGHT) / longest
    parts = [text(8, top + 16, title, weight="bold", size=14)]
    y = top + 28
    for name, row in ordered:
        colour = COLOURS["rondo" if name.startswith("rondo") else "other"]
        low, high = (LABEL + scale * min(row[key], longest) for key in ("ms_min", "ms_max"))
        parts.append(text(LABEL - 8, y + BAR - 4, name, anchor="end"))
        width = scale * min(row["ms"], longest)
        parts.append(f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
        if row["ms"] > longest:
            parts.append(text(LABEL + width - 6, y + BAR - 4, "cut", anchor="end", size=10))
        parts.append(f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y + BAR / 2}" y2="{y + BAR / 2}" stroke="#212529"/>')
        parts.append(text(WIDTH - 8, y + BAR - 4, f'{row["ms"]:.1f} ms', anchor="end"))
        y += BAR + GAP
    bound = LABEL + scale * min(row["bound_ms"] for row in rows.values() if row["workers"] > 1)
    parts.append(f'<line x1="{bound:.1f}" x2="{bound:.1f}" y1="{top + 24}" y2="{y}" stroke="#1971c2" '
                 'stroke-dasharray="4 3"/>')
    return parts, y + 18


def draw(sections, results):
    parts, y = [], 8
    for section in sections:
        contestants = results.samples.get(section.name, {})
        rows = {name: results.summary(section.name, name) for name in contestants}
        if rows and all("bound_ms" in row for row in rows.values()):
            more, y = bars(f"{section.title}: ms per round", rows, y)
            parts += more
    parts.append(text(8, y + 4, "bars: medians; lines: fastest to slowest round; dashed: the bound", size=11))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 16}" font-family="sans-serif">\n'
            f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")
