# anju: one Makefile, one module.mk a folder. `make help` lists the targets.
.DEFAULT_GOAL := all
MODULES := base crypto ledger consensus storage rpc node tools
ifeq ($(origin CC),default)
CC := gcc
endif
OPT ?= -O2
SAN ?=
WERROR ?=
comma := ,
BUILD := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))

# One line a file; V=1 shows the commands.
ifneq ($(V),1)
Q := @
say = @echo '  $(1) $@'
endif

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wvla -Wstrict-prototypes \
        -Wmissing-prototypes -Wformat=2 -Werror=format-security $(if $(WERROR),-Werror)
CPPFLAGS += -D_GNU_SOURCE -I.
CFLAGS += -std=c11 -g $(OPT) $(WARN) -fno-omit-frame-pointer -pthread -MMD -MP
LDFLAGS += -pthread -Wl,--as-needed

# These targets work on a machine that has none of the libraries.
BARE := help deps clean format check-layers test test-long demo
WANTED := $(filter-out $(BARE),$(or $(MAKECMDGOALS),all))

MSGPACK := $(shell pkg-config --exists msgpack-c 2>/dev/null && echo msgpack-c || echo msgpack)
PKGS := libsecp256k1 lmdb libevent libevent_openssl libevent_pthreads openssl jansson libcurl \
        $(MSGPACK)
MISSING := $(if $(WANTED),$(shell for p in $(PKGS); do \
             pkg-config --exists $$p 2>/dev/null || echo $$p; done))
ifneq ($(MISSING),)
$(error pkg-config does not find: $(MISSING). Run `make deps` first)
endif
CPPFLAGS += $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CHECK_LIBS = $(shell pkg-config --libs check 2>/dev/null) -lm

# Hardening, each flag only where this compiler takes it; asked once and kept in the build folder.
# A sanitizer build goes without, since FORTIFY and ASan look at the same calls.
ifneq ($(SAN),)
CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
else ifneq ($(WANTED),)
include $(BUILD)/hardening.mk
CFLAGS += $(HARD_CFLAGS)
LDFLAGS += $(HARD_LDFLAGS)
endif
$(BUILD)/hardening.mk: tools/probe-flags.sh
	@mkdir -p $(@D)
	@CC='$(CC)' OPT='$(OPT)' bash tools/probe-flags.sh >$@.new && mv $@.new $@

# Each module.mk sets SRC and USES and calls module. USES is what check-layers holds it to.
define module
$(1)_SRC := $$(addprefix $(1)/,$$(SRC))
$(1)_USES := $$(USES)
$(1)_OBJ := $$(patsubst %.c,$$(BUILD)/%.o,$$($(1)_SRC))
$$(BUILD)/lib$(1).a: $$($(1)_OBJ)
	@mkdir -p $$(@D) && rm -f $$@ && ar rcs $$@ $$^
ARCHIVES += $$(BUILD)/lib$(1).a
endef
ARCHIVES :=
$(foreach m,$(MODULES),$(eval SRC :=)$(eval USES :=)$(eval -include $(m)/module.mk))

# Link order: the users first.
LINK := $(foreach m,tools node rpc storage consensus ledger crypto base,$(filter $(BUILD)/lib$(m).a,$(ARCHIVES)))

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

.PHONY: all-archives print-link
all-archives: $(ARCHIVES)
print-link:
	@echo $(LINK) $(LIBS) $(CHECK_LIBS) -lm -lpthread

# The two programs.
PROGRAMS := $(if $(wildcard node/anjud.c),$(BUILD)/anjud) $(if $(wildcard tools/anju.c),$(BUILD)/anju)
$(BUILD)/anjud: $(BUILD)/node/anjud.o $(LINK)
	$(call say,LD)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS) $(LIBS)
$(BUILD)/anju: $(BUILD)/tools/anju.o $(LINK)
	$(call say,LD)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS) $(LIBS)

# Tests. tests/unit/test_NAME.c and tests/sim/test_NAME.c are programs of Check tests; the other
# files of tests/unit are what they share, those of tests/sim the simulator. tests/net/test_NAME.{sh,py}
# run real processes; a .c file there is a program that those scripts use.
UNIT := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/test_*.c tests/sim/test_*.c)))
SHARED_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
NET_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/net/*.c))
FAULTS := $(BUILD)/tests/net/preload/faults.so
$(FAULTS): tests/net/preload/faults.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -D_GNU_SOURCE -std=c11 -O2 -Wall -Wextra -fPIC -shared -pthread -o $@ $<
NET_SCRIPTS := $(sort $(wildcard tests/net/test_*.sh tests/net/test_*.py))
$(BUILD)/libunit.a: $(SHARED_OBJ)
	@mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^
SIM_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/sim/test_% tests/sim/sim_%,$(wildcard tests/sim/*.c)))
$(BUILD)/libsim.a: $(SIM_OBJ)
	@mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^
# The node simulator stands in for signatures, log lines and syncs (tests/sim/lab_sign.c).
LAB_WRAP := -Wl,--wrap=crypto_sign,--wrap=crypto_verify,--wrap=log_line,--wrap=file_sync
$(BUILD)/tests/sim/sim_node $(BUILD)/tests/sim/test_lab: LDFLAGS += $(LAB_WRAP)
$(BUILD)/tests/sim/sim_node: LDFLAGS += -Wl,--wrap=_mark_point,--wrap=_ck_assert_failed
$(BUILD)/tests/sim/%: $(BUILD)/tests/sim/%.o $(BUILD)/libsim.a $(BUILD)/libunit.a $(LINK)
	$(call say,LD)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS) $(LIBS) $(CHECK_LIBS)
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libunit.a $(LINK)
	$(call say,LD)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS) $(LIBS) $(CHECK_LIBS)
FUZZ := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/driver.o $(BUILD)/tests/fuzz/common.o \
                            $(BUILD)/libunit.a $(LINK)
	$(call say,LD)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS) $(LIBS) $(CHECK_LIBS)
.SECONDARY:

.PHONY: all unit fuzz sim sim-node explore bench-network test test-long run-tests run-unit ready deps check-layers format demo run-demo bench chaos tsan clean \
        help

## all: build both programs and every module (the default)
all: $(ARCHIVES) $(PROGRAMS)

# These build on all cores even where nobody said -j: the first thing a newcomer types.
JOBS = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1))
again = $(MAKE) --no-print-directory $(JOBS)

# The search for libraries was made when this Makefile was read, so what needs them after they may
# have been installed reads it again.
ready:
	@bash tools/deps.sh --check || bash tools/deps.sh

## test: unit tests, then tests/net as processes; ends with the line `N passed, N failed`
test: ready
	+@$(again) run-tests

## test-long: the same with the long sweeps
test-long: ready
	+@ANJU_TEST_LONG=1 $(again) run-tests

## unit: the unit tests alone
unit: run-unit

run-tests: all $(UNIT) $(FUZZ) $(NET_PROGRAMS) $(BUILD)/tests/sim/sim_node $(FAULTS)
	@BUILD='$(CURDIR)/$(BUILD)' bash tests/run.sh $(UNIT) $(FUZZ) $(NET_SCRIPTS)
run-unit: $(UNIT) $(FUZZ)
	@BUILD='$(CURDIR)/$(BUILD)' bash tests/run.sh $(UNIT) $(FUZZ)

## fuzz: one target of tests/fuzz under libFuzzer, with clang (TARGET=envelope TIME=60)
fuzz:
	@bash tests/fuzz/fuzz.sh '$(TARGET)' '$(or $(TIME),60)'

## bench: micro benchmarks of tests/bench (map keys, executed records)
BENCH := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/bench/*.c)))
bench: $(BENCH)
	@set -e; for b in $(BENCH); do echo "== $$b"; $$b; done

## bench-network: four nodes on this machine: latency, throughput, audit, beside the machine's limits
bench-network: all $(BUILD)/tests/bench/bench_limits $(BUILD)/tests/net/load
	@BUILD='$(CURDIR)/$(BUILD)' bash tests/bench/network.sh

## sim: clusters of consensus cores from seeds (SEED=n, COUNT=n; TRACE=1 shows one)
sim: $(BUILD)/tests/sim/sim_consensus
	@$< $(or $(SEED),1) $(or $(COUNT),$(if $(SEED),1,1000))

## sim-node: clusters of whole node engines from seeds, on a virtual network and disk (SEED=n, COUNT=n, TRACE=1)
sim-node: $(BUILD)/tests/sim/sim_node
	@$< $(or $(SEED),1) $(or $(COUNT),$(if $(SEED),1,1000))

## explore: short scenes of one height with one liar of four (SEED=n, COUNT=n)
explore: $(BUILD)/tests/sim/sim_explore
	@$< $(or $(SEED),1) $(or $(COUNT),100000)

## demo: four nodes, real orders, one killed and back, an audit (ORDERS=n, KEEP=1)
demo: ready
	+@$(again) run-demo
run-demo:
	+@$(again) all >&2
	@BUILD='$(CURDIR)/$(BUILD)' ORDERS='$(ORDERS)' KEEP='$(KEEP)' bash tools/demo.sh

## chaos: four nodes under faults of processes, network and disk (SCENARIO=names COUNT=kills TIME=s SEED=n)
chaos: all $(FAULTS)
	@BUILD='$(CURDIR)/$(BUILD)' COUNT='$(COUNT)' TIME='$(TIME)' $(if $(SEED),SEED='$(SEED)') \
	  /usr/bin/python3 tests/net/chaos.py $(SCENARIO)

## tsan: the cluster tests on a build with ThreadSanitizer; no report is accepted
tsan:
	+@$(again) SAN=thread all
	@BUILD='$(CURDIR)/build-thread' CC='$(CC)' bash tests/tsan.sh

## deps: install the libraries that are missing (Debian, Ubuntu; elsewhere it lists them)
deps:
	@bash tools/deps.sh

## check-layers: no module includes or calls what its place forbids
check-layers:
	@/usr/bin/python3 tests/check_layers.py

## format: clang-format over the sources
format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

## clean: remove everything that was built
clean:
	rm -rf build build-*

## help: this list
help:
	@echo "make [SAN=address,undefined | SAN=thread] [WERROR=1] [OPT=-O2] [V=1] TARGET"
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
	  printf '  %-13s %s\n' "$$name" "$$text"; done

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
