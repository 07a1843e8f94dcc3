"""File names of intents, `<document id>.<state>.json`, and of pointers to staging elsewhere."""

from __future__ import annotations

import re
from typing import Literal

IntentState = Literal["intent", "visible", "finished", "withdrawn", "undone", "discarded"]
#: The later state first: a server that died within a rename may show both names.
STATES: tuple[IntentState, ...] = (
    "discarded",
    "undone",
    "withdrawn",
    "finished",
    "visible",
    "intent",
)

#: Form of a job's id, and of the id that its intent is filed under.
JOB_ID = re.compile(r"[0-9a-f]{32}")
_POINTER = re.compile(rf"(?P<id>{JOB_ID.pattern})\.elsewhere\.json")
_DOCUMENT = re.compile(rf"(?P<id>{JOB_ID.pattern})\.(?P<state>{'|'.join(STATES)})\.json")


def document_name(document_id: str, state: IntentState) -> str:
    """Return the file name of an intent in a state."""
    return f"{document_id}.{state}.json"


def document_of(name: str) -> tuple[str, IntentState] | None:
    """Return the document id and the state that a file name stands for; None: it is no intent's."""
    match = _DOCUMENT.fullmatch(name)
    if match is None:
        return None
    state: IntentState = match["state"]  # type: ignore[assignment] # the pattern allows no other
    return match["id"], state


def pointer_name(job_id: str) -> str:
    """Return the file name of the pointer to a job's staging directory outside of the target."""
    return f"{job_id}.elsewhere.json"


def pointer_of(name: str) -> str | None:
    """Return the id of the job whose pointer has a file name; None: it is no pointer's."""
    match = _POINTER.fullmatch(name)
    return None if match is None else match["id"]
