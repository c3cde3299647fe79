"""nbdev's notebooks as pages: myst-nb reads them through `read`, and `Definitions`
marks where names are defined."""
import ast
import re

import nbformat
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxDirective

import book
import citations
import sliders

# nbdev_clean takes it away, and highlighting needs it
PYTHON = {"name": "python", "pygments_lexer": "ipython3"}


def read(text):
    """A notebook as its readers see it: no plumbing, directives carried out, names
    linked and anchored."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata["language_info"] = PYTHON
    module, heading, said, cells = book.module_of(notebook), "", "", []
    own = {d.name for d in book.definitions().values() if d.module == module}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)|[`$\\]", r"\1", cell.source)
            words = plain.strip().splitlines()
            if cell.source.startswith("#"):
                heading, said = words[0].lstrip("# "), ""
            else:
                # what stands before a figure says what it shows
                said = re.split(r"(?<=[.?]) ", words[-1])[-1].rstrip(":")
            subtitle = re.fullmatch(r"(# .+)\n\n> (.+)\n*", cell.source)
            if subtitle:
                cell.source = f"{subtitle[1]}\n\n{{.subtitle}}\n{subtitle[2]}"
                notebook.metadata |= {
                    "og:description": subtitle[2],
                    "myst": {"html_meta": {"description": subtitle[2]}},
                }
            cell.source = book.with_links(cell.source, "definition", own)
            cell.source = citations.linked(cell.source)
            cells.append(cell)
        else:
            cells += code_cells(cell, module, f"{heading}: {said}" if said else heading)
    sliders.place(cells, module)
    notebook.cells = cells
    return notebook


def code_cells(cell, module, shown):
    "A code cell as shown, after the anchors of what it exports; nothing for plumbing."
    said = book.directives(cell.source)
    if said.keys() & {"hide", "default_exp"}:
        return []
    cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M).strip()
    if said.get("echo") == "false":
        tag, summary = "remove-input", ""
    elif said.get("code-fold") == "true":
        tag, summary = "hide-cell", said["code-summary"]
    elif "export" in said:
        tag, summary = "hide-cell", "Imports"
    elif "exporti" in said:
        tag, summary = "hide-cell", "Helpers that are not part of the public API"
    else:
        tag, summary = "", ""
    if tag:
        cell.metadata["tags"] = [tag]
    cell.metadata["mystnb"] = {
        "code_prompt_show": summary, "code_prompt_hide": summary,
        "image": {"alt": said.get("fig-alt", shown)},
    }
    if "exports" not in said:
        return [cell]
    names = [
        name for node in ast.parse(cell.source).body for name in book.names_of(node)
    ]
    public = [f"{module}.{name}" for name in names]
    public = [name for name in public if name in book.definitions()]
    if not public:
        return [cell]
    anchors = "\n".join(["```{definitions}", *public, "```"])
    return [nbformat.v4.new_markdown_cell(anchors), cell]


class Definitions(SphinxDirective):
    """Anchors of the names that the next cell defines, with links to the reference and
    to the module."""
    has_content = True

    def run(self):
        marks = nodes.paragraph(classes=["definitions"])
        for full in self.content:
            definition = book.definitions()[full]
            mark, ids = nodes.inline(), self.state.document.ids
            # else a heading has it, such as `split` under "Split"
            if definition.name not in ids:
                mark["ids"], ids[definition.name] = [definition.name], mark
            mark += pending_xref(
                "", nodes.literal(text=definition.name), refdomain="py", reftype="obj",
                refexplicit=True, refwarn=True, reftarget=f"{book.PACKAGE}.{full}",
                refdoc=self.env.docname,
            )
            mark += [
                nodes.Text(" "),
                nodes.reference(
                    "", "source", refuri=definition.source, classes=["source"]
                ),
            ]
            self.env.domains["std"].note_object(
                "definition", full, definition.name, location=mark
            )
            marks += [mark, nodes.Text(" ")]
        return [marks]


def setup(app):
    app.add_object_type(
        "definition", "definition", objname="definition", ref_nodeclass=nodes.literal
    )
    app.add_directive("definitions", Definitions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
