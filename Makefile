# `make` alone lists the targets.
SHELL := /bin/bash
BIN := .venv/bin
# The first Python of 3.11 to 3.13 that really starts.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c "$(FITS)" 2>/dev/null && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help run test lint lab data full comparisons scale evaluate export peers bench site

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1	\2/' | expand -t 20

run: .venv/installed ## set up, run the whole study on the embedded sample, show scores and where the board is
	@$(BIN)/python -m src.study.pipeline quick

test: .venv/installed lint ## lint, unit tests on two cores, all notebooks under nbval, one after the other: they share a run
	@$(BIN)/pytest -n 2 --dist worksteal
	@$(BIN)/pytest --nbval-lax --nbval-cell-timeout=900 notebooks/0*.ipynb

lint: .venv/installed ## ruff on code and notebooks; which room of src imports which
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-logo

lab: .venv/installed ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

data: .venv/installed ## fetch and convert the real data (SOURCES=table.json for a mirror)
	@$(BIN)/python DownloadData.py $(if $(SOURCES),--sources "$(SOURCES)")

full: .venv/installed ## the study on the real data, resumable; refreshes figures/ and notebooks/executed/ (EPOCHS=n shortens)
	@$(BIN)/python -m src.study.pipeline full $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(RUN),--run $(RUN))

comparisons: .venv/installed ## what one choice does, on the real data, into the run of `make full` (EPOCHS=n shortens)
	@$(BIN)/python -m src.study.pipeline comparisons $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(RUN),--run $(RUN))

scale: .venv/installed ## Ray, which reads folders on many machines (docs/scale.md)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-scale.txt

evaluate: .venv/installed ## notebook 04 on the real data with the shipped networks; refreshes figures/
	@$(BIN)/python -m src.study.pipeline evaluate

export: .venv/installed ## both networks as ONNX, LiteRT and LiteRT in int8, into weights/ (`make data` first)
	@$(BIN)/python -m src.predict.export

# tfjs-node, the faster backend of @vladmandic/human, fetches a library from outside the registry: WebAssembly instead.
peers: .venv/installed ## an environment, .venv-peers, with what `make bench` compares with (0.7 GB; human needs Node.js)
	@$(BIN)/python -m venv .venv-peers
	@.venv-peers/bin/pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements-peers.txt
	@if command -v npm >/dev/null; then npm install --silent --no-save --prefix .venv-peers @vladmandic/human@3.3.6 \
	  @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-converter@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0; \
	  else echo "npm was not found: @vladmandic/human is left out; install Node.js, then run this again"; fi

bench: .venv/installed ## every figure of speed, beside the original's and others' (`make data export peers` first)
	@for it in load training networks readers shell growth; do $(BIN)/python benchmarks/bench_$$it.py --save || exit 1; done
	@$(BIN)/python benchmarks/bench_photo.py --save $(if $(SOURCES),--sources "$(SOURCES)")
	@$(BIN)/python benchmarks/check_folder.py --save
	@$(BIN)/python benchmarks/tables.py

site: ## README, notebooks with outputs and documents as a web site, build/site (an environment, .venv-site: 0.3 GB)
	@$(or $(PYTHON),$(error No Python of 3.11 to 3.13 was found)) -m venv .venv-site
	@.venv-site/bin/pip install --quiet --disable-pip-version-check -r requirements-site.txt
	@rm -rf build/site  # what an earlier build has read, this one would not check again
	@.venv-site/bin/sphinx-build -q -W --keep-going -c docs . build/site
	@echo "build/site/index.html"

# cv2 needs libGL; where that is missing, the headless build does all that the study needs.
.venv/installed: requirements.txt pyproject.toml build_backend.py
	@test -n "$(PYTHON)" || { echo "No Python of 3.11 to 3.13 was found: install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "Making .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv .venv; }
	@echo "Installing requirements.txt (about 3.6 GB on disk, a few minutes)"
	@$(BIN)/python -m pip install --quiet --progress-bar on --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -c "import cv2" 2>/dev/null || { \
	  echo "cv2 does not load here (no libGL?): taking opencv-python-headless instead"; \
	  v=$$(sed -n 's/^opencv-python==//p' requirements.txt); \
	  $(BIN)/python -m pip uninstall --quiet -y opencv-python && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check opencv-python-headless==$$v && \
	  $(BIN)/python -c "import cv2"; }
	@touch $@
