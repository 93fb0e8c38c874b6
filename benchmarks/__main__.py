"""`python -m benchmarks [a|b|c|…]`: measures, and prints a table. See docs/benchmarks.md."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    against,
    attacks,
    batches,
    claims,
    dispatchers,
    memory,
    on_citus,
    on_postgres,
    one_order,
    reading,
    sending,
)
from benchmarks.ground import Ground, MissingError, WrongResultError, ground, say
from benchmarks.table import Report, as_json, as_text, machine

BENCHMARKS: dict[str, Callable[[Ground, int], Report]] = {
    "a": one_order.measure,
    "b": batches.measure,
    "c": sending.measure,
    "d": claims.measure,
    "e": on_postgres.measure,
    "f": dispatchers.measure,
    "g": claims.measure_at_scale,
    "h": against.measure,
    "i": reading.measure,
    "m": memory.measure,
    "attacks": attacks.measure,
    "citus": on_citus.measure,
}
USUAL = [name for name in BENCHMARKS if name != "citus" or on_citus.CLUSTER]


def main() -> int:
    """Returns 0 if all requested benchmarks were measured, whatever their figures; otherwise 1."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # also removes the folder
    try:
        with ground(asked.folder, quick=asked.quick) as place:
            found = machine(place.folder)
            reports, trouble = _measure(place, asked.names or USUAL, asked.runs or (1 if asked.quick else 5))
    except MissingError as error:
        say(str(error))
        return 1
    print((as_json if asked.json else as_text)(found, reports, trouble))
    return 1 if trouble else 0


def _measure(place: Ground, names: list[str], runs: int) -> tuple[list[Report], dict[str, str]]:
    """The results, and the reasons why other benchmarks were not measured."""
    reports: list[Report] = []
    trouble: dict[str, str] = {}
    for name in names:
        say(f"{name}: measuring")
        try:
            reports.append(BENCHMARKS[name](place, runs))
        except (MissingError, WrongResultError) as error:
            say(f"{name}: {error}")
            trouble[name] = str(error)
    return reports, trouble


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="|".join(BENCHMARKS))
    parser.add_argument("--runs", type=int, help="runs of each, in turn with its limit (5)")
    parser.add_argument("--quick", action="store_true", help="one short run: whether it works, not how fast")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--folder", type=Path, default=Path.cwd(), help="where the databases go: a disk (here)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
