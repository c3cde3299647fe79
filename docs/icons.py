"""Of the theme's icons only those in use: their glyphs of the font, and the style sheet
without the others' rules."""
import re
import sys
from pathlib import Path

import pydata_sphinx_theme
import sphinx_book_theme
from fontTools import subset

STYLE = "styles/pydata-sphinx-theme.css"
FONT = "vendor/fontawesome/webfonts/fa-solid-900.woff2"
ICON = re.compile(r'((?:\.fa-[\w-]+,?)+)\{--fa:"\\([0-9a-f]+)"\}')


def main(folder):
    "Write both to a folder of static files, where they take the place of the theme's."
    themes = [
        Path(theme.__file__).parent
        for theme in (pydata_sphinx_theme, sphinx_book_theme)
    ]
    used = {
        name
        for theme in themes
        for path in theme.rglob("*")
        if path.suffix in (".html", ".py") or path.match("scripts/*-theme.js")
        for name in re.findall(r"\bfa-[\w-]+", path.read_text(encoding="utf-8"))
    }
    static = themes[0] / "theme/pydata_sphinx_theme/static"

    def if_used(rule):
        return rule[0] if used & set(re.findall(r"fa-[\w-]+", rule[1])) else ""

    style = ICON.sub(if_used, (static / STYLE).read_text(encoding="utf-8"))
    own = Path(__file__).parent / "_static/site.css"
    sheets = style + own.read_text(encoding="utf-8")
    for name in (STYLE, FONT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / STYLE).write_text(style, encoding="utf-8")
    glyphs = [
        *re.findall(r'"\\([ef][0-9a-f]{3})', sheets),
        *(f"{ord(c):x}" for c in sheets if "\ue000" <= c <= "\uf8ff"),
    ]
    subset.main([
        str(static / FONT), f"--unicodes={','.join(glyphs)}", "--flavor=woff2",
        f"--output-file={folder / FONT}",
    ])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
