"""The playground: it trains in the page, shows what its lessons are about, gives away
what runs elsewhere, and takes nothing on trust."""
import json
import re
import subprocess
import sys
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import SITE, Visit
from playwright.sync_api import expect

# one page, in which Python starts once, serves most of them
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("playground")]
OPENED = "playground/index.html"
LESSONS = json.loads((SITE / "playground/presets.json").read_text(encoding="utf-8"))
START = 180_000  # milliseconds for Python to start, on a busy machine
computes = pytest.mark.skipif(
    not [*(SITE / "lite/static/pyodide").glob("numpy-*.whl")],
    reason="the site has no Pyodide of its own with NumPy",
)


def begun(visit, address=OPENED):
    page = visit.open(address)
    page.locator("html[data-ready]").wait_for(state="attached")
    page.set_default_timeout(60_000)
    return page


def until(page, condition, timeout=60_000):
    "Wait for a condition; Playwright's own wait needs `eval`, which the page forbids."
    end = time.monotonic() + timeout / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < end, (condition, page.locator("#said").inner_text())
        page.wait_for_timeout(50)


def settled(page):
    "The network in Python is that of the settings."
    until(page, "playground.fresh && !playground.running", START)


@pytest.fixture(scope="module")
def play(browser, url):
    "A page whose Python has started."
    visit = Visit(browser, url)
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = begun(visit, f"{OPENED}#preset=two-moons")
    settled(page)
    yield page
    assert [error for error in visit.errors if "example.org" not in error] == []
    assert visit.foreign == []
    visit.context.close()


def go(page, fragment):
    "Follow a link to other settings, as another chapter's would."
    page.locator("[name=pen][value=look]").check()
    page.evaluate("""fragment => new Promise(done => {
        history.replaceState(null, '', '#')
        addEventListener('hashchange', () => setTimeout(done), {once: true})
        location.hash = fragment
    })""", fragment)
    settled(page)


def train(page, timeout=120_000):
    "Press the button and wait for the end; the last picture."
    before = page.evaluate("playground.ended")
    page.locator("#train").click()
    until(page, f"playground.ended > {before}", timeout)
    return picture(page)


def picture(page):
    "The last picture, its arrays as nested lists of Python."
    text = page.evaluate("""JSON.stringify(playground.picture, (key, value) =>
        ArrayBuffer.isView(value) ? [...value] : value)""")
    return json.loads(text)


def test_a_still_picture_stands_there_before_python_does(visit):
    page = begun(visit)
    assert page.evaluate("playground.picture.epoch") > 0
    tones = page.locator("#plane").evaluate("""canvas => {
        const {width, height} = canvas, context = canvas.getContext('2d')
        return new Set(context.getImageData(0, 0, width, height).data).size
    }""")
    assert tones > 50
    assert not [path for path in visit.weights if "pyodide" in path or ".whl" in path]
    assert visit.errors == [] and visit.foreign == []


def test_without_pyodide_it_says_so_and_what_to_do(visit):
    page = visit.page
    page.route(re.compile("pyodide.mjs|pypi/"), lambda route: route.abort())
    begun(visit)
    page.locator("#train").click()
    expect(page.locator("#trouble")).to_contain_text("could not be loaded")
    expect(page.locator("#trouble")).to_contain_text("start again")
    page.locator("#step").click()  # another attempt, not a page that hangs


def test_a_browser_without_webassembly_is_told(visit):
    visit.page.add_init_script("delete globalThis.WebAssembly")
    page = begun(visit)
    expect(page.locator("#trouble")).to_contain_text("cannot run Python")
    expect(page.locator("#train")).to_be_disabled()


@computes
def test_two_moons_within_seconds(play, capsys):
    go(play, "preset=two-moons")
    play.emulate_media(reduced_motion="no-preference")
    pressed = """[(performance.now()
        - performance.getEntriesByName('train').at(-1).startTime) / 1000,
        playground.pictures]"""
    play.locator("#train").click()
    until(play, "playground.picture.val_metric >= 0.95 && playground.picture.epoch")
    seconds, _ = play.evaluate(pressed)
    until(play, "!playground.running")
    whole, pictures = play.evaluate(pressed)
    settled(play)
    play.emulate_media(reduced_motion="reduce")
    with capsys.disabled():
        print(f"\n95 % on two moons after {seconds:.1f} s, "
              f"{pictures / whole:.0f} pictures a second")
    assert seconds < 10


def columns(picture, layer):
    "Weights of a layer, a list for each unit."
    W = picture["weights"][layer]["W"]
    rows, units = W["shape"]
    return [[W["data"][i * units + j] for i in range(rows)] for j in range(units)]


def equal_weights(last, page):
    units = columns(last, 0)
    assert len(units) > 1
    assert all(unit == pytest.approx(units[0], rel=1e-3) for unit in units)


def dead_relu(last, page):
    "Of units that answer 0 to every point that is trained on."
    x = page.evaluate("[...playground.data.x_train.data]")
    points = [*zip(x[::2], x[1::2])]
    bias = last["weights"][0]["b"]["data"]
    dead = [
        all(w[0] * x1 + w[1] * x2 + b <= 0 for x1, x2 in points)
        for w, b in zip(columns(last, 0), bias)
    ]
    assert sum(dead) >= len(dead) / 3


def saturation(last, page):
    assert last["gradients"][-1] > 100 * last["gradients"][0]


def gap(picture):
    return picture["val_loss"] - picture["train_loss"]


def overfitting(last, page):
    losses = last["history"]["val_loss"]["data"]
    assert losses[-1] > 1.2 * min(losses)
    assert last["val_loss"] > 2 * last["train_loss"]


def overfitting_stopped(last, page):
    go(page, "preset=overfitting")
    assert gap(last) < gap(train(page, START)) / 2


def restless(last, page):
    losses = [loss or float("inf") for loss in last["history"]["train_loss"]["data"]]
    rises = sum(after > before for before, after in zip(losses, losses[1:]))
    assert rises > len(losses) / 4


def batch_of_one(last, page):
    assert last["steps_in_epoch"] == page.evaluate("playground.data.x_train.shape[0]")
    restless(last, page)


def two_moons(last, page):
    assert last["val_metric"] >= 0.95


SHOWN = {
    "equal-weights": equal_weights, "dead-relu": dead_relu, "saturation": saturation,
    "overfitting": overfitting, "overfitting-stopped": overfitting_stopped,
    "high-rate": restless, "batch-of-one": batch_of_one, "two-moons": two_moons,
}


@computes
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson["name"])
def test_lesson_shows_what_it_is_about(play, lesson):
    go(play, f"preset={lesson['name']}")
    assert play.locator("#preset").input_value() == lesson["name"]
    expect(play.locator("#lesson-text")).to_contain_text(lesson["said"])
    chapter = play.locator("#lesson-text a").get_attribute("href")
    assert (SITE / "playground" / chapter).resolve().is_file()
    SHOWN[lesson["name"]](train(play, START), play)


@computes
def test_script_reaches_the_loss_of_the_page(play, tmp_path):
    go(play, "preset=two-moons")
    play.locator("#epochs").fill("12")
    play.locator("#epochs").press("Enter")
    until(play, "playground.settings.epochs === 12")
    settled(play)
    loss = train(play)["history"]["train_loss"]["data"][-1]
    play.locator("#copy-script").click()
    expect(play.locator("#away-said")).to_contain_text("clipboard")
    script = play.evaluate("navigator.clipboard.readText()")
    assert script == play.locator("#script").text_content()
    file = tmp_path / "script.py"
    file.write_text(script, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, file], capture_output=True, text=True, cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    # arrays arrive in the page as 32-bit numbers, of seven digits
    printed = re.search(r"loss after 12 epochs: (\S+)", run.stdout)[1]
    assert float(printed) == pytest.approx(loss, rel=3e-7)


@computes
def test_notebook_is_one(play):
    settled(play)
    with play.expect_download() as download:
        play.locator("#download-notebook").click()
    notebook = json.loads(download.value.path().read_text(encoding="utf-8"))
    code = "".join("".join(cell["source"]) for cell in notebook["cells"])
    assert notebook["nbformat"] == 4 and "nn_from_scratch" in code


@computes
def test_script_opens_in_jupyterlite(play):
    go(play, "preset=two-moons")
    with play.expect_popup() as popup:
        play.locator("#open-notebook").click()
    popup.value.wait_for_url(re.compile(r"lite/repl/index\.html\?.*code=.*Playground"))
    popup.value.close()


ADDRESS = (
    "data=spirals&n=120&noise=0.1&classes=3&validation=0.25"
    "&layers=6-relu-0.2-norm,5-sigmoid&loss=auto&optimizer=rmsprop&eta=0.03"
    "&schedule=cosine&regularizer=l2&strength=0.01&batch_size=all&initializer=he"
    "&epochs=7&seed=5"
)


@computes
def test_address_makes_the_settings_again(play):
    go(play, ADDRESS)
    settings = play.evaluate("playground.settings")
    assert settings["layers"][0] == {
        "units": 6, "activation": "relu", "dropout": 0.2, "batch_norm": True
    }
    assert settings["optimizer"] == "rmsprop" and settings["batch_size"] == "all"
    first = train(play)["train_loss"]
    play.locator("#copy-link").click()
    expect(play.locator("#away-said")).to_contain_text("clipboard")
    link = play.evaluate("navigator.clipboard.readText()")
    go(play, link.split("#")[1])
    assert play.evaluate("playground.settings") == settings
    assert train(play)["train_loss"] == first


@pytest.mark.parametrize("fragment", [
    "data=<img src=x onerror=alert(1)>", "data=moons&n=1e99", "layers=999-relu",
    "layers=3-relu-0.1-0.2", "__proto__=1&data=moons", "constructor=x&seed=1",
    "seed=-1", "eta=NaN", "preset=../../x", "preset=__proto__", "layers=3-__proto__",
    "data=points&task=classes&points=1_2_0.5", "data=points&points=1_2_3_4_5",
    "data=points&names={}&points=1_2_0", "data=moons&points=" + "1_1_1~" * 11_000,
    "optimizer=constructor", "n=", "layers=" + "3-relu," * 7,
])
def test_bad_address_is_refused_with_a_sentence(visit, fragment):
    page = begun(visit, f"{OPENED}#{fragment}")
    expect(page.locator("#trouble")).to_contain_text("address were not taken")
    assert page.evaluate("({}).constructor === Object && !Object.prototype[1]")
    assert page.locator("img, main script").count() == 0
    assert visit.errors == [] and visit.foreign == []


HOSTILE = "<img src=x onerror=document.title='taken'>"
TABLE = f"width,{HOSTILE},kind\n" + "".join(
    f"{i % 7},{i % 5},{HOSTILE if i % 2 else '__proto__'}\n" for i in range(40)
)


@computes
def test_table_is_data(play):
    go(play, "preset=two-moons")
    play.locator("#table-box").evaluate("box => box.open = true")
    play.locator("#csv").fill(TABLE)
    play.locator("#read-csv").click()
    until(play, "playground.settings.data.kind === 'table'")
    settled(play)
    assert sorted(play.evaluate("playground.data.labels")) == [HOSTILE, "__proto__"]
    assert play.locator("img, main script").count() == 0
    assert play.title().startswith("Playground")
    play.locator("#plane").hover(position={"x": 200, "y": 200})
    play.locator(".equation").first.wait_for()
    with play.expect_download() as download:
        play.locator("#save-svg").click()
    drawn = download.value.path().read_text(encoding="utf-8")
    assert "onerror" not in drawn and "<script" not in drawn
    train(play)
    assert play.title().startswith("Playground") and play.locator("img").count() == 0


@computes
@pytest.mark.parametrize(
    "text", ["no table", "1,2\n" * 60_000, "a,b,c\n,,\n", "\x00" * 50, "=1,=2,=3"],
    ids=["words", "huge", "empty", "zeros", "formulas"],
)
def test_what_is_no_table_is_refused_with_a_sentence(play, text):
    go(play, "preset=two-moons")
    play.locator("#csv").evaluate("(box, text) => { box.value = text }", text)
    play.locator("#table-box").evaluate("box => box.open = true")
    play.locator("#read-csv").click()
    expect(play.locator("#csv-said")).not_to_be_empty()
    assert play.evaluate("playground.settings.data.kind") != "table"


@computes
def test_network_is_saved_and_loaded(play):
    go(play, "preset=two-moons")
    train(play)
    before = picture(play)
    with play.expect_download() as download:
        play.locator("#save-network").click()
    stored = download.value.path().read_bytes()
    play.locator("#reset").click()
    until(play, "playground.picture.epoch === 0")
    settled(play)

    def load(content):
        play.locator("#away-said").evaluate("line => line.textContent = ''")
        play.locator("#load-network").set_input_files(
            {"name": "n", "mimeType": "application/octet-stream", "buffer": content}
        )
        expect(play.locator("#away-said")).not_to_be_empty()
        return play.locator("#away-said").inner_text()

    for bad in b"", b"nothing", stored[:100], b"\xff" * 4000, bytes(3_000_000):
        assert "loaded." not in load(bad)
    assert "is loaded" in load(stored)
    after = picture(play)
    assert after["weights"][0]["W"] == before["weights"][0]["W"]


@computes
def test_points_are_drawn_and_removed(play):
    go(play, "preset=two-moons")
    count = "playground.data.x_train.shape[0] + playground.data.x_val.shape[0]"
    before = play.evaluate(count)
    play.locator("[name=pen][value='1']").check()
    play.locator("#plane").click(position={"x": 200, "y": 60})
    assert play.evaluate(count) == before + 1
    settled(play)
    assert play.evaluate(count) == before + 1
    play.locator("[name=pen][value=remove]").check()
    play.locator("#plane").click(position={"x": 200, "y": 60})
    settled(play)
    assert play.evaluate(count) == before


@computes
def test_keyboard_alone(play):
    go(play, "preset=two-moons")
    play.locator("#train").focus()
    play.keyboard.press("Enter")
    until(play, "playground.running")
    play.keyboard.press("Enter")
    settled(play)
    play.keyboard.press("Tab")
    play.keyboard.press("Enter")
    expect(play.locator("#live")).to_contain_text("training loss")
    play.locator("#plane").focus()
    for key in "ArrowLeft", "ArrowUp", "Enter":
        play.keyboard.press(key)
    expect(play.locator("#equations-at")).to_contain_text("with the target")
    first = play.locator(".equation").first.locator("annotation").nth(1)
    assert re.search(r"begin\{bmatrix\}-?\d", first.text_content())
    play.keyboard.press("Escape")
    play.locator(".unit").nth(3).focus()
    play.keyboard.press("Enter")
    expect(play.locator("#numbers")).to_contain_text("bias")
    play.locator("#add-layer").focus()
    layers = play.evaluate("playground.settings.layers.length")
    play.keyboard.press("Enter")
    until(play, f"playground.settings.layers.length === {layers + 1}")
    # every control can be reached, in the order of the page
    unreachable = play.evaluate("""[...document.querySelectorAll(
        'button, select, input, textarea, a, summary')].filter(e => e.tabIndex < 0)
        .map(e => e.outerHTML)""")
    assert unreachable == []
    settled(play)


@computes
def test_checks_and_rates(play):
    go(play, "preset=two-moons")
    play.locator("#check").click()
    expect(play.locator("#check-said table")).to_be_visible(timeout=START)
    play.locator("#find-rate").click()
    expect(play.locator("#rate-said")).not_to_have_text("Trying rates.", timeout=START)
    expect(play.locator("#rate-curve")).to_be_visible()


@computes
def test_everyone_can_read_it_after_training(play):
    go(play, "preset=two-moons")
    train(play)
    play.locator("#plane").click(position={"x": 150, "y": 150})
    play.locator(".equation").first.wait_for()
    for theme in "light", "dark":
        play.evaluate(
            "theme => document.documentElement.dataset.theme = theme", theme
        )
        found = Axe().run(play, context={"exclude": [[".katex"]]}).response
        assert [
            (rule["id"], [node["target"] for node in rule["nodes"]][:4])
            for rule in found["violations"]
        ] == []


@computes
def test_fits_a_phone_after_training(play):
    play.set_viewport_size({"width": 390, "height": 844})
    go(play, "preset=two-moons")
    play.locator("#plane").click(position={"x": 150, "y": 150})
    play.locator(".equation").first.wait_for()
    wide = play.evaluate("""() => [...document.querySelectorAll('main *')]
        .filter(e => !e.closest('.tex, .scroll, .unseen'))
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .map(e => e.outerHTML.slice(0, 120))""")
    assert wide == []
    assert play.evaluate("document.documentElement.scrollWidth") <= 390
    play.set_viewport_size({"width": 1280, "height": 720})


@computes
def test_python_is_ended_in_a_long_epoch_and_starts_again(play):
    go(play, "data=moons&n=2000&layers=64-tanh,64-tanh,64-tanh,64-tanh&batch_size=1"
             "&epochs=2000&optimizer=adam&eta=0.001&seed=0")
    settings = play.evaluate("playground.settings")
    play.locator("#train").click()
    until(play, "playground.running")
    # the page answers meanwhile
    play.locator("#theme").click()
    play.locator("#slow").evaluate("box => box.hidden = false")
    play.evaluate("document.getElementById('restart').click()")
    until(play, "!playground.running")
    settled(play)
    assert play.evaluate("playground.settings") == settings
    assert play.evaluate("playground.picture.epoch") == 0


@computes
def test_no_other_host_is_asked_even_by_the_worker(play):
    "It lives under the page's policy, because it is made from a blob."
    (worker,) = play.workers
    assert "refused" == worker.evaluate(
        "fetch('https://example.org/').then(() => 'sent', () => 'refused')"
    )
    assert "EvalError" == worker.evaluate("""new Promise(done => setTimeout(() => {
        try { done(Function('return 1')()) } catch (error) { done(error.name) }
    }))""")


def test_page_makes_no_script_from_text(visit):
    page = begun(visit)
    assert page.evaluate("""() => {
        try { document.body.innerHTML = '<p>'; return 'taken' }
        catch (error) { return error.name }
    }""") == "TypeError"
