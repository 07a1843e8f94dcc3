"""Runs in a process of its own: encrypts or decrypts standard input to standard output.

PySequoia holds the interpreter's lock while it works, so a thread would stop the worker, and pipes
to it would block each other (docs/decisions/0032). This source is run by itself, and imports
nothing of the package: a process takes 12 MiB. It begins with the task, which holds keys, so it
comes through the pipe: a length of four bytes, and JSON.
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from pysequoia import Cert, Tsk, decrypt_file, encrypt_file

_INPUT = "/dev/fd/0"
_OUTPUT = "/dev/fd/1"


def _exactly(size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            raise SystemExit(1)  # the worker is gone
        data += piece
    return data


def _encrypt(task: dict[str, Any]) -> None:
    signer = None
    if task["sign_key"]:
        signer = Tsk.from_bytes(base64.b64decode(task["sign_key"])).signer(task["passphrase"])
    encrypt_file(
        input=_INPUT,
        output=_OUTPUT,
        recipients=[Cert.from_bytes(base64.b64decode(each)) for each in task["recipients"]],
        signer=signer,
        armor=task["armor"],
    )


def _decrypt(task: dict[str, Any]) -> None:
    senders = [Cert.from_bytes(base64.b64decode(each)) for each in task["senders"]]
    decrypt_file(
        input=_INPUT,
        output=_OUTPUT,
        decryptor=Tsk.from_bytes(base64.b64decode(task["private_key"])).decryptor(
            task["passphrase"]
        ),
        # Without it, no signature is asked for; with it, one of these is.
        store=(lambda _: senders) if senders else None,
    )


def _main() -> None:
    task = json.loads(_exactly(int.from_bytes(_exactly(4), "big")))
    try:
        {"encrypt": _encrypt, "decrypt": _decrypt}[task["work"]](task)
    except BaseException as error:  # noqa: BLE001 - a panic of Rust is no Exception
        # A backtrace may follow the first line.
        os.write(2, str(error).partition("\n")[0].encode("utf-8", "replace")[:1000])
        raise SystemExit(1) from None


if __name__ == "__main__":
    _main()
