"""`python -m tests.bench [NAME ...]`: measure, print a table, and exit with 1 when a ratio is below its floor."""

from __future__ import annotations

import importlib
import sys

from tests.bench.row import Row

PARTS = ("storage", "clients", "replication", "transactions", "world", "screen", "start", "sticky", "wire")


def main(names: list[str]) -> int:
    """Run the parts named, or all."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"There is no measurement {unknown[0]!r}; there are: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    print(f"{'what':58} {'ours':>14} {'yardstick':>14} {'ratio':>7} {'floor':>6}  against")
    good = True
    for name in names or PARTS:
        for row in importlib.import_module(f"tests.bench.{name}").rows():
            print(line(row), flush=True)
            good = good and row.good
    return 0 if good else 1


def line(row: Row) -> str:
    """A row as it stands in the table."""
    floor = "" if row.floor is None else f"{row.floor:.2f}"
    mark = "" if row.good else "  BELOW ITS FLOOR"
    figures = f"{row.ours:>10,.5g} {row.unit:<3} {row.yardstick:>10,.5g} {row.unit:<3} {row.ratio:>7.2f} {floor:>6}"
    return f"{row.name:58} {figures}  {row.yardstick_name}{mark}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
