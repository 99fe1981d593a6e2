# One door for a person and for the build machine. `make help` lists what there is.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
export PIP_DISABLE_PIP_VERSION_CHECK = 1

BIN := .venv/bin
SETUP := pyproject.toml resources/mint-requirements.txt $(wildcard installer/setup/*.sh)
# What the system must bring, asked for first: nobody should wait minutes before hearing that a package is missing.
LEVEL := $(if $(filter setup test test-installers check bench screenshots,$(MAKECMDGOALS)),test,demo)
# A stamp holds the folder it was made in: a copied or moved checkout is set up again, because an environment
# remembers where it was made.
fresh = $(shell [ "$$(cat $(1) 2>/dev/null)" = "$$(pwd)" ] || echo always)

.PHONY: help setup demo test check bench screenshots installers test-installers always

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=/path/to/python  use this Python (3.11 to 3.13) instead of the system's"
	@echo "  TORCH_INDEX=URL         fetch torch from this package index, such as one with CPU-only builds"

setup: .venv/made/test ## Install everything Hearth and its tests need

demo: .venv/made/demo ## Run the whole job end to end on this computer, on a network of its own
	@$(BIN)/hearth demo

test: check ## Check the code, then run every test
	@$(BIN)/pytest -n 2 --dist worksteal  # two at a time: most of them wait for other processes

check: .venv/made/test ## Format, lint, types and the contracts between the rooms
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/made/test ## Measure, and write tests/bench/RESULTS.md
	@$(BIN)/python -m tests.bench

screenshots: .venv/made/test ## Save a picture of every screen to build/screenshots
	@$(BIN)/python -m tests.ui.screenshots

installers: .venv/made/installers ## Build .deb, .rpm, .run and the Windows setup from the commit checked out, into dist
	@$(BIN)/python -m installer dist

test-installers: .venv/made/test installers ## Install, use, upgrade and remove on clean systems; root, takes minutes
	@installer/setup/clean-systems.sh

.venv/made/demo: $(SETUP) $(call fresh,.venv/made/demo)
	@installer/setup/system.sh $(LEVEL)
	@installer/setup/python.sh demo

.venv/made/test: .venv/made/demo $(call fresh,.venv/made/test)
	@installer/setup/system.sh test
	@installer/setup/python.sh test

.venv/made/installers: $(SETUP) $(call fresh,.venv/made/installers)
	@installer/setup/system.sh installers
	@installer/setup/python.sh installers
