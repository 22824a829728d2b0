# One command per wish; each sets up its own environment when it is missing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help demo test test-slow lint check format golden bench fuzz dist pins sbom docs site clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lacuna needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[networks,onnx,tflite,search,cluster,ui,dev]'
	@touch $@

demo: $(READY)  ## train a small network, replay it on several designs, write reports to out/demo
	$(BIN)/lacuna demo --out out/demo

test: $(READY)  ## the default test suite
	OMP_NUM_THREADS=1 $(BIN)/pytest

test-slow: $(READY)  ## the tests that take long
	OMP_NUM_THREADS=1 $(BIN)/pytest -m slow

lint: $(READY)  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test  ## what a change must pass

format: $(READY)  ## put the code in form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(READY)  ## write tests/golden/golden.json anew; say in CHANGELOG.md under Numbers what moved and why
	$(BIN)/python tests/golden/update.py

docs: $(READY)  ## write the generated pages of docs/ and their figures anew
	$(BIN)/lacuna validate --docs docs
	$(BIN)/python -m analysis.reports.networks_page
	$(BIN)/python -m analysis.reports.classes_page
	$(BIN)/python -m analysis.reports.choices_page
	$(BIN)/python -m analysis.reports.keys_page
	$(BIN)/lacuna demo --out out/demo > /dev/null
	cp out/demo/figures/worth.png docs/worth.png

site: $(READY)  ## docs/ as a site in out/site; links that lead nowhere are errors
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

bench: $(READY)  ## speed, as ratios within one run
	for script in benchmarks/*.py benchmarks/trained/*.py; do OMP_NUM_THREADS=1 $(BIN)/python $$script || exit 1; done

fuzz: $(READY)  ## hostile inputs over every reader, then kills at random moments, some ten minutes; CASES=N KILLS=N SEED=N
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.campaign --cases $(or $(CASES),15000) --seed $(or $(SEED),1) --save out/fuzz
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.kills --kills $(or $(KILLS),60) --seed $(or $(SEED),1)

dist: $(READY)  ## wheel and source archive of the commit; the wheel is installed into an empty environment and replays a shipped trace
	rm -rf dist build
	mkdir -p dist build/commit && umask 022 && git archive HEAD | tar -x --no-same-permissions -C build/commit  # modes as committed, whatever the umask
	umask 022 && cd build/commit && export SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) && \
		$(abspath $(BIN))/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir ../../dist . && \
		$(abspath $(BIN))/python -c "from setuptools.build_meta import build_sdist; build_sdist('../../dist')" > /dev/null
	cd dist && for f in *.tar.gz; do tar -xzf $$f && tar --sort=name --mode=u=rwX,go=rX --mtime=@$$(git log -1 --format=%ct) --owner=0 --group=0 --numeric-owner --format=gnu \
		-cf - $${f%.tar.gz} | gzip -n9 > $$f.new && mv $$f.new $$f && rm -r $${f%.tar.gz}; done  # the same bytes each time
	rm -rf out/dist && $(PYTHON) -m venv out/dist
	out/dist/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt dist/*.whl
	cd out/dist && bin/lacuna replay lcnet_resnet20_30_cifar10 -d edge_npu_16x16 --limit 64 --out results
	out/dist/bin/python -m pip inspect > dist/sbom_pip_inspect.json

pins: $(READY)  ## requirements-demo.txt: the demo path with hashes, for pip install --require-hashes
	mkdir -p out
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --dry-run --ignore-installed --report out/pins.json -c constraints.txt '.[networks]'
	$(BIN)/python .ci/pins.py out/pins.json > requirements-demo.txt

sbom: dist  ## dist/sbom.cdx.json: what the wheel installs, as a CycloneDX bill of materials
	$(PYTHON) -m venv out/tools
	out/tools/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0
	out/tools/bin/cyclonedx-py environment out/dist --output-reproducible --of JSON -o dist/sbom.cdx.json

clean:  ## remove what make made
	rm -rf $(VENV) out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
