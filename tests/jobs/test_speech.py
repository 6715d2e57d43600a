"""How much a job says: with --quiet its last line, with --json events that programs read."""

from __future__ import annotations

import json

from optimizer.__main__ import main
from optimizer.jobs.progress import shown_progress
from optimizer.jobs.speech import Speech, spoken
from optimizer.solve.search import Progress


def test_quiet_says_the_last_line_only(capsys):
    assert main(["check", "case=tiny", "--quiet"]) == 0
    assert capsys.readouterr() == ("The tables keep every rule, and a plan needs nothing more.\n", "")


def test_json_says_every_line_as_an_event(capsys):
    assert main(["check", "case=tiny", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {each["event"] for each in told} == {"line"}
    assert told[-1]["text"] == "The tables keep every rule, and a plan needs nothing more."


def test_what_is_wrong_is_an_event_too(capsys):
    assert main(["check", "case=nobody", "--json"]) == 2
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["event"], told["exit_code"], err) == ("error", 2, "")
    assert "nobody" in told["message"]
    assert main(["check", "case=nobody", "--quiet"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_progress_and_the_run_are_events(tmp_path, capsys):
    (tmp_path / "summary.json").write_text('{"status": "optimal"}')
    logged: list[str] = []
    with spoken(Speech.JSON), shown_progress(logged.append) as progress:
        progress(Progress(phase="solve", seconds=2.0, incumbent_usd=5.0, bound_usd=float("-inf")))
        print(f"status: optimal\nrun: {tmp_path}")
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"event": "progress", "phase": "solve", "seconds": 2.0, "done": 0, "of": 0, "limit_s": None, "incumbent_usd": 5.0}
        | {"bound_usd": None, "gap": None},
        {"event": "line", "text": "status: optimal"},
        {"event": "run", "path": str(tmp_path), "summary": {"status": "optimal"}},
    ]
    assert (len(logged), err) == (1, "")
    with spoken(Speech.QUIET), shown_progress(logged.append) as progress:
        progress(Progress(phase="solve", seconds=3.0))
    assert (len(logged), capsys.readouterr()) == (2, ("", ""))
