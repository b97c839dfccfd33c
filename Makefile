# make run    both datasets, all notebooks, records and tables
# make test   lint, tests and a quick run of every notebook
.PHONY: run quick repeats reports test clean
.DELETE_ON_ERROR:

PYTHON := .venv/bin/python
INSTALLED := .venv/.installed

run: $(INSTALLED)
	$(PYTHON) tools/run_notebooks.py
	$(PYTHON) tools/build_reports.py

quick: $(INSTALLED)
	QUICK=1 $(PYTHON) tools/run_notebooks.py

repeats: $(INSTALLED)
	$(PYTHON) tools/run_repeats.py
	$(PYTHON) tools/build_reports.py

reports: $(INSTALLED)
	$(PYTHON) tools/build_reports.py

test: $(INSTALLED)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	$(PYTHON) -m pytest
	QUICK=1 $(PYTHON) tools/run_notebooks.py

clean:
	rm -rf build .venv

$(INSTALLED): requirements.txt constraints.txt pyproject.toml
	sh tools/make_venv.sh
	$(PYTHON) -m pip install --quiet -r requirements.txt
	touch $@
