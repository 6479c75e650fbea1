# One way through: `make env` (once, by itself), `make demo` (the first minutes), `make test` (before every commit).
SHELL := /bin/bash
BIN := .venv/bin
STAMP := .venv/.complete
# Idle threads of torch sleep, as in the programs themselves (sitreg_engine/threads.py).
export OMP_WAIT_POLICY := PASSIVE

.PHONY: env demo test test-slow test-gpu accuracy bench bench-claims clean

env: $(STAMP)

$(STAMP): pyproject.toml .ci/make-env
	.ci/make-env
	touch $@

demo: $(STAMP)
	$(BIN)/python Testing/demonstration/make_demo.py demo

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -m "not slow and not gpu"

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m "slow and not gpu"

test-gpu: $(STAMP)
	$(BIN)/python -m pytest -m gpu

# README's accuracy table: real pairs (SITREG_DATA or ../shared/data), about 40 minutes on two cores.
accuracy: $(STAMP)
	$(BIN)/python Testing/benchmarks/accuracy.py

# Speed tables, about a quarter of an hour on two cores that do nothing else; `make bench ARGS=--readme` puts them there.
bench: $(STAMP)
	$(BIN)/python Testing/benchmarks/speed.py $(ARGS)

# Docs/CLAIMS.md: what the papers claim, on our data; about 45 minutes on two quiet cores. It goes on where it stopped.
bench-claims: $(STAMP)
	$(BIN)/python Testing/benchmarks/claims.py $(ARGS)

clean:
	rm -rf demo bench build .pytest_cache .ruff_cache
