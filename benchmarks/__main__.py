"""The command line: `python -m benchmarks suite=NAME [key=value ...]`, `compare` and `report` of rows that were kept, and `tables`."""

from __future__ import annotations

import sys

from benchmarks.registry import Suite, suite_named, suites
from benchmarks.settings import require
from benchmarks.usage import program_help, suite_help
from optimizer.errors import ConfigError, PlacementError

HELP = ("-h", "--help")
STOPPED = 4


def main(arguments: list[str] | None = None) -> int:
    """Runs one suite; returns the exit code: 0 done, 2 bad arguments or data, 4 stopped by the user, else the error's own.

    A failure that is nobody's input keeps its traceback: whoever measures wants to see it.
    """
    words = sys.argv[1:] if arguments is None else arguments
    try:
        return _dispatch(words)
    except PlacementError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Stopped. Rows measured before are kept.", file=sys.stderr)
        return STOPPED


def _dispatch(words: list[str]) -> int:
    of_rows = {"compare": _compare, "report": _report, "tables": _tables}
    if words and words[0] in of_rows and not set(words) & set(HELP):
        return of_rows[words[0]](words[1:])
    overrides = [word for word in words if word not in HELP]
    named = [word.partition("=")[2] for word in overrides if word.startswith("suite=")]
    wants_help = len(overrides) < len(words)
    if not words or (wants_help and not named):
        print(program_help(suites().values()))
        return 0
    if len(named) > 1:
        raise ConfigError("suite", "must be given once", ", ".join(named), "Run one suite at a time.")
    suite = suite_named(named[0] if named else None)
    if wants_help:
        print(suite_help(suite))
        return 0
    return _measure(suite, [word for word in overrides if not word.startswith("suite=")])


def _compare(files: list[str]) -> int:
    from benchmarks.comparison import compared, comparison_text, timed

    require(len(files) == 2, "compare", "must name two files of rows", " ".join(files) or "none", "Write compare A.csv B.csv.")
    before, after = (timed(file) for file in files)
    changes = compared(before, after)
    require(bool(changes), "compare", "must name two files with a row in common", " ".join(files), "Name files of the same suite.")
    print(comparison_text(changes, only=(len(before) - len(changes), len(after) - len(changes))))
    return 0


def _report(words: list[str]) -> int:
    from benchmarks.drawing import report

    files = [word for word in words if not word.startswith("out=")]
    pages = [word.partition("=")[2] for word in words if word.startswith("out=")]
    rule, remedy = "must name files of rows and one page", "Write report A.csv out=FILE.html."
    require(bool(files) and len(pages) == 1, "report", rule, " ".join(words) or "nothing", remedy)
    print(report(files, pages[0]))
    return 0


def _tables(words: list[str]) -> int:
    from benchmarks.tables import asked_for, made

    failed = made(asked_for(words))
    require(not failed, "tables", "every run must end with exit code 0", ", ".join(failed), "See above; the others are kept.")
    return 0


def _measure(suite: Suite, overrides: list[str]) -> int:
    from optimizer.jobs.compiled import keep_compiled

    keep_compiled()  # before anything imports JAX or Numba
    from benchmarks.compose import settings_of
    from benchmarks.rows import Output
    from benchmarks.surroundings import surroundings

    settings = settings_of(suite, overrides)
    if settings.device is not None:
        from benchmarks.devices import use

        use(settings.device)
    output = Output(settings.out, surroundings())
    measured = 0
    for row in suite.run()(settings):
        output.add(row)
        measured += 1
    if measured == 0:
        raise ConfigError("cases", "must leave something to measure", "no rows", "Correct the arguments; see --help.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
