"""Runs the scripts with stand-ins for the commands they call, and tells what was called."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jmespath

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = Path(__file__).parent
#: Without site and environment, a stand-in starts in a quarter of the time.
PYTHON = f"""#!{sys.executable} -SI
import sys
sys.path[:0] = [{str(STAND_INS)!r}, {str(Path(jmespath.__file__).parents[1])!r}]
import %s as stand_in
stand_in.main()
"""


@dataclass(frozen=True)
class Run:
    """What a run of a script printed, called and left behind."""

    status: int
    out: str
    err: str
    calls: list[dict[str, Any]]
    state: dict[str, Any]

    @property
    def commands(self) -> list[str]:
        """Each call's words before its first option: `az group create`."""
        lines = []
        for call in self.calls:
            argv = call["argv"]
            end = next((n for n, word in enumerate(argv) if word.startswith("--")), len(argv))
            lines.append(" ".join(argv[:end]))
        return lines

    @property
    def seen_by_others(self) -> str:
        """All that a neighbour or a log can see: output and process arguments."""
        return self.out + self.err + json.dumps([call["argv"] for call in self.calls])


class Workshop:
    """A place with stand-ins on PATH, a state they share, and settings."""

    def __init__(self, place: Path, script: str, state: dict[str, Any]) -> None:
        self.place = place
        self.script = ROOT / "scripts" / script
        self.bin = place / "bin"
        self.bin.mkdir()
        for name in ("az", "databricks"):
            self.command(name, PYTHON % name)
        self.command("python3", f'#!/bin/sh\nexec {sys.executable} -SI "$@"\n')
        # The real one would call a host that is not ours.
        self.command("ssh-keyscan", "#!/bin/sh\nexit 1\n")
        self.state = state
        self.settings: dict[str, str] = {}
        self.settings_mode = 0o600

    def command(self, name: str, text: str) -> None:
        """Put a command on the scripts' PATH."""
        file = self.bin / name
        file.write_text(text)
        file.chmod(0o755)

    @property
    def state(self) -> dict[str, Any]:
        """What the stand-ins' cloud holds."""
        return json.loads((self.place / "state").read_text())

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        (self.place / "state").write_text(json.dumps({"failing": None, "status": 1} | state))

    def run(self, *arguments: str, **environment: str) -> Run:
        """Run the script; nobody sits at its terminal."""
        calls = self.place / "calls"
        calls.write_text("")
        settings = self.place / "settings"
        settings.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))
        settings.chmod(self.settings_mode)
        done = subprocess.run(
            [str(self.script), *arguments, "--env", str(settings)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={
                "PATH": f"{self.bin}:/usr/bin:/bin",
                "HOME": str(self.place),
                "STANDIN": str(self.place),
                **environment,
            },
        )
        told = [json.loads(line) for line in calls.read_text().splitlines()]
        return Run(done.returncode, done.stdout, done.stderr, told, self.state)

    def cast(self, **runs: Callable[[], Run]) -> dict[str, Run]:
        """Run one after the other, on the state that the one before has left."""
        return {name: run() for name, run in runs.items()}
