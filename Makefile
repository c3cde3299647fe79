# All set-up is done here: a fresh machine needs Python 3.10 or newer and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# CONSTRAINTS= installs the newest versions instead of the pinned ones
CONSTRAINTS ?= constraints.txt
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(addprefix -c ,$(CONSTRAINTS))
SETTINGS := settings.ini setup.py pyproject.toml constraints.txt
NOTEBOOKS := $(sort $(wildcard nbs/*.ipynb nbs/experiments/*.ipynb))
ifndef NN_FROM_SCRATCH_DATA  # absolute path of a folder with the files that these read
NOTEBOOKS := $(filter-out %/23_mnist.ipynb %/24_cup.ipynb %/25_speed.ipynb,$(NOTEBOOKS))
endif

.PHONY: help demo test parity sync lab notebooks bench wheel clean

help:
	@echo "make demo       train the README's network, print its scores, write its figures to demo/"
	@echo "make test       run every notebook and every test"
	@echo "make parity     compare every formula with PyTorch, and write tests/parity/parity.json"
	@echo "make lab        open the notebooks in JupyterLab"
	@echo "make notebooks  run all notebooks in place, so that their outputs are new; MNIST, ML-CUP and speed"
	@echo "                if NN_FROM_SCRATCH_DATA names the folder of their files"
	@echo "make bench      time the library against its peers, and write benchmarks/results/"
	@echo "make sync       clean the notebooks, export the package, write the README"
	@echo "make wheel      build the wheel into dist/"
	@echo "make clean      remove the environment and what was built"

# --- environment: one stamp for what the package needs, one for what its development needs
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; name one with: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: $(SETTINGS) | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/development: $(SETTINGS) | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/runtime

$(VENV)/parity: $(VENV)/development
	$(PIP) --editable '.[parity]'
	@touch $@

$(VENV)/benchmark: $(VENV)/runtime
	$(PIP) --editable '.[bench]'
	@touch $@

# --- use
demo: $(VENV)/runtime
	@$(BIN)/python -m nn_from_scratch moons --out demo

test: $(VENV)/development
	$(BIN)/python -m pytest --numprocesses auto

parity: $(VENV)/parity
	$(BIN)/python -m pytest tests/parity

lab: $(VENV)/development
	$(BIN)/jupyter lab nbs

# IN_TEST keeps the notebooks' last cell from exporting all notebooks once for each of them
notebooks: $(VENV)/development
	IN_TEST=1 $(BIN)/jupyter nbconvert --to notebook --inplace --execute --log-level WARN $(NOTEBOOKS)
	$(BIN)/jupyter nbconvert --to notebook --inplace --coalesce-streams --log-level WARN $(NOTEBOOKS)
	$(MAKE) sync

# The machine should have nothing else to do; BENCH='--only moons --rounds 3' is a part of it
bench: $(VENV)/benchmark
	$(BIN)/python benchmarks/run.py $(BENCH)

sync: $(VENV)/development
	$(BIN)/nbdev_clean
	$(BIN)/nbdev_export
	$(BIN)/python docs/readme.py

wheel: $(VENV)/development
	rm -rf build dist
	$(BIN)/python -m build --wheel --outdir dist .

clean:
	rm -rf $(VENV) build dist demo figures *.egg-info
