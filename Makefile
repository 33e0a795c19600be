# `make demo` and `make test` do all the set-up themselves; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Whichever build is right for this machine: no digest fits all. What it needs is in requirements.txt.
TORCH := torch==2.13.0
KENLM_MAX_ORDER := 20
# In environments of their own, for a moment.
PIP_TOOLS := pip-tools==7.6.2
CYCLONEDX := cyclonedx-bom==7.5.0
DEMO_PACKAGES := python3-venv python3-dev g++ make cmake zlib1g-dev libbz2-dev liblzma-dev \
  libboost-program-options-dev libboost-system-dev libboost-thread-dev libboost-test-dev wamerican
TOOL_PACKAGES := gcc texlive-latex-base texlive-latex-recommended texlive-pictures
BROWSER_PACKAGES := chromium chromium-driver fonts-dejavu-core

PYTEST := OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: help demo laptop evidence tools test test-avx2 lint format lock sbom clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .build/demo ## set up, then one branch of the laptop scale on Python's own sources
	dvc repro scales/laptop/dvc.yaml:page@python
	@python -m analysis.report --scale laptop summary python

laptop: tools ## every corpus of the post at laptop scale (CORPORA_MIRROR or the web)
	dvc repro --keep-going scales/laptop/dvc.yaml || true
	python -m analysis.report --scale laptop index

evidence: tools ## all of the full scale that is missing, on this machine's cores: days; goes on where it was
	python -m pipeline.evidence

test: tools .build/dev .build/browser ## set up what tests need, then run them
	$(PYTEST)

test-avx2: .build/dev ## training, steps and sampling once more, as on a processor without AVX-512
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 $(PYTEST) tests/lm/test_training.py \
	  tests/lm/test_sampler.py tests/lm/test_scoring.py tests/lm/test_activations.py \
	  tests/pipeline/test_models.py tests/pipeline/test_sampling.py tests/pipeline/test_train.py

lint: .build/dev ## ruff and mypy
	ruff format --check .
	ruff check .
	mypy

format: .build/dev ## what ruff can mend
	ruff check --fix .
	ruff format .

lock: .build/packages ## requirements*.txt anew, from requirements*.in
	$(call tool,$(PIP_TOOLS))
	for name in requirements requirements-dev; do \
	  CUSTOM_COMPILE_COMMAND="make lock" .build/tool/bin/pip-compile --quiet --strip-extras \
	    --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host \
	    --no-emit-find-links --output-file $$name.txt $$name.in; \
	done
	rm -rf .build/tool

sbom: .build/demo ## what is installed, as CycloneDX: .build/sbom.json
	$(call tool,$(CYCLONEDX))
	.build/tool/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file .build/sbom.json $(BIN)/python
	rm -rf .build/tool

tools: .build/demo .build/tools ## gcc and pdflatex, for the metrics of C and LaTeX

.build/demo: requirements.txt $(BIN)/python $(BIN)/lmplz
	$(BIN)/pip install --require-hashes --no-build-isolation --requirement requirements.txt
	$(BIN)/pip install $(TORCH)
	$(BIN)/pip install --quiet --no-build-isolation --no-deps --no-index --editable .
	@touch $@

.build/dev: requirements-dev.txt .build/demo
	$(BIN)/pip install --quiet --require-hashes --requirement requirements-dev.txt
	@touch $@

.build/packages:
	@$(call install,$(DEMO_PACKAGES))
	@mkdir -p .build && touch $@

.build/browser:
	@$(call install,$(BROWSER_PACKAGES))
	@mkdir -p .build && touch $@

.build/tools:
	@$(call install,$(TOOL_PACKAGES))
	@mkdir -p .build && touch $@

$(BIN)/python: | .build/packages
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --requirement $(call locked,cython|packaging|setuptools|wheel)

# KenLM's programs and its Python module, both for n-grams up to order 20.
$(BIN)/lmplz: | $(BIN)/python .build/packages
	rm -rf .build/kenlm && mkdir -p .build/kenlm
	$(BIN)/pip download --quiet --require-hashes --no-deps --no-build-isolation --no-binary kenlm \
	  --dest .build/kenlm --requirement $(call locked,kenlm)
	tar --extract --gzip --file .build/kenlm/*.tar.gz --directory .build/kenlm --strip-components 1
	cmake -S .build/kenlm -B .build/kenlm/build -DKENLM_MAX_ORDER=$(KENLM_MAX_ORDER) \
	  -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF > .build/kenlm/log 2>&1 \
	  || { tail -20 .build/kenlm/log; exit 1; }
	cmake --build .build/kenlm/build --parallel --target lmplz build_binary query \
	  >> .build/kenlm/log 2>&1 || { tail -20 .build/kenlm/log; exit 1; }
	$(BIN)/cython --cplus -2 .build/kenlm/python/kenlm.pyx
	MAX_ORDER=$(KENLM_MAX_ORDER) $(BIN)/pip install --quiet --no-deps --no-build-isolation .build/kenlm
	cp .build/kenlm/build/bin/{build_binary,query,lmplz} $(BIN)/
	rm -rf .build/kenlm

clean: ## remove what set-up made (results stay)
	rm -rf .venv .build

# Some packages of requirements.txt with their digests: for what is needed before all others.
locked = <(awk '/^($(1))==/, !/\\$$/' requirements.txt)

define tool
rm -rf .build/tool && $(PYTHON) -m venv .build/tool
.build/tool/bin/pip install --quiet $(1)
endef

# Install what is missing of some Debian packages; say what to do where that is not allowed.
define install
missing=$$(dpkg-query --show --showformat '$${db:Status-Status} $${Package}\n' $(1) 2>/dev/null \
  | awk '$$1 == "installed" {print $$2}' | grep -Fxv -f - <(printf '%s\n' $(1)) || true); \
[ -n "$$missing" ] || exit 0; \
echo "installing" $$missing; \
root=; [ "$$(id -u)" = 0 ] || root=sudo; \
{ $$root apt-get update -qq && \
$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing > /dev/null; } \
  || { echo "error: these Debian packages are missing and cannot be installed here; have somebody run: apt-get install" $$missing >&2; exit 2; }
endef
