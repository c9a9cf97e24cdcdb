# Every target sets up what it needs; a second run is fast. Nothing but Python (3.11 or newer), make and git is expected.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help install chat test eval gate bench-add bench-ask torture lint clean
.DELETE_ON_ERROR:

help:
	@echo "make chat   sync corpus/ and open the chat page (PORT=8000 to choose a port)"
	@echo "make test   run all tests"
	@echo "make eval   ask the fixed questions (fit and dev); tables, figures and an HTML report"
	@echo "make gate   ask the dev questions; fails on a significant loss or a broken promise"
	@echo "make bench-add, bench-ask   how fast articles are added and questions answered; hours, resumable, tables in .bench/"
	@echo "make torture   kill -9 at 200 random moments; fails if anything acknowledged is lost"
	@echo "make lint   formatting, lint and types"
	@echo "make clean  remove the virtual environment and the data folder"

install: $(READY)

# pip leaves what is installed and still fits (torch, say) as it is
$(READY): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --editable . --group dev
	@touch $@

chat: $(READY)
	$(BIN)/assistant chat --sync --open $(if $(PORT),--port $(PORT))

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadfile

eval: $(READY)
	$(BIN)/assistant eval run --split fit --split dev

gate: $(READY)
	$(BIN)/assistant eval check
	$(BIN)/assistant eval gate

bench-add: $(READY)
	$(BIN)/python -m evals.bench.add

bench-ask: $(READY)
	$(BIN)/python -m evals.bench.ask

torture: $(READY)
	$(BIN)/python -m evals.bench.torture

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .assistant .eval .bench
