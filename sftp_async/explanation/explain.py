"""Explains an error that came through Spark: its cause and what to do, without the trace."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sftp_async.errors import OptionsError, SFTPAsyncError
from sftp_async.explanation.spark_advice import advice_on

#: An error of ours in a traceback: its class and its text, up to what Spark adds to it.
_OURS: Final = re.compile(
    r"^[ \t]*sftp_async\.errors\.(\w+): (.*?)"
    r"(?=\s*(?:\sSQLSTATE: |\n\n|\n\s+at |\n(?:Driver stack|JVM stack|Caused by|===)|\Z))",
    re.DOTALL | re.MULTILINE,
)
#: Between the errors of one traceback, the causes first.
_CHAINED: Final = ("The above exception was the direct cause", "During handling of the above")
#: Where the text of an error of ours ends to say what happened: its host and path.
_PLACE: Final = re.compile(r"^(.*? \((?:host [^()]+|path [^()]+)\))\. (.+)$", re.DOTALL)
_TRACEBACK: Final = "Traceback (most recent call last):"
#: The last line of a traceback.
_RAISED: Final = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:: .+)?$", re.MULTILINE)
#: What Spark, py4j and streams put before the sentence.
_PRELUDE: Final = re.compile(
    r"An error occurred while calling [^\n]*\n: "
    r"|\[STREAM_FAILED\] [^\n]*? terminated with exception: "
    r"|\((?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error)\) "  # of Spark Connect
    r"|(?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error): "
)
_SECRET: Final = re.compile(
    r"(?i)((?:password|passphrase|secret|token|private_?key(?:_content)?)[\"']?\s*[=:]\s*)[^\s,;)\]}]+"
)
_USERINFO: Final = re.compile(r"(//[^/\s:@]*:)[^/\s@]+@")
_KEY: Final = re.compile(r"-----BEGIN [^-]*-----.*?(?:-----END [^-]*-----|\Z)", re.DOTALL)
_NOT_OURS: Final = "This is not an error of sftp_async."
_OPTIONS: Final = "Correct the options; sftp-async options NAME describes one."


@dataclass(frozen=True, repr=False)
class Explanation:
    """What an error means, for people; `str` of it is the whole text.

    Args:
        kind: the class of the error of sftp_async, such as `AuthenticationError`; None if the
            error is not one.
        cause: what happened, and where.
        remedy: what to do about it; None if no more is known than the cause says.

    """

    kind: str | None
    cause: str
    remedy: str | None

    def __str__(self) -> str:
        lines = [f"{self.kind}: {self.cause}" if self.kind else f"{_NOT_OURS} {self.cause}"]
        if self.remedy:
            lines.append(f"What to do: {self.remedy}")
        return "\n".join(lines)

    # At a prompt, `explain(error)` alone shows the text.
    __repr__ = __str__

    def _repr_html_(self) -> str:
        first, *more = str(self).split("\n")
        rest = "".join(f"<br>{html.escape(line)}" for line in more)
        return f"<div><b>{html.escape(first)}</b>{rest}</div>"


def explain(error: BaseException) -> Explanation:
    """Return what an error means and what to do, without its trace.

    In a notebook, `explain(error)` on the last line of a cell shows it; elsewhere `print` it. Of
    the errors of a job, this one comes with Spark's own words around it:

        try:
            df.write.format("sftp").options(**options.to_spark()).mode("append").save("/out")
        except Exception as error:
            print(explain(error))

    Args:
        error: of this package, of PySpark (also of a stream or of Spark Connect), of py4j, or any
            other; also one whose cause is one of these.

    """
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, SFTPAsyncError):
            return _of_ours(each)
    texts = [_text_of(each) for each in chain]
    for text in texts:
        if found := _ours_in(text):
            return found
    for text in texts:
        if advice := advice_on(text):
            return Explanation(None, f"Spark says: {_sentence(text)}", advice.remedy)
    stated = _sentence(texts[0]) or "it has no text"
    return Explanation(None, f"{type(error).__name__} says: {stated}", None)


def _of_ours(error: SFTPAsyncError) -> Explanation:
    text = str(error)
    remedy = error.hint
    if remedy:
        text = text.removesuffix(remedy).removesuffix(". ")
    elif isinstance(error, OptionsError):
        remedy = _OPTIONS
    return Explanation(type(error).__name__, _without_secrets(text), remedy)


def _ours_in(text: str) -> Explanation | None:
    """Return the error of ours in the text of another: of a chain of errors the last one."""
    found: re.Match[str] | None = None
    for match in _OURS.finditer(text):
        between = text[found.end() : match.start()] if found else ""
        if found and not any(words in between for words in _CHAINED):
            break
        found = match
    if found is None:
        return None
    kind, sentence = found[1], found[2].strip()
    parts = _PLACE.match(sentence)
    cause, remedy = (parts[1], parts[2]) if parts else (sentence, None)
    if remedy is None and kind == OptionsError.__name__:
        remedy = _OPTIONS
    return Explanation(kind, _without_secrets(cause), remedy)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, those in it and its causes, the error first, each once."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
        waiting += [*inner, each.__cause__, each.__context__]
        # Of a StreamingQueryException; elsewhere it may be anything.
        cause = getattr(each, "_cause", None)
        waiting.append(cause if isinstance(cause, BaseException) else None)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - py4j asks the JVM for the text, which may have ended
        return " ".join(str(each) for each in error.args)


def _sentence(text: str) -> str:
    """Return the first sentence of an error of Spark, or the last line of a traceback in it."""
    if _TRACEBACK in text:
        after = text.partition(_TRACEBACK)[2]
        raised = _RAISED.search(after)
        if raised is not None:
            return _without_secrets(raised[0])
    while prelude := _PRELUDE.match(text.lstrip()):
        text = text.lstrip()[prelude.end() :]
    lines = [line.strip() for line in text.strip().splitlines()]
    return _without_secrets(lines[0] if lines else "")


def _without_secrets(text: str) -> str:
    text = _USERINFO.sub(r"\1***@", _SECRET.sub(r"\1***", text))
    return _KEY.sub("(a private key)", text)
