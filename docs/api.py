"""The API reference: a page of Markdown for each module, from its signatures, comments
of arguments and docstrings."""
import ast
import inspect
import re
from dataclasses import is_dataclass
from importlib import import_module

from fastcore.docments import docments

import book
import citations

EMPTY = inspect.Parameter.empty


def plain(text):
    return "".join(
        p if p.startswith("`") else re.sub(r"([*_<$\[])", r"\\\1", p)
        for p in re.split(r"(`[^`]*`)", text)
    )


def prose(text, own=()):
    text = book.with_links(plain(" ".join((text or "").split())), "py:obj", own)
    return citations.linked(text)


def cell(text, own=()):
    return escaped(prose(text, own))

def escaped(text):
    return text.replace("|", r"\|")


def fenced(directive, argument, body):
    "A directive; a class has longer fences than the methods in it."
    fence = "`" * (5 if directive == "py:class" else 4)
    return f"\n{fence}{{{directive}}} {argument}\n{body}\n{fence}\n"


def typed(annotation):
    "An annotation as it is written."
    if annotation in (None, EMPTY):
        return ""
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        annotation = annotation.__name__
    return escaped(f"`{re.sub(r'(?:[A-Za-z_]+[.])+', '', str(annotation))}`")


def written(value):
    "A default as it is written."
    if value is EMPTY:
        return ""
    named = callable(value) and hasattr(value, "__name__")
    return escaped(f"`{value.__name__ if named else repr(value)}`")


def signature(function):
    """Names and defaults of what a caller gives; nothing for a class that is made as
    one of another package is."""
    if (
        inspect.isclass(function)
        and not hasattr(function, "_fields")
        and not getattr(function.__init__, "__module__", "").startswith(book.PACKAGE)
    ):
        return ""
    parameters = [
        p.replace(annotation=EMPTY)
        for p in inspect.signature(function).parameters.values()
        if p.name != "self"
    ]
    text = str(inspect.Signature(parameters))
    return re.sub(r"<class '(?:\w+\.)*(\w+)'>|<function (\w+) at [^>]*>", r"\1\2", text)


def arguments(function, own=()):
    "Table of the arguments, and what is returned."
    described = docments(function, full=True)
    text = ""
    if any(d.docment for d in described.values()):
        text = "\n| argument | type | default | meaning |\n|---|---|---|---|\n"
        for name, p in inspect.signature(function).parameters.items():
            if name == "self":
                continue
            meaning = cell(described[name].docment, own)
            row = f"`{name}`", typed(p.annotation), written(p.default), meaning
            text += f"| {' | '.join(row)} |\n"
    returned = described.get("return")
    if returned and returned.docment:
        what = f"{typed(returned.anno)}: {prose(returned.docment, own)}."
        text += f"\nReturns {what}\n".replace(r"\|", "|").replace("..", ".")
    return text


def method(name, member, own):
    "A documented method or property; nothing for one without a word."
    if isinstance(member, property):
        said = member.fget.__doc__
        return fenced("py:property", name, prose(said, own)) if said else ""
    function = getattr(member, "__func__", member)
    if name.startswith("_") or not inspect.isfunction(function):
        return ""
    described = docments(function, full=True).values()
    if not function.__doc__ and not any(d.docment for d in described):
        return ""
    return fenced(
        "py:method",
        name + signature(function),
        prose(function.__doc__, own) + "\n" + arguments(function, own),
    )


def inherited(thing):
    "Links to the documented methods that a class has from others of the package."
    links, seen = [], set(vars(thing))
    for base in thing.__mro__[1:]:
        module = base.__module__.removeprefix(f"{book.PACKAGE}.")
        if f"{module}.{base.__name__}" not in book.definitions():
            continue
        links += [
            f"{{py:obj}}`{name} <{base.__module__}.{base.__name__}.{name}>`"
            for name, member in vars(base).items()
            if name not in seen and name != '__init__' and method(name, member, ())
        ]
        seen |= vars(base).keys()
    return f"\nInherited: {', '.join(links)}.\n" if links else ""


def entry(definition):
    "One public name."
    module = import_module(f"{book.PACKAGE}.{definition.module}")
    thing, own = getattr(module, definition.name), {definition.name}
    anchor = f"../{definition.page}.html#{definition.name}"
    derived = f"<a href='{anchor}'>{definition.section}</a>"
    where = f"\n[source]({definition.source}), derived in {derived}\n"
    if inspect.isclass(thing):
        doc = prose(vars(thing).get("__doc__"), own)
        if "_fields" in vars(thing):
            inside = "\n".join(
                f"- `{field}`: {typed(anno)}".replace(r"\|", "|")
                for field, anno in thing.__annotations__.items()
            )
        elif "__init__" in vars(thing):
            made_by = thing if is_dataclass(thing) else thing.__init__
            inside = arguments(made_by, own)
        else:
            inside = ""
        members = "".join(
            method(name, member, own)
            for name, member in vars(thing).items()
            if name != "__init__"
        )
        return fenced(
            "py:class",
            definition.name + signature(thing),
            f"{doc}\n\n{inside}\n{where}\n{inherited(thing)}\n{members}",
        )
    if inspect.isfunction(function := inspect.unwrap(thing)):
        return fenced(
            "py:function",
            definition.name + signature(thing),
            f"{prose(thing.__doc__, own)}\n{arguments(function, own)}\n{where}",
        )
    nodes = tree(definition.module)
    source = ast.unparse(next(n for n in nodes if definition.name in book.names_of(n)))
    code = f"```python\n{source}\n```\n" if len(source) < 400 else ""
    return fenced("py:data", definition.name, f"{code}\n{where}")


def tree(module):
    path = book.ROOT / book.module_path(module)
    return ast.parse(path.read_text(encoding="utf-8")).body


def page(chapter):
    "The page of a module."
    full = f"{book.PACKAGE}.{chapter.module}"
    definitions = book.definitions().values()
    return "\n".join([
        "---",
        f"myst: {{html_meta: {{description: 'Reference of {full}'}}}}",
        "---",
        f"# {chapter.module}\n",
        "{.subtitle}",
        f"{chapter.subtitle}\n",
        f"From the chapter [{chapter.title}](/{chapter.page}.ipynb).\n",
        f"```{{py:module}} {full}\n```",
        *(entry(d) for d in definitions if d.module == chapter.module),
    ])


def write(folder):
    "Write a page for each module, and one that lists them."
    folder.mkdir(exist_ok=True)
    chapters = [chapter for chapter in book.chapters() if chapter.module]
    for chapter in chapters:
        (folder / f"{chapter.module}.md").write_text(page(chapter), encoding="utf-8")
    index = (book.ROOT / "docs/api.md").read_text(encoding="utf-8")
    rows = "\n".join(
        f"| [{c.module}]({c.module}.md) | {c.subtitle} |" for c in chapters
    )
    toctree = "\n".join(
        ["```{toctree}", ":hidden:", *(c.module for c in chapters), "```"]
    )
    (folder / "index.md").write_text(
        f"{index}\n| module | what it is about |\n|---|---|\n{rows}\n\n{toctree}\n",
        encoding="utf-8",
    )
