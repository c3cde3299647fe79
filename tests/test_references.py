"""Every work that text or docstrings cite is in the bibliography, once, and every work
of the bibliography is cited."""
import re
import sys

import pytest
from conftest import IN_REPOSITORY, ROOT

if not IN_REPOSITORY:
    pytest.skip("needs the repository", allow_module_level=True)
sys.path.insert(0, str(ROOT / "docs"))
import book
import citations

EVERYWHERE = [
    pytest.param(chapter, id=chapter.page.removeprefix("nbs/"))
    for chapter in book.chapters()
]


@pytest.mark.parametrize("chapter", EVERYWHERE)
def test_what_a_chapter_cites_is_in_the_bibliography(chapter):
    for cell in chapter.notebook.cells:
        for text in citations.said(cell):
            citations.cited(text)


@pytest.mark.parametrize("path", sorted((ROOT / "nn_from_scratch").rglob("*.py")))
def test_what_a_docstring_cites_is_in_the_bibliography(path):
    cell = book.nbformat.v4.new_code_cell(path.read_text())
    for text in citations.said(cell):
        citations.cited(text)


def test_every_work_is_cited():
    assert [key for key, chapters in citations.uses().items() if not chapters] == []


def test_entries_say_who_what_when_and_where():
    where = {"journal", "booktitle", "school", "institution", "howpublished", "eprint",
             "publisher", "url"}
    for key, entry in citations.entries().items():
        assert entry.persons["author"] and entry.fields["title"], key
        assert where & set(entry.fields), key
        assert re.fullmatch(rf"[a-z-]+-{entry.fields['year']}", key), key


@pytest.mark.parametrize("text, keys", [
    ("(Kingma and Ba, 2015)", {"kingma-2015"}),
    ("Adam. Kingma\n    and Ba (2015).", {"kingma-2015"}),
    ("(Radford et al., 2018, 2019)", {"radford-2018", "radford-2019"}),
    ("Huber's loss (1964)", {"huber-1964"}),
    ("(Gage, 1994; Sennrich et al., 2016)", {"gage-1994", "sennrich-2016"}),
    ("Smith (2018), Smith and Topin (2018)", {"smith-2018", "smith-topin-2018"}),
    ("Wager, Wang and Liang (2013)", {"wager-2013"}),
    ("$Nobody, 2015$, `Nobody (2015)`, in 2015", set()),
])
def test_a_citation_is_recognised(text, keys):
    assert citations.cited(text) == keys
    assert set(re.findall("<([^>]+)>`", citations.linked(text))) == keys


@pytest.mark.parametrize("text", [
    "(Nobody, 2015)", "Kingma (2015)", "Kingma et al. (2015)", "Kingma and Ba (2014)",
    "Rumelhart and Williams (1986)",
])
def test_an_unknown_work_is_an_error(text):
    with pytest.raises(citations.Unknown, match="no entry fits it"):
        citations.linked(text)


def test_links_keep_the_words():
    text = "So Ioffe\nand Szegedy (2015) say (see Huber, 1964)."
    assert citations.linked(text) == (
        "So {ref}`Ioffe and Szegedy (2015) <ioffe-2015>` say "
        "(see {ref}`Huber, 1964 <huber-1964>`)."
    )


def test_the_page_lists_each_work_with_the_chapters_that_cite_it():
    page = citations.page()
    listed = re.findall(r"^\(([a-z0-9-]+)\)=$", page, re.M)
    assert listed[0] == "amdahl-1967" and sorted(listed) == sorted(citations.entries())
    assert page.count("*Cited in* [") == len(citations.entries())
