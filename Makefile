# One way through: `make env` (once, by itself), `make demo` (the first minutes), `make test` (before every commit).
SHELL := /bin/bash
BIN := .venv/bin
STAMP := .venv/.complete
# Idle threads of torch sleep, as in the programs themselves (sitreg_engine/threads.py).
export OMP_WAIT_POLICY := PASSIVE

.PHONY: env demo test test-slow test-gpu peers bench bench-accuracy bench-claims clean

env: $(STAMP)

$(STAMP): pyproject.toml .ci/make-env
	.ci/make-env
	touch $@

demo: $(STAMP)
	$(BIN)/python Testing/demonstration/make_demo.py demo

# Two processes, each with whole files, so that what a file's tests share is made once.
test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -m "not slow and not gpu" -n 2 --dist loadfile

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m "slow and not gpu"

test-gpu: $(STAMP)
	$(BIN)/python -m pytest -m gpu

# The methods that ours are compared with, in an environment of their own (3 GB).
PEERS := Testing/benchmarks/peers
peers: .venv-peers/.complete

.venv-peers/.complete: $(STAMP) $(PEERS)/requirements.txt $(PEERS)/requirements-alone.txt
	$(BIN)/python -m venv .venv-peers
	.venv-peers/bin/python -m pip install -q -r $(PEERS)/requirements.txt
	.venv-peers/bin/python -m pip install -q --no-deps -r $(PEERS)/requirements-alone.txt
	touch $@

# README's accuracy tables: real pairs (SITREG_DATA or ../shared/data), hours on two cores; it goes on where it was.
# `make bench-accuracy ARGS="--methods ours greedy-long --first 3"`; --help tells the rest.
bench-accuracy: $(STAMP) .venv-peers/.complete
	$(BIN)/python Testing/benchmarks/accuracy.py $(ARGS)

# Speed tables, about twenty minutes on two cores that do nothing else; `make bench ARGS=--readme` puts them there.
bench: $(STAMP)
	$(BIN)/python Testing/benchmarks/speed.py $(ARGS)

# Docs/CLAIMS.md: what the papers claim, on our data; about four hours on two quiet cores. It goes on where it stopped.
bench-claims: $(STAMP)
	$(BIN)/python Testing/benchmarks/claims.py $(ARGS)

clean:
	rm -rf demo bench build .pytest_cache .ruff_cache
