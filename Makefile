# The front door: `make help`. CMake and Ninja do the work; this file only names the usual runs.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
SECONDS ?= 60
HOURS ?= 24
SEED ?= 1000
SEEDS ?= 100000
FIRST ?= 1
CMAKE_FLAGS ?=

BIN := $(BUILD)/bin
DEMO := $(BUILD)/demo
CHECK := $(BUILD)/check
CONFIGURE := cmake -G Ninja $(CMAKE_FLAGS) -S .
# LibTorch comes into .venv/ unless there is no engine, or another one is named.
TORCH := $(if $(filter -DAUTEUR_ENGINE=OFF -DAUTEUR_TORCH=%,$(CMAKE_FLAGS)),true,tools/torch.sh)

.PHONY: help deps build demo demo-sheet check check-web check-deploy eval-mini lint bench fuzz soak sim mutants install clean

help:
	@echo "make demo      install what is missing, build, and render a sample film"
	@echo "make build     the programs, in $(BIN)/"
	@echo "make check     every test, with AddressSanitizer and UBSan"
	@echo "make check-deploy  manifests, images' recipes and units: schemas, rules, and started as they are"
	@echo "make check-web the dashboard in a headless Chromium, and what monitoring reads"
	@echo "make eval-mini what auteur-mini reaches, by a judge of its frames (some 10 minutes)"
	@echo "make lint      format, clang-tidy, include arrows, banned calls"
	@echo "make bench     figures of this machine"
	@echo "make fuzz      every fuzz target for SECONDS=$(SECONDS) each"
	@echo "make soak      faults on real processes for HOURS=$(HOURS), from SEED=$(SEED) on"
	@echo "make sim       SEEDS=$(SEEDS) nights of a simulated cluster, from FIRST=$(FIRST) on"
	@echo "make mutants   breaks the sources in many ways; each must be noticed"
	@echo "make install   into PREFIX=$(PREFIX), below DESTDIR=$(DESTDIR)"
	@echo "make deps      only install the packages that are missing, and LibTorch into .venv/"
	@echo "make clean     remove $(BUILD)/"

deps:
	@tools/deps.sh build
	@$(TORCH)

build: deps
	@$(CONFIGURE) -B $(BUILD) >/dev/null
	@cmake --build $(BUILD) -j $(JOBS) --target programs

# The state is kept, so a second run finds every shot done.
demo: build
	@tools/demo.sh $(BIN) $(DEMO)

# The picture in the README.
demo-sheet: build
	@mkdir -p $(DEMO)
	@$(BIN)/auteur render templates/demo/storyboard.json -o $(DEMO)/film.mp4 --state $(DEMO)/state \
	    --outputs $(DEMO)/outputs --sheet docs/demo-sheet.png --sheet-frames 3

check: deps
	@tools/test-venv.sh >/dev/null
	@$(CONFIGURE) -B $(CHECK) -DAUTEUR_SANITIZE=address,undefined >/dev/null
	@cmake --build $(CHECK) -j $(JOBS)
	@ctest --test-dir $(CHECK) --output-on-failure -j $(JOBS)

# As root it starts the processes of deploy/, too.
check-deploy: build
	@tools/deps.sh deploy
	@tools/check-deploy.sh $(BUILD)

# Pictures of the dashboard are left in $(BUILD)/dashboard/. make check has these tests, too, and skips the
# page where there is no Chromium.
check-web: build
	@tools/deps.sh web
	@BIN=$(BIN) python3 -B tests/web/dashboard.py --screenshots $(BUILD)/dashboard
	@BIN=$(BIN) python3 -B tests/web/monitoring.py

# EVAL='--json FILE' and other options of tests/mini/evaluate.py.
eval-mini: build
	@python=$$(tools/numpy.sh) && \
		$$python -B tests/mini/evaluate.py --bin $(BIN) --jobs $(JOBS) $(EVAL)

lint:
	@tools/deps.sh lint
	@$(TORCH)
	@$(CONFIGURE) -B $(BUILD)/lint >/dev/null
	@tools/lint.sh $(BUILD)/lint

bench: build
	@cmake --build $(BUILD) -j $(JOBS) --target bench-programs
	@tests/bench/run.sh $(BIN) $(BUILD)/bench

fuzz: deps
	@tools/fuzz.sh $(BUILD)/fuzz $(SECONDS)

# Ever new seeds; the folder of a round that failed is kept in build/soak/.
soak: deps
	@$(CONFIGURE) -B $(CHECK) -DAUTEUR_SANITIZE=address,undefined >/dev/null
	@cmake --build $(CHECK) -j $(JOBS) --target fault_campaign
	@mkdir -p $(BUILD)/soak
	@LSAN_OPTIONS=suppressions=tests/lsan.supp:print_suppressions=0 $(CHECK)/tests/fault_campaign \
	    --hours $(HOURS) --seed $(SEED) --where $(BUILD)/soak --keep

sim: deps
	@$(CONFIGURE) -B $(BUILD) >/dev/null
	@cmake --build $(BUILD) -j $(JOBS) --target test_sim
	@$(BUILD)/tests/test_sim --seeds $(SEEDS) --first $(FIRST) --jobs $(JOBS)

# MUTANTS='no-fsync blob-no-fsync': only these of tests/sim/mutations/.
mutants: deps
	@tests/sim/mutants.sh $(BUILD)/mutants 1000 $(JOBS) $(MUTANTS)

install: build
	@DESTDIR="$(DESTDIR)" cmake --install $(BUILD) --prefix "$(PREFIX)"

clean:
	rm -rf $(BUILD)
