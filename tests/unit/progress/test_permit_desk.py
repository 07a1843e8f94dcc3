"""Who gets the next permit, and what share of the bandwidth."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sftp_async.progress.permit_desk import URGENT_IN_A_ROW, Claim, PermitDesk
from sftp_async.progress.permit_messages import Standing

pytestmark = pytest.mark.one_python

ACCOUNT = "partner@sftp.example.com:22"


class Office:
    """A desk, the standings of each claim, and time that passes on demand."""

    def __init__(self) -> None:
        self.resting: list[Callable[[], None]] = []
        self.desk = PermitDesk(lambda _, call: self.resting.append(call))
        self.news: dict[Claim, list[Standing]] = {}

    def ask(
        self,
        holder: str,
        limit: int | None = 2,
        *,
        wait: bool = True,
        urgent: bool = False,
        bandwidth: int | None = None,
        account: str = ACCOUNT,
    ) -> Claim:
        news: list[Standing] = []
        claim = Claim(account, limit, bandwidth, holder, urgent, news.append)
        self.news[claim] = news
        self.desk.ask(claim, wait=wait)
        return claim

    def state(self, claim: Claim) -> str:
        return self.news[claim][-1].state

    def rate(self, claim: Claim) -> float:
        return self.news[claim][-1].rate


def test_no_more_permits_are_held_than_the_limit_and_the_first_that_waits_is_next() -> None:
    office = Office()
    first, second, third, fourth = (office.ask(name) for name in "abcd")

    assert [office.state(each) for each in (first, second, third, fourth)] == [
        *("held", "held", "waiting", "waiting")
    ]
    assert office.news[third][-1] == Standing("waiting", 2, 2)
    assert office.desk.waiting == "2 waiting for a connection (2 of 2 in use)"

    office.desk.end(first, closed=True)
    assert [office.state(each) for each in (third, fourth)] == ["held", "waiting"]


def test_all_that_wait_get_one_before_any_gets_a_second() -> None:
    office = Office()
    first = office.ask("a")
    office.ask("b")
    again = office.ask("a")
    late = office.ask("c")

    office.desk.end(first, closed=True)
    assert (office.state(again), office.state(late)) == ("held", "waiting")

    office = Office()
    office.ask("a")
    end = office.ask("b")
    again = office.ask("a")
    late = office.ask("c")
    office.desk.end(end, closed=True)
    assert (office.state(again), office.state(late)) == ("waiting", "held")


def test_who_would_not_wait_is_refused_also_while_others_wait() -> None:
    office = Office()
    first = office.ask("a", 1)
    assert office.state(office.ask("a", 1, wait=False)) == "refused"
    office.ask("b", 1)
    office.desk.end(first, closed=True)
    assert office.state(office.ask("c", 1, wait=False)) == "refused"


def test_what_is_urgent_goes_before_what_waits() -> None:
    office = Office()
    first = office.ask("a", 1)
    task = office.ask("b", 1)
    commit = office.ask("driver", 1, urgent=True)

    office.desk.end(first, closed=True)
    assert (office.state(commit), office.state(task)) == ("held", "waiting")


def test_what_is_urgent_leaves_a_turn_to_tasks_that_wait() -> None:
    office = Office()
    held = office.ask("a", 1)
    task = office.ask("b", 1)
    # The looks of streams: each of them asks again as soon as it is served.
    served = 0
    while office.state(task) == "waiting" and served < 100:
        look = office.ask(f"stream {served}", 1, urgent=True)
        office.desk.end(held, closed=True)
        held = look
        served += 1
    assert served == URGENT_IN_A_ROW + 1
    assert office.state(look) == "waiting"

    # Those without a task that waits were no turns.
    office = Office()
    held = office.ask("a", 1)
    for number in range(URGENT_IN_A_ROW):
        look = office.ask(f"stream {number}", 1, urgent=True)
        office.desk.end(held, closed=True)
        held = look
    task, look = office.ask("b", 1), office.ask("stream", 1, urgent=True)
    office.desk.end(held, closed=True)
    assert (office.state(look), office.state(task)) == ("held", "waiting")


def test_the_smallest_limit_of_an_account_counts_for_all_its_jobs() -> None:
    office = Office()
    wide = [office.ask("a", 5), office.ask("b", 5)]
    narrow = office.ask("c", 2)
    assert office.state(office.ask("d", 5)) == "waiting"
    assert office.state(office.ask("e", 5, account="other@host:22")) == "held"

    office.desk.end(wide[0], closed=True)
    assert office.state(narrow) == "held"


def test_the_permit_of_a_holder_that_vanished_rests_before_another_gets_it() -> None:
    office = Office()
    killed = office.ask("a", 1)
    task = office.ask("b", 1)

    office.desk.end(killed, closed=False)
    assert office.state(task) == "waiting"
    office.desk.end(killed, closed=False)  # again is no matter
    for rested in office.resting:
        rested()
    assert office.state(task) == "held"
    assert len(office.resting) == 1


def test_the_permit_of_a_job_without_a_limit_rests_as_well_for_those_that_have_one() -> None:
    office = Office()
    killed = office.ask("a", None, bandwidth=600)
    task = office.ask("b", 1)
    assert office.state(task) == "waiting"

    office.desk.end(killed, closed=False)
    assert office.state(task) == "waiting"
    office.resting.pop()()
    assert office.state(task) == "held"


def test_holders_hear_when_others_begin_and_cease_to_wait_and_of_nothing_else() -> None:
    office = Office()
    holder = office.ask("a", 1)
    one, other = office.ask("b", 1), office.ask("c", 1)
    assert [each.waiting for each in office.news[holder]] == [0, 1]

    office.desk.end(other, closed=False)
    office.desk.end(one, closed=False)
    assert [each.waiting for each in office.news[holder]] == [0, 1, 0]
    assert len(office.news[one]) == 1


def test_connections_in_use_share_the_bandwidth_equally() -> None:
    office = Office()
    first = office.ask("a", None, bandwidth=600)
    assert office.rate(first) == 600
    second, third = (office.ask(name, None, bandwidth=600) for name in "bc")
    free = office.ask("d", None)
    assert [office.rate(each) for each in (first, second, third, free)] == [200, 200, 200, 0]

    office.desk.use(second, False)
    assert office.rate(first) == 300
    office.desk.end(third, closed=True)
    assert office.rate(first) == 600
