"""Defines the options of XML files, with the names and defaults of Spark's XML source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pydantic import Field

from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import Text

# Names without a colon (https://www.w3.org/TR/xml-names/#NT-NCName): Spark's writer takes a prefix
# for an undeclared namespace.
_START: Final = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME: Final = re.compile(rf"[{_START}][{_START}\-.0-9\u00b7\u0300-\u036f\u203f\u2040]*")
_WITHOUT_QUOTES: Final = str.maketrans("", "", "\"'")
_SPACES: Final = re.compile(r"[ \t\r\n]*")


def is_xml_name(text: str) -> bool:
    """Whether `text` can be the name of an element or an attribute, without a namespace."""
    return _NAME.fullmatch(text) is not None


def root_parts(root_tag: str) -> tuple[str, list[tuple[str, str]]]:
    """Split `root_tag` into a name and attributes, at spaces, as Spark does.

    Raises:
        ValueError: it is not a name, followed by attributes `name="value"` if there are any.

    """
    name, *pieces = root_tag.split(" ")
    pairs = [piece.partition("=") for piece in pieces]
    names = [name, *(key for key, _, _ in pairs)]
    if not all(map(is_xml_name, names)) or not all(sign for _, sign, _ in pairs):
        raise ValueError(root_tag)
    attributes = [(key, value.translate(_WITHOUT_QUOTES)) for key, _, value in pairs]
    return name, attributes


class XMLOptions(OptionsModel):
    """The elements and attributes of XML files."""

    root_tag: Text = Field(
        "ROWS",
        description="Name of the element around all rows. Attributes may follow the name.",
        examples=["orders version='1'"],
    )
    row_tag: Text = Field(
        "ROW",
        description="Name of the element of a row; in files that are read it may have a prefix.",
        examples=["order"],
    )
    attribute_prefix: Text = Field(
        "_",
        description="Prefix of fields that are written as attributes of their element. The prefix "
        "is not part of the attribute's name.",
        examples=["@"],
    )
    value_tag: Text = Field(
        "_VALUE",
        description="Name of the field that is the text of an element with attributes.",
        examples=["text"],
    )
    array_element_name: Text = Field(
        "item",
        description="Name of the elements of an array inside an array.",
        examples=["value"],
    )
    declaration: Text = Field(
        'version="1.0" encoding="UTF-8" standalone="yes"',
        description="Content of the XML declaration `<?xml …?>`. If empty, there is no "
        "declaration.",
        examples=['version="1.0"'],
    )
    indent: Text = Field(
        "    ",
        description="White space before elements, for each level. If empty, each row is one line.",
        examples=["\t"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        if not all(map(is_xml_name, self.row_tag.split(":", 1))):  # a read takes a prefix, too
            yield ("row_tag",), "row_tag must be the name of an XML element."
        if not is_xml_name(self.array_element_name):
            yield (
                ("array_element_name",),
                "array_element_name must be the name of an XML element, without a colon.",
            )
        try:
            root_parts(self.root_tag)
        except ValueError:
            yield (
                ("root_tag",),
                'root_tag must be the name of an XML element; attributes may follow: a b="c".',
            )
        for option in ("attribute_prefix", "value_tag"):
            if not getattr(self, option):
                yield (option,), f"{option} must not be empty."
        if self.attribute_prefix == self.value_tag:
            yield (
                ("attribute_prefix", "value_tag"),
                "attribute_prefix and value_tag must not be the same.",
            )
        if "?>" in self.declaration or self.declaration.startswith("<"):
            yield (
                ("declaration",),
                "declaration must be the text between <?xml and ?>, without these.",
            )
        if not _SPACES.fullmatch(self.indent):
            yield ("indent",), "indent must be white space."
