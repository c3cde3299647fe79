"""The works that the book cites: `references.bib`, the page that lists them, and the
links that lead there from "Kingma and Ba, 2015" and "Kingma and Ba (2015)"."""
import ast
import io
import re
import tokenize
from functools import cache

from pybtex.backends.markdown import Backend
from pybtex.database import parse_file
from pybtex.style.formatting.unsrt import Style
from pybtex.style.template import field, sentence

import book

NAME = r"[A-Z][^\W\d_]*(?:[-’'][A-Z][^\W\d_]+)*"
MORE = rf"\s+et\s+al\.|\s+and\s+others|(?:,\s+{NAME})*\s+and\s+{NAME}|'s\s+\w+"
YEAR = r"(?:1[6-9]|20)\d\d"
# the last authors "and others", or the work that is known by its author's name
CITATION = re.compile(
    rf"\b(?P<names>{NAME}(?:{MORE})?)(?P<between>,\s+|\s+(?P<open>\())"
    rf"(?P<years>{YEAR}(?:,\s+{YEAR})*)\b(?(open)(?P<close>\)?))"
)
# code and mathematics within a line
SET = re.compile(r"(`[^`]*`|\$[^$]*\$)")


class Unknown(ValueError):
    "A citation that no entry fits, or an entry that no citation means."


@cache
def entries():
    "The entries of `references.bib`, by key."
    return dict(parse_file(book.ROOT / "docs/references.bib").entries)


def surnames(entry):
    "Surnames of the authors; a corporate author is one of them."
    return [
        " ".join([*person.prelast_names, *person.last_names]).strip("{}")
        for person in entry.persons["author"]
    ]


def key_of(names, year):
    "Key of the one entry that a citation means. Raises `Unknown`."
    names = re.sub(r"'s \w+$", "", " ".join(names.split()))
    first, et_al = re.subn(r" (et al\.|and others)$", "", names)
    cited = re.split(r", | and ", first)
    found = [
        key for key, entry in entries().items()
        if entry.fields["year"] == year
        and cited == (surnames(entry)[:1] if et_al else surnames(entry))
        and len(surnames(entry)) > (2 if et_al else 0)
    ]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} entries fit it" if found else "no entry fits it"
    raise Unknown(f"{names}, {year}: {what} in docs/references.bib")


def parts(text):
    "Markdown in parts: prose, and what is neither prose nor has citations."
    for part in book.NOT_PROSE.split(text):
        if book.NOT_PROSE.match(part):
            yield part, False
        else:
            yield from ((p, not SET.match(p)) for p in SET.split(part))


def cited(text):
    "Keys of the works that a text cites."
    return {
        key_of(match["names"], year)
        for part, is_prose in parts(text) if is_prose
        for match in CITATION.finditer(part)
        for year in re.findall(YEAR, match["years"])
    }


def linked(text):
    "Markdown whose citations are links to the bibliography."
    def link(match):
        names, years = match["names"], re.findall(YEAR, match["years"])
        titles = [f"{names}{match['between']}{years[0]}", *years[1:]]
        titles[-1] += match["close"] or ""
        return ", ".join(
            f"{{ref}}`{' '.join(title.split())} <{key_of(names, year)}>`"
            for title, year in zip(titles, years)
        )
    return "".join(
        CITATION.sub(link, part) if is_prose else part for part, is_prose in parts(text)
    )


def said(cell):
    "What a cell says in words: its Markdown, or its docstrings and comments."
    if cell.cell_type == "markdown":
        return [cell.source]
    documented = ast.Module, ast.ClassDef, ast.FunctionDef
    read = io.StringIO(cell.source).readline
    return [
        *(
            ast.get_docstring(node) or ""
            for node in ast.walk(ast.parse(cell.source))
            if isinstance(node, documented)
        ),
        *(
            token.string for token in tokenize.generate_tokens(read)
            if token.type == tokenize.COMMENT
        ),
    ]


def uses():
    "The chapters that cite each work, by its key."
    found = {key: [] for key in entries()}
    for chapter in book.chapters():
        cells = chapter.notebook.cells
        for key in set().union(*(cited(text) for cell in cells for text in said(cell))):
            found[key].append(chapter)
    return found


class AsWritten(Style):
    "Titles keep their capitals."

    def format_title(self, e, which_field, as_sentence=True):
        return sentence[field(which_field)] if as_sentence else field(which_field)


def page():
    """The bibliography, ordered by authors; each work with the chapters that cite it.
    Raises `Unknown` for a work that none cites."""
    used = uses()
    if unused := [key for key, chapters in used.items() if not chapters]:
        raise Unknown(f"docs/references.bib has entries that nothing cites: {unused}")
    def order(entry):
        return [name.casefold() for name in surnames(entry)], entry.fields["year"]
    ordered = sorted(entries().values(), key=order)
    rows = []
    for entry in AsWritten().format_entries(ordered):
        text = entry.text.render(Backend()).replace("\n", " ")
        chapters = ", ".join(f"[{c.title}](/{c.page}.ipynb)" for c in used[entry.key])
        rows.append(
            f"({entry.key})=\n\n{{.reference}}\n{text} *Cited in* {chapters}."
        )
    head = "# Bibliography\n\n{.subtitle}\nThe works that the book cites\n\n"
    return head + "\n\n".join(rows) + "\n"
