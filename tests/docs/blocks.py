"""Code blocks of Markdown documents, and the commands in them."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from optimizer.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *(ROOT / name / "README.md" for name in ("benchmarks", "data")))
RUN, SLOW = "<!-- run -->", "<!-- run with -m slow -->"
PROGRAMS = ("placement", "python", "python3", ".venv/bin/python", "sed", "cp", "printf", "pip", "uv")


@dataclass(frozen=True, kw_only=True)
class Block:
    document: str
    mark: str  # the comment before it; blank: none
    lines: tuple[str, ...]

    @property
    def is_python(self) -> bool:
        return self.lines[0].startswith(("from ", "import ")) or self.document == "docs/python.md"

    def commands(self) -> Iterator[str]:
        """Lines that call a program, those with a backslash at their end joined with the next."""
        for line in "\n".join(self.lines).replace("\\\n", " ").splitlines():
            told = re.search(r"\bplacement \w.*", line) if line.startswith(tuple("0123456789")) else None  # after a time, in a crontab
            command = told.group() if told else line
            if command.split(" ")[0] in PROGRAMS:
                yield re.split(r"\s(?:\|\||&&)\s", command)[0]


def blocks(path: Path, within: Path = ROOT) -> Iterator[Block]:
    """Blocks that are indented by four spaces or fenced, in their order."""
    name, mark, found, fenced = path.relative_to(within).as_posix(), "", list[str](), False
    for line in [*path.read_text(encoding="utf-8").splitlines(), "end"]:
        fence = line.startswith("```")
        if fenced or (line.startswith("    ") and not fence) or (found and not line.strip()):
            if fenced and fence:
                fenced, fence, line = False, False, "end"
            else:
                found.append(line if fenced else line[4:])
                continue
        if found:
            yield Block(document=name, mark=mark, lines=tuple("\n".join(found).strip("\n").split("\n")))
            found, mark = [], ""
        fenced = fence or fenced
        mark = line if line.startswith("<!--") else mark if not line.strip() else ""


def words(command: str) -> list[str]:
    """The command's words without its comment; what is optional in a line of usage is taken, `[...]` is not."""
    split = shlex.split(re.sub(r"\s{2,}#.*|\s#\s.*", "", command))
    return [word.strip("[]") if word.startswith("[") else word for word in split if word != "[...]"]


def commands_marked(document: str, mark: str) -> list[str]:
    """The commands of the document's blocks with this mark, in their order."""
    return [command for block in blocks(ROOT / document) if block.mark == mark for command in block.commands()]


def run(command: str) -> None:
    """In this process where it is a job."""
    program, *rest = words(command)
    code = main(rest) if program == "placement" else subprocess.run(command, shell=True, check=False).returncode
    assert code == 0, command
