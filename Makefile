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
NOTEBOOKS := $(filter-out %/53_mnist.ipynb %/54_cup.ipynb %/55_speed.ipynb %/57_images.ipynb %/58_names.ipynb %/59_text.ipynb,$(NOTEBOOKS))
endif

KATEX := 0.19.1

.PHONY: help demo test faults fuzz dask parity sync lab notebooks bench docs docs-serve browser wheel clean

help:
	@echo "make demo       train the README's network, print its scores, write its figures to demo/"
	@echo "make test       run the notebooks, but for what takes files or minutes, and the tests"
	@echo "make faults     kill processes that store a run, KILLS=200 times, and count what is lost"
	@echo "make fuzz       try bad input for SECONDS=60, and print how many cases there were"
	@echo "make dask       search and train on several processes of this machine, and kill some of them"
	@echo "make parity     compare formulas with PyTorch, and write tests/parity/parity.json"
	@echo "make lab        open the notebooks in JupyterLab"
	@echo "make notebooks  run all notebooks in place, so that their outputs are new; those that read MNIST, ML-CUP or texts"
	@echo "                if NN_FROM_SCRATCH_DATA names the folder of their files"
	@echo "make bench      time the library against its peers, and write benchmarks/results/"
	@echo "make docs       build the site into _site/, and check its links; needs npm, which fetches KaTeX"
	@echo "                PYODIDE_URL=... is the address, or a local copy, of the Pyodide that its notebooks run with"
	@echo "make docs-serve show it at http://localhost:8000"
	@echo "make browser    open every page of the built site in Chromium"
	@echo "                ALL=1 also compares the colours of every page, in both themes, and runs every live chapter: an hour"
	@echo "make sync       clean the notebooks, export the package, write the README"
	@echo "make wheel      build the wheel and the source distribution into dist/, the same bytes each time"
	@echo "make clean      remove the environment and what was built"

# --- environment: one stamp for what the package needs, one for each extra of settings.ini
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; name one with: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: $(SETTINGS) | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(addprefix $(VENV)/,dev parity bench docs browser): $(VENV)/%: $(SETTINGS) | $(BIN)/python
	$(PIP) --editable '.[$*]'
	@touch $@ $(VENV)/runtime

$(VENV)/parity: $(VENV)/dev
$(VENV)/browser: $(VENV)/docs

build/pyodide: docs/pyodide.py $(VENV)/docs
	rm -rf $@
	$(BIN)/python docs/pyodide.py $@

# What the site's pages load: the parts of KaTeX that they use, and the theme's icons that they use
build/static: docs/icons.py docs/_static/site.css Makefile $(VENV)/docs
	rm -rf $@ && mkdir -p $@/katex/fonts
	npm install --silent --no-save --prefix build katex@$(KATEX)
	cp build/node_modules/katex/dist/katex.min.css build/node_modules/katex/dist/katex.min.js $@/katex
	cp build/node_modules/katex/dist/fonts/*.woff2 $@/katex/fonts
	$(BIN)/python docs/icons.py $@

# --- use
demo: $(VENV)/runtime
	@$(BIN)/python -m nn_from_scratch moons --out demo --force

test: $(VENV)/dev
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

KILLS ?= 200
faults: $(VENV)/dev
	KILLS=$(KILLS) $(BIN)/python -m pytest --quiet tests/faults

SECONDS ?= 60
fuzz: $(VENV)/dev
	$(BIN)/python tests/fuzz.py $(SECONDS)

dask: $(VENV)/dev
	$(BIN)/python -m pytest tests/dask

parity: $(VENV)/parity
	$(BIN)/python -m pytest tests/parity

lab: $(VENV)/dev
	$(BIN)/jupyter lab nbs

# IN_TEST keeps the notebooks' last cell from exporting all notebooks once for each of them
notebooks: $(VENV)/dev
	IN_TEST=1 $(BIN)/jupyter nbconvert --to notebook --inplace --execute --log-level WARN $(NOTEBOOKS)
	$(BIN)/jupyter nbconvert --to notebook --inplace --coalesce-streams --log-level WARN $(NOTEBOOKS)
	$(MAKE) sync

# The machine should have nothing else to do; BENCH='--only moons --rounds 3' is a part of it
bench: $(VENV)/bench
	$(BIN)/python benchmarks/run.py $(BENCH)

sync: $(VENV)/dev
	$(BIN)/nbdev_clean
	$(BIN)/nbdev_export
	$(BIN)/python docs/readme.py

# myst-nb writes next to its output, hence the detour
docs: build/static
	$(BIN)/python docs/assemble.py
	$(BIN)/sphinx-build -c docs -W --keep-going --quiet --jobs auto --fresh-env --doctree-dir build/doctrees build/site build/html
	rm -rf _site && cp -r build/html _site
	$(BIN)/python docs/lite.py
	$(BIN)/python docs/playground.py
	$(BIN)/python -m pytest --quiet tests/site

docs-serve: docs
	$(BIN)/python -m http.server --directory _site

browser: $(VENV)/browser
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup tests/browser $(if $(ALL),--all)

# The files in them are as old as the last commit, whoever builds them and when
wheel: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
wheel: $(VENV)/dev
	rm -rf dist *.egg-info/SOURCES.txt
	umask 022 && $(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf $(VENV) build dist demo figures _site *.egg-info
