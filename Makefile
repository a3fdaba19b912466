# Every target sets up .venv by itself, once: `make train` or `make test` is all that a fresh machine needs.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3# used to create .venv, 3.11 to 3.13
BIN := .venv/bin
STAMP := .venv/.set-up-complete

export NO_ALBUMENTATIONS_UPDATE := 1# or it asks the network for its newest version at every import
export PIP_DISABLE_PIP_VERSION_CHECK := 1

ON_WIDERFACE = source=widerface "source.root=$(WIDERFACE)" $(OVERRIDES)

.PHONY: help setup train release test test-all lint tensorboard

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(STAMP)  ## create .venv with the pinned packages

train: $(STAMP)  ## train the whole cascade on synthetic pictures and measure it on others
	$(BIN)/python train.py -m net=pnet,rnet,onet experiment=synthetic
	$(BIN)/python scripts/evaluate.py detector=training

release: $(STAMP)  ## train the weights of the package: make release WIDERFACE=FOLDER; other settings by OVERRIDES=seed=1
	@[ -d "$(WIDERFACE)" ] || { echo "name the folder with WIDER_train: make release WIDERFACE=FOLDER"; exit 1; }
	$(BIN)/python train.py net=pnet $(ON_WIDERFACE) experiment=release_first
	$(BIN)/python train.py net=pnet $(ON_WIDERFACE) experiment=release data=pnet_again upstream.earlier=newest
	$(BIN)/python train.py net=pnet $(ON_WIDERFACE) experiment=release data=pnet_again upstream.earlier=newest
	$(BIN)/python train.py net=rnet $(ON_WIDERFACE) experiment=release augment=moderate
	$(BIN)/python train.py net=onet $(ON_WIDERFACE) experiment=release augment=strong
	$(BIN)/python train.py net=onet $(ON_WIDERFACE) experiment=release_last augment=strong init_from=newest
	$(BIN)/python train.py net=rnet $(ON_WIDERFACE) experiment=release_last augment=moderate init_from=newest
	$(BIN)/python train.py net=onet seed=4 data.miner.seed=4 epochs.onet=9 $(ON_WIDERFACE) experiment=release_last augment=strong init_from=newest

# Two workers of one thread each: more threads than cores make torch slower, not faster.
test: $(STAMP)  ## run the tests, except the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-all: $(STAMP)  ## run all the tests
	$(BIN)/python -m pytest -q

lint: $(STAMP)  ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

tensorboard: $(STAMP)  ## show all runs in the browser
	$(BIN)/tensorboard --logdir outputs

# The stamp is written last and removed first. Without one, .venv is missing or was interrupted half-way (pip takes a
# half-copied package for an installed one), so start from nothing; with an outdated one, update in place.
# opencv-python and opencv-python-headless share one folder and whichever was installed last wins: only the former opens
# windows, hence the second installation.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit( \
	  f"mtcnn-lit needs Python 3.11 to 3.13, this is {sys.version.split()[0]}: try make PYTHON=python3.12")'
	@echo "Setting up .venv with the packages of constraints.txt (once; takes some minutes) ..."
	@SECONDS=0; \
	if [ -f $@ ]; then rm $@; else $(PYTHON) -m venv --clear .venv; fi; \
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'; \
	$(BIN)/python -m pip install -q --force-reinstall --no-deps "$$(grep '^opencv-python==' constraints.txt)"; \
	touch $@; \
	echo "Set up in $$SECONDS s."
