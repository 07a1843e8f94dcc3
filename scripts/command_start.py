"""Measures how long `sftp-async ls` of a near server takes, against the least that Python needs.

    python scripts/command_start.py [RUNS]

The minimum is a script that imports asyncssh alone, connects, and lists the same directory;
another one starts Python. Processor time counts user and system time of the process. The server
is the embedded one, in a process of its own. Numbers are medians; they mean little on a busy
machine, where the processor time is the better one.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

MINIMUM = """
import asyncio, os, sys
import asyncssh

async def main(host, port, username, path):
    async with asyncssh.connect(
        host, int(port), username=username, password=os.environ["P"], known_hosts=None,
        config=None, agent_path=None, client_keys=None,
    ) as connection, connection.start_sftp_client() as sftp:
        for entry in sorted(await sftp.listdir(path)):
            print(entry)

asyncio.run(main(*sys.argv[1:]))
"""


def measured(command: list[str], env: dict[str, str], runs: int) -> tuple[float, float]:
    """Return the median wall and processor seconds of a command; the first run is not counted."""
    walls, processors = [], []
    for run in range(runs + 1):
        started = time.perf_counter()
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[:4]} failed")
        if run:
            walls.append(time.perf_counter() - started)
            processors.append(usage.ru_utime + usage.ru_stime)
    return statistics.median(walls), statistics.median(processors)


def main() -> None:
    """Print a table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    python = sys.executable
    with (
        tempfile.TemporaryDirectory() as directory,
        subprocess.Popen(
            [python, "-m", "sftp_async", "serve", "--json", "-d", directory],
            stdout=subprocess.PIPE,
            text=True,
        ) as server,
    ):
        try:
            assert server.stdout is not None
            shown = json.loads(server.stdout.readline())
            for number in range(10):
                (open(os.path.join(directory, f"{number}.csv"), "w")).close()  # noqa: PTH118, PTH123
            env = {**os.environ, "P": shown["password"]}
            host, port, user = shown["host"], str(shown["port"]), shown["username"]
            target = f"{user}@{host}:{port}:/"
            login = ["--password-env", "P", "--host-key-fingerprint", shown["fingerprint"]]
            commands = {
                "python -c pass": [python, "-c", "pass"],
                "asyncssh, connect and list": [python, "-c", MINIMUM, host, port, user, "/"],
                "sftp-async ls": [python, "-m", "sftp_async", "ls", target, *login],
            }
            print(f"{'':28} {'wall s':>8} {'CPU s':>8}")
            for name, command in commands.items():
                wall, processor = measured(command, env, runs)
                print(f"{name:28} {wall:8.2f} {processor:8.2f}")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
