"""Every micro-batch once, with a fault at every request, replays with another partitioning.

Two faults in a row are played: lost replies, and crashes of the driver, after each of which the
batch is replayed until it is done.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from sftp_async.write.commit import commit_marker
from tests.support.stream_model import StreamScenario, explore_stream

pytestmark = [pytest.mark.once, pytest.mark.asyncio(loop_factories=["without polling"])]

REPLACING = {"posix_rename": False, "rename_replaces": True}
DIRECT: dict[str, Any] = {
    "options": {"commit_mode": "direct"},
    "server": {"rename": False, "posix_rename": False},
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    # Each of many thousand recoveries would log a warning.
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("scenario", "depth", "at_least"),
    [
        pytest.param(StreamScenario(), 2, 2_300, id="append"),
        pytest.param(StreamScenario(overwrite=True), 2, 2_700, id="complete"),
        pytest.param(StreamScenario(replays_when_done=True), 1, 130, id="replayed when done"),
        pytest.param(StreamScenario(refused=1), 1, 170, id="commit fails half-way"),
        pytest.param(StreamScenario(server=REPLACING), 1, 80, id="rename replaces"),
        pytest.param(StreamScenario(**DIRECT), 1, 80, id="direct"),
        pytest.param(StreamScenario(options={"partition_by": "c"}), 1, 100, id="partitions"),
        pytest.param(
            StreamScenario(options={"partition_by": "c"}, refused=1),
            1,
            180,
            id="partitions, commit fails half-way",
        ),
        pytest.param(
            StreamScenario(
                options=DIRECT["options"] | {"partition_by": "c"}, server=DIRECT["server"]
            ),
            1,
            90,
            id="partitions, direct",
        ),
    ],
)
async def test_any_two_faults_leave_exactly_one_attempts_files(
    scenario: StreamScenario, depth: int, at_least: int
) -> None:
    played, broken = await explore_stream(scenario, depth)
    assert not broken, f"{len(broken)} of {played}, first: {broken[0]}"
    assert played > at_least


async def test_the_model_notices_a_commit_that_leaves_no_marker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def write_nothing(*arguments: object) -> None:
        pass

    monkeypatch.setattr(commit_marker, "write", write_nothing)
    _, broken = await explore_stream(StreamScenario(replays_when_done=True), depth=0)
    assert any("twice" in rule for _, rules in broken for rule in rules)


async def test_the_model_notices_an_attempt_that_ignores_the_marker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def none(*arguments: object) -> None:
        return None

    monkeypatch.setattr(commit_marker, "committed_by", none)
    _, broken = await explore_stream(StreamScenario(replays_when_done=True), depth=0)
    assert any("twice" in rule for _, rules in broken for rule in rules)
