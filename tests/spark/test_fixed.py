"""Fixed-width files by Spark and sshd: written, found byte for byte, and read back."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from tests.support.documents import pages
from tests.support.reader import matches
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.one_python


class Partner:
    """Writes and reads fixed-width files of one server."""

    def __init__(self, spark: SparkSession, server: SSHD, directory: Path) -> None:
        self._spark = spark
        self._server = server
        self.directory = directory

    def write(self, frame: DataFrame, name: str, **options: Any) -> bytes:
        """Write one exact file, and return its bytes."""
        given = {**self._server.options(), "format": "fixed", "single_file": "true", **options}
        path = self.directory / name
        frame.write.format("sftp").options(**given).mode("overwrite").save(str(path))
        return path.read_bytes()

    def read(self, name: str, schema: str | None = None, **options: Any) -> DataFrame:
        """Return the rows of a file."""
        reader = self._spark.read.format("sftp")
        reader = reader.options(**{**self._server.options(), "format": "fixed", **options})
        if schema is not None:
            reader = reader.schema(schema)
        return reader.load(str(self.directory / name))


@pytest.fixture
def partner(spark: SparkSession, sshd: SSHD, remote_dir: Path) -> Partner:
    return Partner(spark, sshd, remote_dir)


def test_a_frame_is_written_by_a_layout_and_read_back(
    spark: SparkSession, partner: Partner
) -> None:
    layout = 'id:8 bigint zero, name:10, amount:9.2 overpunch, day:8 "yyyyMMdd"'
    frame = spark.sql(
        "SELECT * FROM VALUES (1L, 'pen', 2.50BD, DATE'2026-11-23'), (2L, null, -4.07BD, null) "
        "AS (id, name, amount, day)"
    ).coalesce(1)
    data = partner.write(frame, "orders.dat", fixed_layout=layout)
    assert data.decode().splitlines() == [
        "00000001pen       00000025{20261123",
        "00000002          00000040P        ",
    ]
    again = partner.read("orders.dat", fixed_layout=layout)
    assert again.schema.simpleString() == (
        "struct<id:bigint,name:string,amount:decimal(9,2),day:date>"
    )
    assert sorted(again.collect()) == sorted(frame.collect())


def test_comments_of_columns_are_a_layout(spark: SparkSession, partner: Partner) -> None:
    columns = (
        "id BIGINT COMMENT 'fixed: 5 zero', name STRING COMMENT 'fixed:6', "
        "price DECIMAL(6,2) COMMENT 'fixed: 8.2'"
    )
    frame = spark.createDataFrame([(1, "pen", None)], columns)
    assert partner.write(frame, "c.dat") == b"00001pen           \n"
    assert partner.read("c.dat", columns).collect() == frame.collect()
    # A view or a table hands its comments on, too.
    frame.createOrReplaceTempView("commented")
    again = spark.sql("SELECT * FROM commented")
    assert partner.write(again, "d.dat") == b"00001pen           \n"


def test_parts_are_one_file_with_header_and_trailer_in_ebcdic_without_line_ends(
    spark: SparkSession, partner: Partner
) -> None:
    options = {
        "fixed_layout": '"D", id:5 bigint zero, sum:6.2 overpunch',
        "fixed_header": '"H", name:10, _:1',
        "fixed_trailer": '"T", rows:5 zero',
        "fixed_line_ends": "false",
        "encoding": "cp037",
    }
    frame = spark.range(30, numPartitions=3).selectExpr(
        "id", "CAST((id - 15) / 8 AS DECIMAL(6,2)) AS sum"
    )
    data = partner.write(frame, "parts.dat", **options)
    assert len(data) == 32 * 12
    text = data.decode("cp037")
    assert text[:12] == "Hparts.dat  "
    assert text[12:24] == "D0000000018Q"  # -1.88
    assert text[-12:] == "T00030      "
    assert sorted(partner.read("parts.dat", **options).collect()) == sorted(frame.collect())
    # Without a count the file is split by the length of its records.
    uncounted = {**options, "fixed_trailer": '"T", _:5', "max_partition_bytes": "50"}
    split = partner.read("parts.dat", **uncounted, open_cost_bytes="0")
    assert split.rdd.getNumPartitions() > 3
    assert sorted(split.collect()) == sorted(frame.collect())
    # A lost record is found.
    (partner.directory / "short.dat").write_bytes(data[:24] + data[36:])
    with pytest.raises(PySparkException, match="counts 30 rows, and there are 29"):
        partner.read("short.dat", **options).collect()


def test_overflow_names_column_and_row_and_leaves_nothing(
    spark: SparkSession, partner: Partner
) -> None:
    frame = spark.range(8, 12, numPartitions=1)
    with pytest.raises(PySparkException, match=r"Column 'id', row 3 of its part: the value takes"):
        partner.write(frame, "long.dat", fixed_layout="id:1")
    assert not list(partner.directory.rglob("*"))


def test_malformed_records_go_by_the_mode(partner: Partner) -> None:
    (partner.directory / "broken.dat").write_bytes(b"01ann\n02bo\nx3tim\n")
    schema = "id INT, name STRING, _corrupt_record STRING"
    options = {"fixed_layout": "id:2, name:3"}
    assert partner.read("broken.dat", schema, **options).collect() == [
        (1, "ann", None),
        (2, "bo", "02bo"),
        (None, "tim", "x3tim"),
    ]
    dropped = partner.read("broken.dat", "id INT", mode="DROPMALFORMED", **options)
    assert dropped.collect() == [(1,)]
    with pytest.raises(PySparkException, match="is malformed"):
        partner.read("broken.dat", "id INT", mode="FAILFAST", **options).collect()


def test_ibm1047_is_that_of_java_but_for_its_line_ends(spark: SparkSession) -> None:
    every = bytes(range(256))
    javas = spark.sql("SELECT 1").sparkSession._jvm.java.lang.String(every, "IBM1047")
    exchanged = str.maketrans("\n\x85", "\x85\n")
    assert every.decode("IBM1047").translate(exchanged) == javas


def test_the_layouts_of_the_guide_are_written_to_openssh_and_read_back(
    session: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    (page,) = (page for page in pages() if page.document == "docs/how-to/fixed-width.md")
    names: dict[str, Any] = {"spark": session}
    shown = 0
    for step in page.steps:
        code = step.block.code.replace('"/in/', f'"{remote_dir}/')
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(step.block.compile(code), names)  # type: ignore[call-overload]
        if "show" in names and "staff" not in names:  # the first block names a server of its own
            own = {"format": "fixed", "single_file": "true"}
            names["partner"] = {**sshd.options(), **own}
        if step.output is not None:
            assert matches(step.output, printed.getvalue()), printed.getvalue()
            shown += 1
    assert shown == 5
    assert {file.name for file in remote_dir.iterdir()} == {
        "payroll.dat",
        "payments.ach",
        "extract.dat",
    }
    payments = (remote_dir / "payments.ach").read_bytes().splitlines()
    assert {len(line) for line in payments} == {94}
    extract = (remote_dir / "extract.dat").read_bytes()
    assert extract.decode("cp037") == (
        f"0000004711{'MILLER':12}00000123D000000000000000815{'SATO':12}00000070N00000000"
    )
