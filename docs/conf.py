"""How Sphinx builds the documentation: `tox -e docs`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

import sftp_async

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "sftp_async"
author = "The sftp_async developers"
release = version = sftp_async.__version__
copyright = author  # noqa: A001 - Sphinx's name

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
# The notebooks in `docs/notebooks` have their outputs: `python scripts/render_notebooks.py`.
nb_execution_mode = "off"
nb_merge_streams = True

# A dead link, inside or to an anchor, is a warning, and tox makes warnings errors.
nitpicky = True
# The documentation of other packages is on the network, which the build does not need.
nitpick_ignore_regex = [
    ("py:.*", r"(asyncssh|pyarrow|pa|pydantic|pyspark|os|pathlib|typing_extensions)\..*"),
    ("py:class", r"(SparkSession|StructType|Buffer|DataSource\w*|BaseModel|Self|Path)"),
    ("py:class", r"(FormatOptions|SFTPFactory|Summary|Action|Content)"),
]
# GitHub's anchors, so that a link works here and there.
myst_heading_anchors = 3
# Pages on the network may be unreachable. `-b linkcheck` requests them.
linkcheck_timeout = 20
linkcheck_ignore = [r"https?://(127\.0\.0\.1|localhost)"]

# Docstrings are written for readers of code: `name` is code, as in Markdown, and quotes are quotes.
default_role = "code"
smartquotes_action = "D"  # dashes
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Attributes make no targets: two classes have one named `bytes`, which Python has, too.
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"sftp_async {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_logo = html_favicon = "_static/logo.svg"
html_search_scorer = str(Path(__file__).with_name("search_scorer.js"))
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1b6ca8", "color-brand-content": "#1b6ca8"},
    "dark_css_variables": {"color-brand-primary": "#7fc1f0", "color-brand-content": "#7fc1f0"},
}
# Prompts and outputs stay behind when code is copied.
copybutton_exclude = ".linenos, .gp, .go"
copybutton_selector = "div.highlight-python pre, div.highlight-bash pre, div.highlight-diff pre"

_LINK_TO_PAGE = re.compile(r"(?<=\]\()(\.\./[^)#\s]+\.md)(?=\))")


def link_to_files(app: Sphinx, name: str, source: list[str]) -> None:
    """Let links to Markdown outside of `docs` lead to the file: MyST takes them for pages."""
    directory = Path(app.srcdir, name).parent

    def scheme(match: re.Match[str]) -> str:
        inside = (directory / match[1]).resolve().is_relative_to(Path(app.srcdir).resolve())
        return match[1] if inside else f"path:{match[1]}"

    source[0] = _LINK_TO_PAGE.sub(scheme, source[0])


def find_by_name(
    app: Sphinx, env: BuildEnvironment, node: Any, text: nodes.TextElement
) -> nodes.reference | None:
    """Resolve a name as docstrings write it, without its module: `ConnectError`."""
    domain: Any = env.domains.python_domain
    if node.get("refdomain") != "py":
        return None
    wanted = node["reftarget"]
    found = {entry.node_id for name, entry in domain.objects.items() if name.endswith(f".{wanted}")}
    if len(found) != 1:
        return None
    full, docname = found.pop(), node.get("refdoc", env.docname)
    made: nodes.reference | None = domain.resolve_xref(
        env, docname, app.builder, "obj", full, node, text
    )
    return made


def mark_code(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Make code of what a docstring indents after a blank line, as Markdown would."""
    for number in range(len(lines) - 1, 1, -1):
        before, blank, line = lines[number - 2 : number + 1]
        if line.startswith("    ") and not blank and before and not before.startswith(" "):
            lines[number:number] = [".. code-block:: python", ""]


def leave_out_options(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Cut the options from the docstring of `SFTPOptions`: they have a page of their own."""
    if name == "sftp_async.SFTPOptions" and "Options:" in lines:
        del lines[lines.index("Options:") :]


def keep_names_as_anchors(app: Sphinx, document: nodes.document) -> None:
    """Let a heading that is code have that name as its anchor: `options.html#max_files`.

    Sphinx makes `max-files` of it. GitHub gives the heading an anchor that has the name as it is.
    """
    for section in document.findall(nodes.section):
        [title, *_] = section.children
        if len(title.children) == 1 and isinstance(title.children[0], nodes.literal):
            name = title.astext()
            section["ids"] = [name, *(other for other in section["ids"] if other != name)]


def setup(app: Sphinx) -> None:
    """Connect them."""
    app.connect("doctree-read", keep_names_as_anchors, priority=100)  # before the contents
    app.connect("source-read", link_to_files)
    app.connect("missing-reference", find_by_name)
    app.connect("autodoc-process-docstring", leave_out_options, priority=50)
    app.connect("autodoc-process-docstring", mark_code, priority=100)  # before napoleon
