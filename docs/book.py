"""What the book consists of: its chapters, the names that they define, and where each
is found."""
import ast
import re
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import NamedTuple

import nbformat

ROOT = Path(__file__).parent.parent
CONFIG = ConfigParser(delimiters=["="])
CONFIG.read(ROOT / "settings.ini", encoding="utf-8")
SETTINGS = CONFIG["DEFAULT"]
PACKAGE = SETTINGS["lib_path"]


class Definition(NamedTuple):
    name: str
    module: str  # without the package's name
    page: str  # of the chapter that derives it
    section: str  # heading it stands under
    source: str  # address of its lines on the repository's host


class Chapter(NamedTuple):
    page: str  # path of the notebook, without its suffix
    title: str
    subtitle: str
    module: str | None
    notebook: nbformat.NotebookNode


def directives(source):
    """nbdev's directives of a cell, as a dictionary; those without a value have an
    empty one."""
    found = (
        line.partition(":" if ":" in line else " ")
        for line in re.findall(r"^#\|\s*(.*)$", source, re.M)
    )
    return {name.strip(): value.strip() for name, _, value in found}


def module_of(notebook):
    "Name of the module that a notebook exports, or None."
    names = (directives(cell.source).get("default_exp") for cell in notebook.cells)
    return next(filter(None, names), None)


@cache
def chapters():
    "All chapters in reading order."
    paths = [
        *sorted((ROOT / "nbs").glob("[0-9]*.ipynb")),
        *sorted((ROOT / "nbs/experiments").glob("[0-9]*.ipynb")),
    ]
    found = []
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        head = next(c.source for c in notebook.cells if c.source.startswith("# "))
        title, subtitle = re.fullmatch(r"# (.+)\n\n> (.+)\n*", head).groups()
        page = path.relative_to(ROOT).with_suffix("").as_posix()
        found.append(Chapter(page, title, subtitle, module_of(notebook), notebook))
    return found


def module_path(module):
    return Path(PACKAGE, *module.split(".")).with_suffix(".py")


def source_url(path, first, last):
    return f"{SETTINGS['git_url']}/blob/{SETTINGS['branch']}/{path}#L{first}-L{last}"


def names_of(node):
    "Names that a statement at the top of a module or a cell defines."
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [
        name.id
        for target in targets
        for name in getattr(target, "elts", [target])
        if isinstance(name, ast.Name)
    ]


def lines_of(node):
    "First and last line of a statement, its decorators included."
    decorators = getattr(node, "decorator_list", ())
    return min(part.lineno for part in (node, *decorators)), node.end_lineno


def sections(notebook):
    "Heading over each exported name of a notebook."
    heading, found = "", {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("#"):
            heading = cell.source.splitlines()[0].lstrip("# ")
            continue
        if not directives(cell.source).keys() & {"export", "exports"}:
            continue
        for node in ast.parse(cell.source).body:
            found |= dict.fromkeys(names_of(node), heading)
    return found


@cache
def definitions():
    "Every public name, by module and name, in the order of the modules."
    found = {}
    for chapter in chapters():
        if not chapter.module:
            continue
        path, headings = module_path(chapter.module), sections(chapter.notebook)
        body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        lines = {name: lines_of(node) for node in body for name in names_of(node)}
        public = next(node.value for node in body if names_of(node) == ["__all__"])
        for name in ast.literal_eval(public):
            found[f"{chapter.module}.{name}"] = Definition(
                name, chapter.module, chapter.page, headings[name],
                source_url(path, *lines[name]),
            )
    return found


@cache
def linkable():
    "Names that mean one thing only. A plain word is one only when it is called."
    names = [definition.name for definition in definitions().values()]
    return {d.name: d for d in definitions().values() if names.count(d.name) == 1}


CODE = re.compile(r"(?<![`\[])`([A-Za-z_]\w*)((?:\.\w+)*(\([^`<]*\))?)`(?![`\]])")
# fences, displayed mathematics, headings
NOT_PROSE = re.compile(r"^(```.*?^```|\$\$.*?\$\$|#+ .*?$)", re.M | re.S)


def with_links(text, role, own=()):
    """Markdown whose back-ticked names of the public API are links; `own` are names
    that need none."""
    def link(match):
        name, rest, call = match.groups()
        found = linkable().get(name)
        if not found or name in own or (name.isalpha() and name.islower() and not call):
            return match[0]
        return f"{{{role}}}`{name}{rest} <{target(found, role)}>`"
    return "".join(
        part if NOT_PROSE.match(part) else CODE.sub(link, part)
        for part in NOT_PROSE.split(text)
    )


def target(definition, role):
    prefix = f"{PACKAGE}." if role.startswith("py:") else ""
    return f"{prefix}{definition.module}.{definition.name}"
