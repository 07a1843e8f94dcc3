"""Control lines of all fields and formats, for property tests; of the columns `n` and `d`."""

from __future__ import annotations

from hypothesis import strategies as st

_SPECS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "0>", "*<", " ^", ">"]),
    st.sampled_from(["", "+", " "]),
    st.sampled_from(["", "6", "25"]),
    st.sampled_from(["", ","]),
) | st.sampled_from(["025", "+08", "03,"])
_LITERALS = st.text("A|.({[ä9+\\", max_size=4).map(lambda text: text.replace("{", "{{"))


@st.composite
def control_templates(draw: st.DrawFn) -> str:
    """Return control lines with some fields, which can be filled in."""
    fields = [
        f"{{rows:{draw(_SPECS)}}}",
        f"{{bytes:{draw(_SPECS)}d}}",
        f"{{sum(n):{draw(_SPECS)}}}",
        f"{{sum(d):{draw(_SPECS)}{draw(st.sampled_from(['', 'd', '.3f']))}}}",
        "{sha256}",
        "{sha256:.7}",
        "{name}",
        "{name!r:>20}",
        "{now:%Y%m%d%H%M%S}",
    ]
    chosen = draw(st.lists(st.sampled_from(fields), min_size=1, max_size=5))
    text = "".join(draw(_LITERALS) + field for field in chosen) + draw(_LITERALS)
    return text if draw(st.booleans()) else f"{text}\n{draw(_LITERALS)}!"
