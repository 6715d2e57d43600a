"""The command line: `placement <job> [overrides]`, the same as `python -m optimizer <job> ...`."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from optimizer.errors import ConfigError, PlacementError, without_room
from optimizer.jobs.catalog import Job, job_named
from optimizer.jobs.clock import counted_from
from optimizer.jobs.compiled import keep_compiled
from optimizer.jobs.messages import message
from optimizer.jobs.speech import Speech, spoken, told
from optimizer.jobs.usage import job_help, program_help

SWEEP = ("-m", "--multirun")
HELP = ("-h", "--help")


def main(arguments: list[str] | None = None) -> int:
    """Runs one job; returns its exit code."""
    began = time.monotonic()
    words = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in words
    asked = next((speech for speech in (Speech.JSON, Speech.QUIET) if speech in words), Speech.FULL)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to stop, as by Ctrl-C
    try:
        code = _dispatch([word for word in words if word not in ("--debug", Speech.JSON, Speech.QUIET)], asked, began)
        sys.stdout.flush()
        return code
    except PlacementError as error:
        if debug:
            traceback.print_exc()
        return told(error, asked)
    except KeyboardInterrupt:
        print("Stopped before there was anything to write.", file=sys.stderr)
        return 4
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that nothing is flushed to nobody at the end
        print("Nobody reads the output any more. Runs that were written are kept.", file=sys.stderr)
        return 5
    except Exception as error:  # noqa: BLE001 - the last resort: users get one line, the log the traceback
        if debug:
            traceback.print_exc()
        full = without_room(error, "disk", str(getattr(error, "filename2", None) or getattr(error, "filename", None) or "a file"))
        if full is not None:
            print(message(full, terminal=sys.stderr.isatty()), file=sys.stderr)
            return full.exit_code
        print(f"Internal failure ({type(error).__name__}). The traceback is in {_log()}", file=sys.stderr)
        return 5


def _dispatch(words: list[str], asked: Speech, began: float) -> int:
    if not words or words[0] in HELP:
        print(program_help())
        return 0
    if words[0] == "--version":
        from importlib.metadata import version

        print(version("placement-optimizer"))
        return 0
    job = job_named(words[0])
    if any(word in HELP for word in words):
        from optimizer.jobs.configs import group_choices, group_defaults, job_keys

        print(job_help(job, group_choices(job), group_defaults(job), job_keys(job)))
        return 0
    return _run(job, words[1:], asked, began)


def _run(job: Job, words: list[str], asked: Speech, began: float) -> int:
    from optimizer.jobs.compose import settings_of

    for word in words:
        if word.startswith("-") and word not in SWEEP:
            raise ConfigError("command line", "must be an option of placement", word, "See --help.")
    sweep = any(word in SWEEP for word in words)
    composed = settings_of(job, [word for word in words if word not in SWEEP], sweep=sweep)
    keep_compiled()
    if sweep:
        from optimizer.jobs.sweep import swept

        return swept(job, composed, asked)
    with spoken(asked), counted_from(began):
        return job.load()(composed[0][1])


def _log() -> Path:
    log = Path(tempfile.mkdtemp(prefix="placement-")) / "log.txt"
    log.write_text(traceback.format_exc())
    return log


if __name__ == "__main__":
    sys.exit(main())
