"""Airflow's DAG of the documentation, loaded with substitutes for Airflow's classes."""

from __future__ import annotations

import ast
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import REPOSITORY

DAG_FILE = REPOSITORY / "examples" / "airflow" / "orders_dag.py"


class Recorder:
    """Stands for a class of Airflow's; keeps what each object was made with."""

    def __init__(self) -> None:
        self.made: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *args: Any, **named: Any) -> Recorder:
        self.made.append((args, named))
        return self

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def test_the_dag_submits_the_job_with_the_runs_day_and_retries_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dag, operator = Recorder(), Recorder()
    spark_submit = "airflow.providers.apache.spark.operators.spark_submit"
    for name in ("airflow", "airflow.sdk", *_packages(spark_submit)):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(sys.modules["airflow.sdk"], "DAG", dag, raising=False)
    monkeypatch.setattr(sys.modules[spark_submit], "SparkSubmitOperator", operator, raising=False)

    runpy.run_path(str(DAG_FILE))

    [(_, of_dag)], [(_, task)] = dag.made, operator.made
    job = Path(task["application"])
    arguments = arguments_of(job)
    assert job.parent == DAG_FILE.parent
    assert len(task["application_args"]) == len(arguments)
    assert task["application_args"] == ["{{ ds }}"]
    assert task["retries"] > 0
    assert of_dag["max_active_runs"] == 1
    assert [*task["env_vars"]] == secrets(job)


def _packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: end + 1]) for end in range(1, len(parts))]


def arguments_of(job: Path) -> list[str]:
    """The arguments that the job takes."""
    calls = [node for node in ast.walk(ast.parse(job.read_text())) if isinstance(node, ast.Call)]
    return [
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "add_argument"
        and isinstance(call.args[0], ast.Constant)
    ]


def secrets(job: Path) -> list[str]:
    """The variables of the environment that the job's options refer to."""
    constants = [
        n.value for n in ast.walk(ast.parse(job.read_text())) if isinstance(n, ast.Constant)
    ]
    return [
        c.removeprefix("env:") for c in constants if isinstance(c, str) and c.startswith("env:")
    ]
