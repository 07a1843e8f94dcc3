from __future__ import annotations

import json

import pyarrow as pa

from sftp_async.formats.rescued import rescued_objects, with_file_path


def test_an_object_has_the_values_that_there_are_and_the_path_as_its_last_member() -> None:
    values = {
        "a": pa.array(["x", None, 'say "hi"\n']),
        'odd "name"': pa.array([None, None, "ü"]),
        "never": pa.nulls(3, pa.string()),
    }
    objects = with_file_path(rescued_objects(values, 3), 'sftp://me@host:22/in/ü"\\.csv')
    assert objects[1].as_py() is None
    [first, last] = [json.loads(objects[row].as_py()) for row in (0, 2)]
    path = 'sftp://me@host:22/in/ü"\\.csv'
    assert first == {"a": "x", "_file_path": path}
    assert last == {"a": 'say "hi"\n', 'odd "name"': "ü", "_file_path": path}
    assert list(last)[-1] == "_file_path"


def test_rows_without_values_have_no_object() -> None:
    assert rescued_objects({}, 2) == pa.nulls(2, pa.string())
    assert with_file_path(pa.nulls(2, pa.string()), "sftp://x").null_count == 2
