"""The examples at the end of each command's help page."""

from __future__ import annotations

#: By command; `sftp.example.com` and the names are made up.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "doctor": (
        "sftp-async doctor me@sftp.example.com:/out --ask-password",
        "sftp-async doctor me@sftp.example.com:/in -i key --read",
    ),
    "keyscan": ("sftp-async keyscan sftp.example.com",),
    "ls": (
        "sftp-async ls me@sftp.example.com:/in",
        "sftp-async ls 'me@sftp.example.com:/in/*.csv' -t --bytes",
        "sftp-async ls me@sftp.example.com:/in -r --json",
    ),
    "tree": ("sftp-async tree me@sftp.example.com:/out --depth 2",),
    "get": (
        "sftp-async get me@sftp.example.com:/in/orders.csv",
        "sftp-async get 'me@sftp.example.com:/in/*.csv' :/in/orders.json downloads",
        "sftp-async get -r me@sftp.example.com:/in downloads --create-dirs",
        "sftp-async get me@sftp.example.com:/in/orders.csv.gz - | zcat",
    ),
    "put": (
        "sftp-async put orders.csv me@sftp.example.com:/out/",
        "sftp-async put *.csv me@sftp.example.com:/out --force",
        "sftp-async put -r report me@sftp.example.com:/out/report --create-dirs",
        "pg_dump orders | sftp-async put - me@sftp.example.com:/out/orders.sql",
    ),
    "cat": (
        "sftp-async cat me@sftp.example.com:/in/orders.csv | head",
        "sftp-async cat me@sftp.example.com:/in/a.csv.gz :/in/b.csv.gz | zcat",
    ),
    "rm": (
        "sftp-async rm me@sftp.example.com:/out/orders.csv",
        "sftp-async rm -r me@sftp.example.com:/out/2025 --yes",
    ),
    "mkdir": ("sftp-async mkdir -p me@sftp.example.com:/out/2026/11",),
    "mv": (
        "sftp-async mv me@sftp.example.com:/in/orders.csv /done/orders.csv",
        "sftp-async mv 'me@sftp.example.com:/in/*.csv' /done",
    ),
    "preview": ("sftp-async preview me@sftp.example.com:/in -o header=true",),
    "plan": ("sftp-async plan me@sftp.example.com:/out/orders --schema 'id BIGINT, name STRING'",),
    "ingest": ("sftp-async ingest state/orders me@sftp.example.com:/in/orders --files",),
    "recover": ("sftp-async recover me@sftp.example.com:/out/orders",),
    "clean": ("sftp-async clean me@sftp.example.com:/out/orders --older-than 2d",),
    "bench": ("sftp-async bench me@sftp.example.com:/out --connections 1,2,4",),
    "connections add": ("sftp-async connections add partner me@sftp.example.com:/out -i key",),
    "connections list": ("sftp-async connections list",),
    "connections show": ("sftp-async connections show partner",),
    "connections remove": ("sftp-async connections remove partner",),
    "connections import": ("sftp-async connections import",),
    "serve": ("sftp-async serve served",),
    "options": ("sftp-async options", "sftp-async options max_connections"),
}


def epilog(command: str) -> str | None:
    """Return the end of a help page, in Markdown: a paragraph for each example."""
    lines = EXAMPLES.get(command)
    if not lines:
        return None
    return "\n\n".join(["Examples:", *(f"`{line}`" for line in lines)])
