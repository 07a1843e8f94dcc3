"""The options of XML files; names, defaults and meaning are those of Spark's XML source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final

from pydantic import Field

from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import Text

# Names without a colon (https://www.w3.org/TR/xml-names/#NT-NCName): Spark's writer takes a prefix
# for one of a namespace, which it does not know.
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
        ValueError: it is not a name with `attribute="value"` behind it.

    """
    name, *pieces = root_tag.split(" ")
    pairs = [piece.partition("=") for piece in pieces]
    names = [name, *(key for key, _, _ in pairs)]
    if not all(map(is_xml_name, names)) or not all(sign for _, sign, _ in pairs):
        raise ValueError(root_tag)
    attributes = [(key, value.translate(_WITHOUT_QUOTES)) for key, _, value in pairs]
    return name, attributes


class XMLOptions(OptionsModel):
    """What XML files look like."""

    group: ClassVar[str] = "XML"

    root_tag: Text = Field(
        "ROWS",
        description="The element around all rows; attributes may follow its name.",
        examples=["orders version='1'"],
    )
    row_tag: Text = Field("ROW", description="The element of a row.", examples=["order"])
    attribute_prefix: Text = Field(
        "_",
        description="A field whose name begins with it is an attribute of its element, without it.",
        examples=["@"],
    )
    value_tag: Text = Field(
        "_VALUE",
        description="The field that is the text of its element, beside attributes.",
        examples=["text"],
    )
    array_element_name: Text = Field(
        "item", description="Elements of an array in an array.", examples=["value"]
    )
    declaration: Text = Field(
        'version="1.0" encoding="UTF-8" standalone="yes"',
        description="What stands in `<?xml …?>`. Empty: no such line.",
        examples=['version="1.0"'],
    )
    indent: Text = Field(
        "    ",
        description="White space before elements, for each level. Empty: a row a line.",
        examples=["\t"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        for option in ("row_tag", "array_element_name"):
            if not is_xml_name(getattr(self, option)):
                yield (option,), f"{option} must be the name of an XML element, without a colon."
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
            yield ("declaration",), "declaration must stand between <?xml and ?>, without them."
        if not _SPACES.fullmatch(self.indent):
            yield ("indent",), "indent must be white space."
