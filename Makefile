# make run    installs, builds both datasets, runs all notebooks, builds tables, reports, web page
# make test   lint, tests, and a quick run of every notebook
.PHONY: install run quick repeats sweep optuna reports submission check benchmark pins test clean
.DELETE_ON_ERROR:

export KERAS_BACKEND := tensorflow
BIN := .venv/bin
INSTALLED := .venv/.installed
OPTUNA := .venv/.optuna
PEERS := .venv/.peers

install: $(INSTALLED)

run: $(INSTALLED)
	$(BIN)/python tools/run_notebooks.py
	$(BIN)/python tools/build_reports.py

quick: $(INSTALLED)
	QUICK=1 $(BIN)/python tools/run_notebooks.py

repeats: $(INSTALLED)
	$(BIN)/python tools/run_repeats.py
	$(BIN)/python tools/build_reports.py

# a worker of the study; for several machines: STORAGE=postgresql+psycopg://… make sweep
sweep: $(OPTUNA)
	@$(BIN)/python tools/sweep.py $(OPTIONS)

optuna: $(OPTUNA)

reports: $(INSTALLED)
	$(BIN)/python tools/build_reports.py

# the zips that the brief asks for: make submission GROUP=13
submission: $(INSTALLED)
	@$(BIN)/python tools/make_submission.py "$$GROUP"

# every requirement of the brief; CHECKED='1.2.1 2.2' are those sections alone
check: $(INSTALLED)
	@$(BIN)/python -m pytest tests/brief --requirements "$$CHECKED"

benchmark: $(PEERS)
	$(BIN)/python benchmarks/line_dataset.py
	$(BIN)/python benchmarks/augmentation.py
	$(BIN)/python benchmarks/visualization.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/trials.py
	$(BIN)/python benchmarks/live_page.py

pins: $(INSTALLED)
	sh tools/check_pins.sh

test: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m pytest
	QUICK=1 $(BIN)/python tools/run_notebooks.py

clean:
	rm -rf build submission .venv

# PYTHON=python3.11 make … chooses one of the three
$(INSTALLED): requirements.txt constraints.txt pyproject.toml
	sh tools/make_venv.sh
	@echo "installing the packages of requirements.txt (2.8 GB), a minute or more"
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(OPTUNA): $(INSTALLED) requirements-sweep.txt
	$(BIN)/python -m pip install --quiet -r requirements-sweep.txt
	touch $@

$(PEERS): $(INSTALLED) requirements-benchmark.txt
	$(BIN)/python -m pip install --quiet -r requirements-benchmark.txt
	touch $@
