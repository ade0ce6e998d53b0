# anju: one Makefile, one module.mk a folder. `make help` lists the targets.
.DEFAULT_GOAL := all
MODULES := base crypto ledger consensus storage rpc node tools
CC ?= gcc
OPT ?= -O2
SAN ?=
WERROR ?=
comma := ,
BUILD := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wvla -Wstrict-prototypes \
        -Wmissing-prototypes -Wformat=2 $(if $(WERROR),-Werror)
CPPFLAGS += -D_GNU_SOURCE -I.
CFLAGS += -std=c11 -g $(OPT) $(WARN) -fno-omit-frame-pointer -MMD -MP
LDFLAGS += -pthread
CFLAGS += -pthread
ifneq ($(SAN),)
CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif

MSGPACK := $(shell pkg-config --exists msgpack-c 2>/dev/null && echo msgpack-c || echo msgpack)
PKGS := libsecp256k1 lmdb libevent libevent_openssl libevent_pthreads openssl jansson libcurl $(MSGPACK)
CPPFLAGS += $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

# Each module.mk sets SRC, USES, LIBS_OF (and PROGRAM for a program's main file) and calls module.
define module
$(1)_SRC := $$(addprefix $(1)/,$$(SRC))
$(1)_USES := $$(USES)
$(1)_OBJ := $$(patsubst %.c,$$(BUILD)/%.o,$$($(1)_SRC))
$$(BUILD)/lib$(1).a: $$($(1)_OBJ)
	@mkdir -p $$(@D) && rm -f $$@ && ar rcs $$@ $$^
ARCHIVES += $$(BUILD)/lib$(1).a
ALL_SRC += $$($(1)_SRC)
endef
ARCHIVES :=
$(foreach m,$(MODULES),$(eval SRC :=)$(eval USES :=)$(eval -include $(m)/module.mk))

# Link order: the users first.
LINK := $(foreach m,tools node rpc storage consensus ledger crypto base,$(filter $(BUILD)/lib$(m).a,$(ARCHIVES)))

$(BUILD)/%.o: %.c
	@mkdir -p $(dir $@)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# A file tests/unit/test_NAME.c is one program of Check tests.
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
$(BUILD)/tests/unit/%: tests/unit/%.c $(LINK)
	@mkdir -p $(dir $@)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(LINK) $(LDFLAGS) $(LIBS) $(shell pkg-config --libs check 2>/dev/null) -lm

PROGRAMS := $(if $(wildcard node/anjud.c),$(BUILD)/anjud) $(if $(wildcard tools/anju.c),$(BUILD)/anju)
$(BUILD)/anjud: node/anjud.c $(LINK)
	@mkdir -p $(dir $@)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(LINK) $(LDFLAGS) $(LIBS)
$(BUILD)/anju: tools/anju.c $(LINK)
	@mkdir -p $(dir $@)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(LINK) $(LDFLAGS) $(LIBS)

.PHONY: all unit clean
all: $(ARCHIVES) $(PROGRAMS)
unit: $(UNIT)
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done
clean:
	rm -rf build build-*

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/tests/*/*.d)

# Programs that the process tests need: tests/net/NAME.c.
NET := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/net/*.c))
$(BUILD)/tests/net/%: tests/net/%.c $(LINK)
	@mkdir -p $(dir $@)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(LINK) $(LDFLAGS) $(LIBS)
