"""A table of one's own, as a user trains on it and predicts with it."""

import csv
import json
import sys

import numpy as np
import pytest

from nn_from_scratch import cli
from nn_from_scratch.cli import TableError
from nn_from_scratch.experiments.report import figures, report
from nn_from_scratch.experiments.table import load_model, run, target_of
from nn_from_scratch.storage import read
from nn_from_scratch.tables import (
    Category, Date, Number, Table, column_of, date_in, decimal_mark, number_in,
    read_table, table_from)

N = 120
rng = np.random.default_rng(0)
AGE = [f"{age:.1f}" for age in rng.normal(40, 10, N)]
CITY = [str(city) for city in rng.choice(["Rome", "Oslo, N", "Köln"], N)]
DAY = [str(day) for day in np.datetime64("2023-01-01") + rng.integers(0, 500, N)]
LABEL = ["stay" if (float(a) > 40) ^ (c == "Rome") else "leave"
         for a, c in zip(AGE, CITY)]
PRICE = [f"{50 * float(a) + 900 * (c == 'Rome'):.2f}" for a, c in zip(AGE, CITY)]
COLUMNS = {"age": AGE, "city": CITY, "day": DAY, "label": LABEL, "price": PRICE}


def write(path, columns, separator=",", encoding="utf-8"):
    "A file of columns of text."
    with open(path, "w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
    return path


def called(capsys, *arguments):
    "Status, what was printed and what was said, without the bar of the training."
    status = cli.main([*map(str, arguments)])
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if "nn-from-scratch" in line]
    return status, said.out, "\n".join(line[line.index("nn-from"):] for line in lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    "A trained model, its table and what was printed."
    path = tmp_path_factory.mktemp("table")
    columns = {"client": [str(i) for i in range(1, N + 1)], **COLUMNS}
    write(path / "clients.csv", columns)
    return path


@pytest.fixture(scope="module")
def model(folder):
    "The path of a model of `label`, trained by the command."
    out = folder / "clients.safetensors"
    line = ["train", folder / "clients.csv", "--target", "label", "--drop", "price",
            "--id", "client", "--out", out, "--epochs", "100"]
    assert cli.main([*map(str, line)]) == 0
    return out


def test_train_says_what_it_did_and_writes_it(folder, capsys):
    out = folder / "price.safetensors"
    line = ["train", folder / "clients.csv", "--target", "price", "--drop", "label",
            "--out", out, "--epochs", "50"]
    status, printed, said = called(capsys, *line)
    assert status == 0 and not said
    for text in ("age", "number, mean", "city", "a column for each of 3", "date",
                 "client  left out: another whole number in each row",
                 "label   left out: as asked",
                 "mean  ", "linear model", "network", "RMSE",
                 "predicts price, a number, from 3 columns", "learned from 77 rows",
                 "19 rows decided when to stop, and 24 rows were kept for the scores"):
        assert text in printed, text
    assert {path.name for path in folder.glob("price*")} == {
        "price.safetensors", "price_curve.png", "price_residuals.png",
        "price_report.html"}
    page = (folder / "price_report.html").read_text()
    assert page.startswith("<!doctype html>") and "http" not in page.replace(
        "http://www.w3.org", "")
    assert page.count("<img alt=") == page.count("<img") == 2
    status, printed, said = called(capsys, *line)
    assert status == 1 and "is there already; --force" in said and not printed


def test_predictions_are_those_of_the_model(folder, model, capsys):
    status, printed, said = called(capsys, "predict", model, folder / "clients.csv")
    rows = [*csv.reader(printed.splitlines())]
    assert status == 0 and rows[0] == [
        "client", "label", "probability of leave", "probability of stay"]
    assert [row[0] for row in rows[1:]] == [str(i) for i in range(1, N + 1)]
    right = np.mean([row[1] == label for row, label in zip(rows[1:], LABEL)])
    assert right > 0.8 and "columns that are not used: label, price" in said
    P = np.array([row[2:] for row in rows[1:]], float)
    assert np.allclose(P.sum(axis=1), 1, atol=1e-6)
    best = np.array(["leave", "stay"])[P.argmax(axis=1)]
    assert best.tolist() == [row[1] for row in rows[1:]]


def test_another_order_another_format_and_gaps_are_said(folder, model, capsys):
    table = write(folder / "new.csv", {
        "day": ["01.03.2023", ""], "city": ["Paris", "Rome"], "age": ["39,5", "?"],
    }, ";")
    out = folder / "answers.csv"
    status, printed, said = called(capsys, "predict", model, table, "--out", out)
    assert status == 0 and printed == f"2 predictions in {out}\n"
    for text in ("in another order than in training", "age: 1 missing ('?'): the med",
                 "city: 1 of other categories: 'Paris'", "day: 1 missing (empty)"):
        assert text in said, (text, said)
    assert out.read_text().splitlines()[0].startswith("label,probability of leave")
    assert called(capsys, "predict", model, table, "--out", out)[0] == 1
    line = ["predict", model, "--data", table, "--out", out, "--force"]
    assert called(capsys, *line)[0] == 0


@pytest.mark.parametrize("change, said", [
    (lambda c: c.pop("age"), "missing columns: 'age'; the table has 'city', 'day'"),
    (lambda c: c.update(age=["old", "young"]), "age: expected numbers, got 'old', "),
    (lambda c: c.update(day=["1", "2"]), "day: expected dates, got '1', '2'"),
    (lambda c: c.update(city=["1", "2.5"]), "city: expected categories such as 'K"),
])
def test_a_table_that_does_not_fit(change, said, folder, model, capsys):
    columns = {name: COLUMNS[name][:2] for name in ("age", "city", "day")}
    change(columns)
    status, printed, error = called(
        capsys, "predict", model, write(folder / "misfit.csv", columns))
    assert status == 2 and said in error and "misfit.csv" in error and not printed


def test_a_model_is_stored_without_anything_that_runs(model):
    content, _ = read(model)
    stored = content["notes"]["table"]
    assert json.loads(json.dumps(stored)) == stored and stored["target"] == "label"
    assert [kind for kind, _ in stored["columns"]] == ["Number", "Category", "Date"]
    damaged = bytearray(model.read_bytes())
    place = damaged.index(b"Oslo")
    damaged[place:place + 4] = b"Rome"
    other = model.with_name("damaged.safetensors")
    other.write_bytes(damaged)
    assert cli.main(["predict", str(other), "x.csv"]) == 2


@pytest.mark.parametrize("name", ["frame", "parquet"])
def test_frames_and_parquet_give_the_same_model(name, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({
        "age": [float(age) for age in AGE], "city": CITY, "label": LABEL,
        "day": pandas.to_datetime(DAY), "vip": [i % 3 == 0 for i in range(N)]})
    table = table_from(frame)
    if name == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(tmp_path / "table")
        table = read_table(tmp_path / "table")
    written = write(tmp_path / "t.csv", table.columns, "\t")
    first, second = (run(t, "label", epochs=3) for t in (table, read_table(written)))
    assert first.scores == second.scores and first.columns == second.columns


def test_polars_frames_are_tables():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1.5, None], "b": [True, False]})
    assert table_from(frame).columns == {"a": ["1.5", ""], "b": ["True", "False"]}


def test_parquet_without_its_packages_says_which_extra(tmp_path, monkeypatch, capsys):
    (tmp_path / "t").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pandas", None)
    status, _, said = called(capsys, "train", tmp_path / "t", "--target", "y",
                             "--out", tmp_path / "m")
    assert status == 1 and "pip install 'nn-from-scratch-book[tables]'" in said


@pytest.mark.parametrize("text, said", [
    ("", "expected a line of names"),
    ("a,b\n", "expected a line of names and lines of values"),
    ("1,2\n3,4\n", "expected names of the columns in the first line, got the numbers"),
    ("1,5;2;7\n3,5;4;8\n", "expected names of the columns in the first line, got the"),
    ("a,b\n1,2\n3\n", "line 3: expected 2 cells, as the first line has, got 1"),
    ("a,b\n1,2,3\n", "line 2: expected 2 cells, as the first line has, got 3"),
    (b"PK\3\4", "of a spreadsheet, save the sheet as CSV"),
    (b"\0\1\2", "expected CSV, TSV or Parquet"),
    (b"PAR1", "not a whole Parquet file"),
    ("a,b\n1,2\n", "no column 'y': the table has 'a', 'b'"),
    ("y,b\n1,2\n", "no column to predict from: 'b' is left out ('2' in each row)"),
    ("y,b\n1,2\n1,3\n", "at least 20 rows with a target to train and test on, got 2"),
    ("y,b\n" + "1,2\n1,3\n" * 30, "the target 'y' is '1' in each row that is left"),
    ("y,b\n" + "?,2\n,3\n" * 30, "the target 'y' is empty"),
    ("y,b\n" + "".join(f"w{i},{i % 7}\n" for i in range(60)), "no classes"),
])
def test_a_table_that_nothing_is_learned_from(text, said, tmp_path, capsys):
    if text == b"PAR1":
        pytest.importorskip("pyarrow")
    table = tmp_path / "table.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    status, printed, error = called(
        capsys, "train", table, "--target", "y", "--out", tmp_path / "m")
    assert status == 2 and said in error and error.count("\n") == 0 and not printed
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize("arguments", [
    ["train"], ["train", "t.csv"], ["train", "t.csv", "--target", "y", "--task", "x"],
    ["train", "t.csv", "--target", "y", "--test-share", "0.9"],
    ["predict", "m", "t.csv", "--data", "t.csv"], ["predict", "m"],
])
def test_wrong_arguments(arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    said = capsys.readouterr()
    assert end.value.code == 2 and said.err.count("\n") == 1 and not said.out


@pytest.mark.parametrize("command", [[], ["train"], ["predict"]])
def test_help_has_examples_and_exit_statuses(command, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([*command, "--help"])
    page = capsys.readouterr().out
    assert end.value.code == 0 and "examples:" in page and "exit status:" in page
    assert max(map(len, page.splitlines())) <= 90


def test_ctrl_c_writes_nothing(folder, tmp_path, capsys, monkeypatch):
    def pressed(*arguments, **options):
        raise KeyboardInterrupt
    monkeypatch.setattr("nn_from_scratch.estimators.NetworkClassifier.fit", pressed)
    status, printed, said = called(
        capsys, "train", folder / "clients.csv", "--target", "label",
        "--out", tmp_path / "m")
    assert status == 130 and "stopped by Ctrl-C" in said and not printed
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_is_not_there(folder, capsys):
    line = ["train", folder / "clients.csv", "--target", "label", "--out", "no/m"]
    status, _, said = called(capsys, *line)
    assert status == 1 and "expected a folder to write to, got no" in said


@pytest.mark.parametrize("cell, point, comma", [
    ("1,234.5", 1234.5, None), ("1.234,5", None, 1234.5), ("1,234", 1234, 1.234),
    ("0.997", 0.997, None), ("-.5", -0.5, None), ("1e-3", 0.001, 0.001),
    ("007", None, None), ("inf", None, None), ("1,23,4", None, None), ("١", None, None),
    ("9e999", None, None), ("12 %", None, None), ("", None, None),
])
def test_numbers_as_people_write_them(cell, point, comma):
    assert number_in(cell, ".") == point and number_in(cell, ",") == comma


def test_nine_of_ten_cells_are_enough():
    cells = [f"{number}.5" for number in range(9)] + ["unknown"]
    assert isinstance(column_of("length", cells), Number)
    assert not isinstance(column_of("length", [*cells, "lost"]), Number)


def test_the_decimal_mark_is_that_of_most_cells():
    assert decimal_mark(["1,5", "2,25", "3"]) == ","
    assert decimal_mark(["1,500.5", "2,250"]) == "."
    assert decimal_mark(["1.234"], ",") == "," and decimal_mark(["1.234"]) == "."


@pytest.mark.parametrize("cell, date", [
    ("2024-03-01", (2024, 3, 1, 0)), ("2024-03-01T12:30:00Z", (2024, 3, 1, 12)),
    ("1.3.2024", (2024, 3, 1, 0)), ("3/1/2024 3:05 PM", (2024, 3, 1, 15)),
    ("3/1/2024 3:05 Pm", (2024, 3, 1, 15)), ("3/1/2024 12:05 aM", (2024, 3, 1, 0)),
    ("1 Mar 2024", (2024, 3, 1, 0)), ("March 1, 2024", (2024, 3, 1, 0)),
    ("12:30", None), ("2024-02-30", None), ("May", None), ("", None),
    ("2024-03-01 9:75", None), ("2024-03-01 25:00", None)])
def test_dates(cell, date):
    found = date_in(cell, "month")
    assert (found and (found.year, found.month, found.day, found.hour)) == date


def test_kinds_of_columns():
    many = range(40)
    kinds = {
        "number": [str(i * i % 37) for i in many], "zip": ["02139", "10001"] * 20,
        "boolean": ["true", "false"] * 20, "mixed": ["4", "7", "n/a", "9"] * 10,
        "words": ["1", "2", "3", "low"] * 10, "rare": [f"c{i % 17}" for i in many],
        "one or none": ["yes", ""] * 20, "when": ["31/12/2024", "01/02/2024"] * 20}
    found = {name: type(column_of(name, cells)) for name, cells in kinds.items()}
    assert found == {
        "number": Number, "zip": Category, "boolean": Category, "mixed": Number,
        "words": Category, "rare": Category, "one or none": Category, "when": Date}
    assert column_of("when", kinds["when"]).order == "day"
    left_out = {
        "row": [str(i) for i in many], "user_id": [str(i * 7) for i in many],
        "customerID": [str(i * 7) for i in many], "hash": [f"x{i * 77}" for i in many],
        "text": [f"it was the {i}th of all days" for i in many],
        "constant": ["3"] * 40, "empty": ["", "NA"] * 20}
    assert all(isinstance(column_of(*pair), str) for pair in left_out.items())


def test_what_columns_become():
    number = Number("x")
    values = number.read(["1", "2", "?", "9"])
    number.fit(values)
    assert number.median == 2 and number.names == ["x", "x: missing"]
    z, gap = number.encode(values).T
    assert abs(z.mean()) < 1e-12 and abs(z.std() - 1) < 1e-12
    assert gap.tolist() == [0, 0, 1, 0]
    assert number.encode(np.array([1e140]))[0, 0] == 10
    category = Category("c")
    values = category.read(["a"] * 3 + ["b"] * 3 + ["z", ""])
    category.fit(values)
    assert category.names == ["c: a", "c: b", "c: other", "c: missing"]
    assert (category.encode(values).sum(axis=1) == 1).all()
    assert category.encode(category.read(["new"])).tolist() == [[0, 0, 1, 0]]
    date = Date("d")
    date.fit(date.read(["2024-01-01", "2023-07-02", ""]))
    X = date.encode(date.read(["2024-03-04", ""]))
    assert X.shape == (2, len(date.names)) and X[0, 2:].nonzero()[0].tolist() == [2, 12]
    assert not X[1, 2:].any() and X[1, 1] == 1
    assert "hour" not in str(date)
    times = Date("d")
    times.fit(times.read(["2024-01-01 06:00", "2024-01-01 18:00"]))
    assert times.names[:2] == ["d: year", "d: hour"] and "year, hour" in str(times)
    assert times.encode(times.read(["2024-01-01 18:00"]))[0, 1] == 1


def test_targets_and_their_tasks():
    table = Table({"few": ["1", "2", "3"] * 20, "real": [f"{i}.5" for i in range(60)],
                   "word": ["a", "b", ""] * 20,
                   "rare": ["a"] * 30 + ["b"] * 29 + ["c"]})
    found = {name: target_of(table, name) for name in table.columns}
    assert {name: goal.task for name, goal in found.items()} == {
        "few": "classify", "real": "regress", "word": "classify", "rare": "classify"}
    assert any("20 rows without a target" in note for note in found["word"].notes)
    assert any("class 'c' has 1 rows" in note for note in found["rare"].notes)
    assert target_of(table, "few", "regress").y.dtype == float
    with pytest.raises(TableError, match="classes are predicted with --task classify"):
        target_of(table, "word", "regress")


@pytest.mark.parametrize("target", ["label", "price"])
def test_a_column_that_gives_the_target_away_is_named(target):
    leak = {"label": [{"stay": "S", "leave": "L"}[label] for label in LABEL],
            "price": [str(2 * float(price) - 7) for price in PRICE]}[target]
    columns = {"age": AGE, "leak": leak, "city": CITY, target: COLUMNS[target]}
    notes = " ".join(run(Table(columns), target, epochs=1).notes)
    assert "leak alone tells the target" in notes and "age alone" not in notes


def test_test_rows_teach_nothing():
    "Rows of the test part may be anything: what is learned stays the same."
    first = run(Table({"age": AGE, "city": CITY, "label": LABEL}), "label", epochs=2)
    tested = first.parts.test
    age, city = AGE[:], CITY[:]
    for i in tested:
        age[i], city[i] = "9999", "nowhere"
    second = run(Table({"age": age, "city": city, "label": LABEL}), "label", epochs=2)
    assert np.array_equal(first.parts.test, second.parts.test)
    assert np.array_equal(first.model.estimator.network_.theta,
                          second.model.estimator.network_.theta)
    assert first.model.columns == second.model.columns


def test_names_and_cells_cannot_break_the_report():
    columns = {"<b>age</b>": AGE, "city & 'more'": CITY, "<script>": LABEL}
    result = run(Table(columns), "<script>", epochs=1)
    page = report(result, figures(result))
    assert "<script>" not in page and "<b>age" not in page and "&lt;script&gt;" in page


def test_encodings_and_separators_give_the_same_table(tmp_path):
    tables = [
        read_table(write(tmp_path / "t", COLUMNS, separator, encoding))
        for separator, encoding in (
            (",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), ("|", "cp1252"))]
    assert all(table.columns == COLUMNS for table in tables)
    assert "read as Windows-1252" in tables[3].notes[0]


def test_a_network_that_an_estimator_has_stored_predicts_too(tmp_path, capsys):
    from nn_from_scratch.estimators import NetworkRegressor
    X = np.random.default_rng(0).normal(size=(50, 2))
    estimator = NetworkRegressor((4,), epochs=2, random_state=0).fit(X, 1000 + X[:, 0])
    estimator.save(tmp_path / "m")
    (tmp_path / "t.csv").write_text("0.5,1\n")
    status, printed, _ = called(capsys, "predict", tmp_path / "m", tmp_path / "t.csv")
    expected = estimator.predict([[0.5, 1]])[0]
    assert status == 0 and printed.splitlines()[0] == "output_1"
    assert float(printed.splitlines()[1]) == pytest.approx(float(expected))


def test_a_model_comes_back_as_it_was(model):
    assert load_model(model).columns[0].name == "age"
    assert load_model(model).ids == ["client"]
