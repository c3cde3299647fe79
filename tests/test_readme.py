"""The README's code, pasted into a fresh interpreter, does what the README shows."""
import re
import subprocess
import sys


def test_code_blocks_run_and_print_what_they_show(repository, tmp_path):
    text = (repository / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert len(blocks) >= 2
    code = (
        "\n".join(blocks)
        + "\nscores = model.evaluate(x_test, y_test, SingleClassError())"
        + "\nprint(scores['single_class_error'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    shown = re.search(r"^    (\{'loss'.*\})$", text, re.M).group(1)
    assert (
        abs(float(run.stdout.split()[-1]) - eval(shown)["single_class_error"]) <= 0.005
    )
    # a bar is shown where training takes longer than a second
    assert not re.sub(r".*epoch.*|\s", "", run.stderr)


def test_links_lead_somewhere(repository):
    text = (repository / "README.md").read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert len(links) > 15 and all((repository / link).exists() for link in links), (
        links
    )


def test_every_chapter_is_in_the_table(repository):
    text = (repository / "README.md").read_text()
    chapters = [
        path.relative_to(repository).as_posix()
        for path in (repository / "nbs").rglob("[0-9]*.ipynb")
    ]
    assert all(
        f"({chapter})" in text
        for chapter in chapters
        if "main" not in chapter and ".ipynb_checkpoints" not in chapter
    )
