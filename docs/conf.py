"""Sphinx's configuration. `make docs` assembles what it reads, see assemble.py."""
import sys
from pathlib import Path

from docutils import nodes

sys.path.insert(0, str(Path(__file__).parent))
import book
import lite
from nn_from_scratch.playground import presets

project = book.SETTINGS["title"]
author = book.SETTINGS["author"]
copyright = book.SETTINGS["copyright"]
version = release = book.SETTINGS["version"]
language = "en"
# the landing page's source; a module without a lesson
exclude_patterns = ["nbs/index.ipynb", "nbs/main.ipynb"]

extensions = [
    "myst_nb", "reader", "sphinx_copybutton", "sphinxext.opengraph", "sphinx_sitemap",
    "notfound.extension", "sliders",
]
nb_custom_formats = {".ipynb": ["reader.read", {}]}
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"
myst_enable_extensions = ["attrs_block", "dollarmath"]
myst_heading_anchors = 3
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static", "../build/static"]
templates_path = ["_templates"]
html_css_files = ["katex/katex.min.css", "site.css"]
html_js_files = [("tables.js", {"type": "module"})]
html_favicon = "_static/favicon.svg"
html_sidebars = {"**": ["title.html", "search-button-field.html", "contents.html"]}
html_context = {"default_mode": "auto"}
html_math_renderer = "katex"
html_domain_indices = False
html_use_index = False
html_show_sphinx = False
html_baseurl = f"{book.SETTINGS['doc_host']}{book.SETTINGS['doc_baseurl']}/"
html_theme_options = {
    "repository_url": book.SETTINGS["git_url"],
    "repository_branch": book.SETTINGS["branch"],
    "use_repository_button": True,
    "use_edit_page_button": True,
    "use_fullscreen_button": False,
    "launch_buttons": {
        "colab_url": "https://colab.research.google.com",
        "binderhub_url": "https://mybinder.org",
        "notebook_interface": "jupyterlab",
    },
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_selector = "div.highlight:not(.highlight-none, .output *) pre"
ogp_site_url = html_baseurl
sitemap_url_scheme = "{link}"
sitemap_excludes = ["search.html", "404.html"]
notfound_urls_prefix = f"{book.SETTINGS['doc_baseurl']}/"
notfound_context = {
    "title": "Not found",
    "body": "<h1>Not found</h1>\n<p>There is no such page. The contents are at the "
    "left, and the search finds words of all chapters.</p>",
}


def formula(tag):
    "What a formula is on the page until KaTeX sets it: its source."
    def visit(self, node):
        start = self.starttag(node, tag, "", CLASS="math")
        self.body.append(f"{start}{self.encode(node.astext())}</{tag}>")
        raise nodes.SkipNode
    return visit


def page_context(app, page, template, context, doctree):
    """KaTeX only where there is mathematics; written pages are edited in docs/,
    generated ones not at all; the first has a title of its own."""
    def is_formula(node):
        return isinstance(node, (nodes.math, nodes.math_block))
    if doctree and any(doctree.findall(is_formula)):
        for script in ("katex/katex.min.js", "math.js"):
            app.add_js_file(script, defer="defer")
    if (Path(__file__).parent / f"{page}.md").exists():
        context["doc_path"] = "docs"
    if page == app.config.root_doc:
        context["title"] = book.SETTINGS["description"].split(":")[0]
    if page.startswith("api/") or page in ("benchmarks", "bibliography"):
        context["page_source_suffix"] = ""


def tables_of_meanings(app, doctree):
    "Tables whose last column is a sentence: on a phone it stands below the others."
    for table in doctree.findall(nodes.table):
        if next(table.findall(nodes.entry)).astext() in ("symbol", "argument"):
            table["classes"].append("meanings")


def run_button(app, page, template, context, doctree):
    """Before the buttons that leave the site, one that opens the chapter as a live
    notebook within it, or in its place why there is none."""
    if url := lite.run_url(page):
        button = {
            "type": "link", "text": "Run",
            "tooltip": f"Run in this browser: {lite.FIRST_START}",
            "icon": "fas fa-play", "label": "run", "url": context["pathto"](url, 1),
        }
        context["header_buttons"].insert(0, button)
    elif reason := lite.left_out(page):
        context["body"] = context["body"].replace(
            "</h1>",
            "</h1>\n<p class=\"not-run\">This chapter does not run in a browser: "
            f"{reason}.</p>", 1,
        )


def lessons(app, page, template, context, doctree):
    "Below a chapter's title, links to its lessons in the playground."
    links = ", ".join(
        f'<a href="{context["pathto"]("playground/index.html", 1)}#preset='
        f'{lesson["name"]}">{lesson["title"]}</a>'
        for lesson in presets() if page == f"nbs/{Path(lesson['chapter']).stem}"
    )
    if links:
        said = f'</h1>\n<p class="lessons">In the playground: {links}.</p>'
        context["body"] = context["body"].replace("</h1>", said, 1)


def setup(app):
    app.add_html_math_renderer("katex", (formula("span"), None), (formula("div"), None))
    app.connect("doctree-read", tables_of_meanings)
    app.connect("html-page-context", page_context)
    app.connect("html-page-context", lessons)
    app.connect("html-page-context", run_button, priority=502)  # after the theme's own
