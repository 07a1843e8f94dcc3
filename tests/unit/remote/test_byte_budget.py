"""The byte budget between the encoder's thread and the network."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sftp_async.errors import TransferError
from sftp_async.remote.byte_budget import ByteBudget


def test_what_fits_is_granted_at_once() -> None:
    budget = ByteBudget(100)
    budget.acquire(60)
    budget.acquire(40)
    assert repr(budget) == "<ByteBudget 100 of 100 bytes>"


def test_what_does_not_fit_waits_until_enough_is_given_back() -> None:
    budget = ByteBudget(100)
    budget.acquire(80)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(budget.acquire, 50)
        budget.release(10)
        assert not waiting.done()  # 30 bytes are free, 50 wanted
        budget.release(40)
        waiting.result(timeout=10)
    assert repr(budget) == "<ByteBudget 80 of 100 bytes>"


def test_more_than_the_whole_budget_is_granted_when_nothing_else_is_out() -> None:
    budget = ByteBudget(10)
    budget.acquire(1000)
    assert repr(budget) == "<ByteBudget 1,000 of 10 bytes>"


def test_a_failure_wakes_those_who_wait_and_meets_those_who_come_later() -> None:
    budget = ByteBudget(10)
    budget.acquire(10)
    started = threading.Event()

    def wait() -> None:
        started.set()
        budget.acquire(1)

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(wait)
        started.wait(10)
        budget.fail(TransferError("the first"))
        budget.fail(TransferError("a later one"))
        with pytest.raises(TransferError, match="the first"):
            waiting.result(timeout=10)
    with pytest.raises(TransferError, match="the first"):
        budget.acquire(0)
    with pytest.raises(TransferError, match="the first"):
        budget.check()


def test_each_thread_gets_an_error_of_its_own_caused_by_the_first() -> None:
    budget = ByteBudget(10)
    failure = TransferError("the disk is full", host="h", path="/a", hint="Free some space")
    budget.fail(failure)

    def raised() -> BaseException:
        with pytest.raises(TransferError) as caught:
            budget.acquire(1)
        return caught.value

    with ThreadPoolExecutor() as pool:
        errors = [future.result(timeout=10) for future in [pool.submit(raised) for _ in range(3)]]
    assert len({id(error) for error in [failure, *errors]}) == 4
    assert {str(error) for error in errors} == {str(failure)}
    assert all(error.__cause__ is failure for error in errors)
    assert failure.__traceback__ is None
