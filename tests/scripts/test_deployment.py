"""The Databricks bundle, the base environment and the sample data, as far as they can be read here.

The Databricks CLI is not part of the tests: these hold what its documentation asks for.
"""

from __future__ import annotations

import csv
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

import sftp_async
from sftp_async import OptionsError

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
FINGERPRINT = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "databricks.yml").read_text())


@pytest.fixture(scope="module")
def write_sample() -> ModuleType:
    return load("deploy/write_sample.py")


def job_of(bundle: dict[str, Any], target: str, name: str) -> dict[str, Any]:
    """Return a job as a target deploys it: lists are merged by their keys."""
    job = bundle["resources"]["jobs"][name]
    own = bundle["targets"][target].get("resources", {}).get("jobs", {}).get(name, {})
    changed = {task["task_key"]: task for task in own.get("tasks", [])}
    assert changed.keys() <= {task["task_key"] for task in job["tasks"]}
    return (
        job | own | {"tasks": [task | changed.get(task["task_key"], {}) for task in job["tasks"]]}
    )


def jobs(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    names = bundle["resources"]["jobs"]
    return [job_of(bundle, target, name) for target in bundle["targets"] for name in names]


def test_the_bundle_has_a_name_and_one_target_by_default(bundle: dict[str, Any]) -> None:
    assert bundle["bundle"] == {"name": "sftp_async"}
    defaults = [name for name, target in bundle["targets"].items() if target.get("default")]
    assert defaults == ["serverless"]


def test_every_task_runs_on_compute_that_the_job_defines(bundle: dict[str, Any]) -> None:
    for job in jobs(bundle):
        clusters = {each["job_cluster_key"] for each in job.get("job_clusters", [])}
        environments = {each["environment_key"] for each in job.get("environments", [])}
        for task in job["tasks"]:
            wanted = {task.get("job_cluster_key"), task.get("environment_key")} - {None}
            assert len(wanted) == 1
            assert wanted <= clusters | environments
        assert clusters | environments == {
            task.get("job_cluster_key") or task["environment_key"] for task in job["tasks"]
        }


def test_the_tasks_wait_for_tasks_that_there_are(bundle: dict[str, Any]) -> None:
    for job in jobs(bundle):
        before: set[str] = set()
        for task in job["tasks"]:
            assert {each["task_key"] for each in task.get("depends_on", [])} <= before
            before.add(task["task_key"])


def test_all_compute_installs_the_wheel_that_the_bundle_builds(bundle: dict[str, Any]) -> None:
    (artifact,) = bundle["artifacts"].values()
    assert (artifact["type"], artifact["path"]) == ("whl", ".")
    assert "--wheel-dir dist" in artifact["build"]
    for job in jobs(bundle):
        for environment in job.get("environments", []):
            assert environment["spec"]["dependencies"][0] == "./dist/*.whl"
        for task in job["tasks"]:
            if "job_cluster_key" in task:
                assert task["libraries"][0] == {"whl": "./dist/*.whl"}


def test_every_variable_is_declared_and_used(bundle: dict[str, Any]) -> None:
    text = (ROOT / "databricks.yml").read_text()
    assert set(re.findall(r"\$\{var\.(\w+)\}", text)) == set(bundle["variables"])
    assert set(re.findall(r"\$\{(\w+)\.", text)) == {"var"}


def test_every_parameter_of_the_write_reaches_the_script(
    bundle: dict[str, Any], write_sample: ModuleType
) -> None:
    job = bundle["resources"]["jobs"]["write_sample"]
    (task,) = job["tasks"]
    assert (ROOT / task["spark_python_task"]["python_file"]).is_file()
    declared = {each["name"]: each["default"] for each in job["parameters"]}
    given = [
        re.sub(r"\{\{job\.parameters\.(\w+)\}\}", lambda found: f"<{found[1]}>", parameter)
        for parameter in task["spark_python_task"]["parameters"]
    ]
    assert vars(write_sample.parameters(given)) == {name: f"<{name}>" for name in declared}


def test_the_four_notebooks_are_there_and_read_every_parameter(bundle: dict[str, Any]) -> None:
    job = bundle["resources"]["jobs"]["notebooks"]
    paths = [task["notebook_task"]["notebook_path"] for task in job["tasks"]]
    assert paths == [f"./notebooks/{path.name}" for path in sorted(NOTEBOOKS.glob("0*.ipynb"))]
    assert len(paths) == 4
    text = "".join((ROOT / path).read_text() for path in paths)
    for parameter in job["parameters"]:
        assert f'widgets.get(\\"{parameter["name"]}\\")' in text


def test_what_the_workspace_gets_holds_no_settings(bundle: dict[str, Any]) -> None:
    assert bundle["sync"]["paths"] == ["notebooks", "deploy"]


def test_the_base_environment_names_the_wheel_of_this_version() -> None:
    environment = yaml.safe_load((ROOT / "deploy" / "base-environment.yml").read_text())
    assert environment.keys() == {"environment_version", "dependencies"}
    assert isinstance(environment["environment_version"], str)
    wheel = f"sftp_async-{sftp_async.__version__}-py3-none-any.whl"
    assert environment["dependencies"][0].endswith(f"/{wheel}")


def test_parameters_go_before_secrets_and_empty_ones_do_not(write_sample: ModuleType) -> None:
    given = write_sample.parameters(["--host=new.example.com", "--port="])
    secrets = {
        "host": "old.example.com",
        "port": "2222",
        "username": "partner",
        "password": "s3cret",
        "host_key_fingerprint": FINGERPRINT,
        "something_else": "of the scope",
    }
    options = write_sample.options(given, secrets)
    assert options.address == "partner@new.example.com:2222"
    assert options.host_key_fingerprint == (FINGERPRINT,)


def test_what_is_missing_is_reported_together(write_sample: ModuleType) -> None:
    with pytest.raises(OptionsError) as error:
        write_sample.options(write_sample.parameters([]), {})
    for name in ("host", "username", "credentials"):
        assert name in str(error.value)


def test_a_scope_is_read_through_dbutils(
    write_sample: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = ModuleType("databricks.sdk.runtime")
    runtime.dbutils = SimpleNamespace(  # type: ignore[attr-defined]
        secrets=SimpleNamespace(
            list=lambda scope: [SimpleNamespace(key="host")],
            get=lambda scope, key: f"{scope}/{key}",
        )
    )
    monkeypatch.setitem(sys.modules, "databricks.sdk.runtime", runtime)
    for package in ("databricks", "databricks.sdk"):
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
    assert write_sample.read_scope("sftp") == {"host": "sftp/host"}
    assert write_sample.read_scope("") == {}


def test_the_sample_data_is_what_its_script_makes() -> None:
    made = load("scripts/make_sample_data.py").tables()
    for name, text in made.items():
        assert (ROOT / "config" / "sample" / name).read_text(encoding="utf-8") == text
    rows = {
        name: list(csv.DictReader(text.splitlines(keepends=True))) for name, text in made.items()
    }
    known = {row["customer_id"] for row in rows["customers.csv"]}
    assert len(known) == len(rows["customers.csv"]) == 36
    assert {row["customer_id"] for row in rows["orders.csv"]} <= known
    text = "".join(made.values())
    for hard in ('""the warehouse""', "García, Jr.", "line\nsecond", "京都", ',""\n', ",,"):
        assert hard in text
