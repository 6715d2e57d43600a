#!/usr/bin/env python3
"""Broken copies of frontier_lab's tables: each gives a case that can be planned, or an error that names the file; never a traceback.

    .venv/bin/python checks/mutations.py [--copies 300] [--seed 0] [--plans 6]

Needs the environment that run.py makes. Every copy is read and checked, and where it is sound the problem of its first month is
assembled. `--plans` of the sound ones are planned by the command line, which must end with exit code 0, 2, 3 or 4, write into its run
folder only and leave the tables as they are.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from optimizer.errors import DataError, PlacementError  # noqa: E402 - found beside this folder
from optimizer.planning.assemble import build_problem  # noqa: E402
from optimizer.planning.needs import compute_needs  # noqa: E402
from optimizer.tables.catalog import case_folder  # noqa: E402
from optimizer.tables.read import read_case  # noqa: E402
from optimizer.tables.schemas import TABLE_BY_NAME  # noqa: E402

CASE = "frontier_lab"
PATIENCE_S = 120.0  # of the processor's time for one copy
HANGS_S = 3_600.0  # by the clock: a plan that takes longer hangs, whatever else the machine does
LONGEST_MESSAGE = 200_000
ODD_CELLS = ("abc", "", " ", "1,000", "1e999", "nan", "-inf", "-5", "2026-02-30", "TRUE", "\uff11\uff12", "0x10", "none", "unknown")
EXTREMES = ("1e308", "-1e308", "1e-308", "5e-324", "0", "-0", "9" * 15, "9999-12-31", "0001-01-01", "1970-01-01", "0.9999999999999999")
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "@SUM(A1:A9)", "-2+3", '=HYPERLINK("x","y")', "'=1", "''@x", "=1;=2")
NAMES = ("plain", "with space", "quote'and\"double", "ünïcode", "semi;colon", "-m", "a=b", "line\nbreak", "$(touch x)", "[brackets]", "%s")


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A copy of the case, which mutations change in place."""

    folder: Path
    rng: random.Random

    def table(self) -> Path:
        return self.rng.choice(sorted(self.folder.glob("*.csv")))

    def rows(self, table: Path) -> list[list[str]]:
        return list(csv.reader(io.StringIO(table.read_text(encoding="utf-8"))))

    def write(self, table: Path, rows: list[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        table.write_text(text.getvalue(), encoding="utf-8")


Mutation = Callable[[Copy], str]


def cell(copy: Copy, values: tuple[str, ...]) -> str:
    table = copy.table()
    rows = copy.rows(table)
    row, column = copy.rng.randrange(1, len(rows)), copy.rng.randrange(len(rows[0]))
    rows[row][column] = copy.rng.choice(values)
    copy.write(table, rows)
    return f"{table.name}: {rows[0][column]} of row {row} is {rows[row][column]!r}"


def types(copy: Copy) -> str:
    return cell(copy, ODD_CELLS)


def extremes(copy: Copy) -> str:
    return cell(copy, EXTREMES)


def formulas(copy: Copy) -> str:
    return cell(copy, FORMULAS)


def whole_column(copy: Copy) -> str:
    table = copy.table()
    rows = copy.rows(table)
    column, value = copy.rng.randrange(len(rows[0])), copy.rng.choice((*ODD_CELLS, *EXTREMES))
    copy.write(table, [rows[0], *([*row[:column], value, *row[column + 1 :]] for row in rows[1:])])
    return f"{table.name}: {rows[0][column]} is {value!r} throughout"


def broken_bytes(copy: Copy) -> str:
    table = copy.table()
    content = bytearray(table.read_bytes())
    place = copy.rng.randrange(len(content))
    how = copy.rng.choice(("byte", "nul", "cut", "quote", "swap", "crlf", "cr", "mark"))
    if how == "byte":
        content[place] = copy.rng.randrange(128, 256)
    elif how == "nul":
        content[place] = 0
    elif how == "cut":
        del content[place:]
    elif how == "quote":
        content[place:place] = b'"'
    elif how == "swap":
        content[place], content[-place] = content[-place], content[place]
    elif how in ("crlf", "cr"):
        content = bytearray(content.replace(b"\n", b"\r\n" if how == "crlf" else b"\r"))
    else:
        content[:0] = b"\xef\xbb\xbf" * copy.rng.randrange(1, 3)
    table.write_bytes(bytes(content))
    return f"{table.name}: {how} at {place}"


def encodings(copy: Copy) -> str:
    table, encoding = copy.table(), copy.rng.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "utf-7"))
    text = table.read_text(encoding="utf-8").replace("illustrative", "ill\u00fcstrative")
    table.write_bytes(text.encode(encoding))
    return f"{table.name}: {encoding}"


def shuffles(copy: Copy) -> str:
    table, rows = (table := copy.table()), copy.rows(table)
    if copy.rng.random() < 0.5:
        body = rows[1:]
        copy.rng.shuffle(body)
        copy.write(table, [rows[0], *body])
        return f"{table.name}: rows shuffled"
    order = list(range(len(rows[0])))
    copy.rng.shuffle(order)
    head = copy.rng.random() < 0.3  # the header alone
    copy.write(table, [[row[i] for i in order] if not head or number == 0 else row for number, row in enumerate(rows)])
    return f"{table.name}: {'header' if head else 'columns'} shuffled"


def duplicates(copy: Copy) -> str:
    table, how = copy.table(), copy.rng.choice(("row", "header", "column", "file", "key"))
    rows = copy.rows(table)
    row = copy.rng.randrange(1, len(rows))
    if how == "row":
        rows.insert(row, rows[row])
    elif how == "header":
        rows.insert(row, rows[0])
    elif how == "column":
        rows = [[*each, each[0]] for each in rows]
    elif how == "key":
        other = copy.rng.randrange(1, len(rows))
        rows[row][0] = rows[other][0]
    copy.write(table, rows)
    if how == "file":
        shutil.copyfile(table, table.with_suffix(".parquet"))
    return f"{table.name}: {how} twice"


def missing(copy: Copy) -> str:
    table, how = copy.table(), copy.rng.choice(("file", "empty", "header", "column", "rows", "folder", "unreadable name"))
    rows = copy.rows(table)
    if how == "file":
        table.unlink()
    elif how == "empty":
        table.write_text(copy.rng.choice(("", "\n\n", "# nothing\n", ",,,\n")))
    elif how == "header":
        copy.write(table, rows[1:])
    elif how == "column":
        column = copy.rng.randrange(len(rows[0]))
        copy.write(table, [[*row[:column], *row[column + 1 :]] for row in rows])
    elif how == "rows":
        copy.write(table, rows[: copy.rng.randrange(1, max(2, len(rows)))])
    elif how == "folder":
        table.unlink()
        table.mkdir()
    else:
        table.rename(table.with_name(copy.rng.choice(("Offers.csv", "offers .csv", "offer.csv", "x" * 200 + ".csv"))))
    return f"{table.name}: {how} missing or strange"


def huge(copy: Copy) -> str:
    table, how = copy.table(), copy.rng.choice(("cell", "rows", "columns", "line"))
    rows = copy.rows(table)
    row = copy.rng.randrange(1, len(rows))
    if how == "cell":
        rows[row][copy.rng.randrange(len(rows[0]))] = copy.rng.choice("9x") * 5_000_000
    elif how == "rows":
        rows += [[f"{rows[row][0]}{i}", *rows[row][1:]] for i in range(100_000)]
    elif how == "columns":
        rows = [[*each, *([""] * 5_000 if number else [f"c{i}" for i in range(5_000)])] for number, each in enumerate(rows)]
    else:
        rows[row] += [""] * 1_000_000
    copy.write(table, rows)
    return f"{table.name}: huge {how}"


def references(copy: Copy) -> str:
    """A name that other tables use is another one."""
    table = copy.table()
    rows = copy.rows(table)
    row = copy.rng.randrange(1, len(rows))
    rows[row][0] = copy.rng.choice((f"{rows[row][0]}x", rows[row][0].upper(), "a@b", "a#1", "x" * 300, "../../etc/x", "/abs", "nul\u0000"))
    copy.write(table, rows)
    return f"{table.name}: {rows[row][0]!r} in row {row}"


def paths(copy: Copy) -> str:
    """The case lies deep, or in a folder with an odd name, or holds links and strange files."""
    how = copy.rng.choice(("name", "deep", "loop", "dangling", "stray"))
    if how == "loop":
        (copy.folder / "loop").symlink_to(copy.folder)
    elif how == "dangling":
        table = copy.table()
        table.unlink()
        table.symlink_to(copy.folder / "nowhere.csv")
    elif how == "stray":
        stray = copy.rng.choice((".hidden.csv", "notes.txt", "~$offers.csv", "offers.csv.bak", "offers.xlsx", "demand.CSV"))
        (copy.folder / stray).write_text("a\n1\n")
    else:
        name = copy.rng.choice(NAMES) if how == "name" else "/".join(["deep"] * copy.rng.choice((20, 200)))
        moved = copy.folder.parent / "moved" / name
        moved.parent.mkdir(parents=True)
        copy.folder.rename(moved)
        (copy.folder.parent / "where").write_text(str(moved))
    return f"paths: {how}"


MUTATIONS: tuple[Mutation, ...] = (
    *(types, types, extremes, extremes, formulas, whole_column, broken_bytes, broken_bytes, encodings),
    *(shuffles, duplicates, missing, huge, references, paths),
)


def mutated(scratch: Path, number: int, seed: int) -> tuple[Path, str]:
    """A copy with one to three mutations, and what was done."""
    rng = random.Random(f"{seed} {number}")
    copy = Copy(folder=scratch / "lab", rng=rng)
    shutil.copytree(case_folder(CASE), copy.folder)
    copy.folder.chmod(0o700)
    done: list[str] = []
    for mutation in (MUTATIONS[number % len(MUTATIONS)], *rng.sample(MUTATIONS, k=rng.choice((0, 0, 1, 2)))):
        where = scratch / "where"
        if where.exists() or (done and done[-1].startswith("paths")):
            break  # the folder may have moved
        try:
            done.append(mutation(copy))
        except (IndexError, csv.Error, ValueError, OSError):
            break  # an earlier mutation left nothing that this one could change
    where = scratch / "where"
    return (Path(where.read_text()) if where.exists() else copy.folder), "; ".join(done)


def outcome(folder: Path, *, assemble: bool = True) -> str:
    """sound | refused; any other exception is a failure of the check. `assemble`: whether the problem of sound tables is put together.

    Raises:
      AssertionError: an error does not say where it is and what to do.
    """
    try:
        case = read_case(folder, periods=1)
        if assemble:
            build_problem(case, compute_needs(case), annual_discount_rate=0.08)
    except PlacementError as error:
        refusal = error
    else:
        return "sound"
    assert refusal.exit_code == 2, refusal
    assert len(str(refusal)) < LONGEST_MESSAGE, f"a message of {len(str(refusal))} characters"
    for violation in refusal.violations if isinstance(refusal, DataError) else ():
        assert all((violation.where, violation.rule, violation.remedy)), violation
        assert Path(violation.where).stem in TABLE_BY_NAME or violation.where in (str(folder), *strangers(folder)), violation.where
    return "refused"


def strangers(folder: Path) -> list[str]:
    """Files of the folder that are no table's."""
    return [path.name for path in folder.iterdir()]


def planned(folder: Path, home: Path) -> int:
    """Exit code of a plan of the copy by the command line, having seen that it writes into its run folder only.

    Raises:
      AssertionError: it wrote elsewhere, changed a table, or told of a traceback.
    """
    before = fingerprint(folder)
    for name in ("work", "cache", "temporary"):
        (home / name).mkdir(parents=True)
    words = [f"case.path={quoted(folder)}", f"output.folder={home / 'runs'}", "output.pictures=false", "horizon.periods=2"]
    limits = ["solver.deterministic_limit=1", "solver.time_limit_s=20"]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(home / "work"), "TMPDIR": str(home / "temporary")}
    surroundings |= {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))}
    done = subprocess.run(
        [sys.executable, "-m", "optimizer", "plan", *words, *limits],
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        cwd=home / "work",
        env=surroundings,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode in (0, 2, 3, 4), f"exit code {done.returncode}: {told[-2000:]}"
    assert "Traceback" not in told, told
    assert fingerprint(folder) == before, "a table was changed"
    stray = [path for path in (home / "work").rglob("*") if path.is_file()]
    assert not stray, f"written outside the run folder: {stray[:3]}"
    return done.returncode


def quoted(path: Path) -> str:
    """A path as a value of the command line."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


def fingerprint(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run(copies: int, seed: int, plans: int) -> Counter[str]:
    """How many copies came to what; `unmade` are those that no mutation could change.

    Raises:
      AssertionError: what a copy came to is not allowed; the message says how the copy was made.
    """
    found: Counter[str] = Counter()
    for number in range(copies):
        with tempfile.TemporaryDirectory() as place:
            scratch = Path(place)
            folder, done = mutated(scratch, number, seed)
            if not done:
                found["unmade"] += 1
                continue
            began = time.process_time()
            try:
                came = outcome(folder)
                seconds = time.process_time() - began
                assert seconds < PATIENCE_S, f"took {seconds:.0f} s"
                if came == "sound" and found["planned"] < plans:
                    found[f"exit code {planned(folder, scratch / 'home')}"] += 1
                    found["planned"] += 1
            except Exception as error:
                raise AssertionError(f"copy {number} of seed {seed} ({done}): {type(error).__name__}: {error}") from error
            found[came] += 1
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plans", type=int, default=6)
    asked = parser.parse_args()
    found = run(asked.copies, asked.seed, asked.plans)
    print(", ".join(f"{came}: {number}" for came, number in sorted(found.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
