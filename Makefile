# SPDX-License-Identifier: BSD-2-Clause
# Targets: all check lint bench fuzz coverage install dist clean; settings: config.mk.
include config.mk

VERSION := 0.1.0
B       := build$(if $(SAN),-san)$(if $(COV),-cov)
TOOLS   := $(patsubst cmd/%.c,%,$(wildcard cmd/*.c))
UNITS   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))
BENCHES := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
AIDS    := $(patsubst tests/aid/%.c,$(B)/aid/%,$(wildcard tests/aid/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,build-fuzz/%,$(wildcard tests/fuzz/*.c))
SCRIPTS := $(wildcard scripts/af-* scripts/plate-run)
SOURCES := $(filter-out $(if $(ARAVIS),,lib/device/camera_aravis.c lib/device/genicam.c), \
           $(wildcard lib/*/*.c))
OBJS    := $(SOURCES:%.c=$(B)/%.o)
WARN    := -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes \
           -Wpointer-arith -Wwrite-strings -Wno-missing-field-initializers
FLAGS    = $(WARN) -Ilib -D_XOPEN_SOURCE=700 -DAF_VERSION='"$(VERSION)"' -pthread \
           $(if $(ARAVIS),-DAF_ARAVIS) $(shell pkg-config --cflags $(PKGS) $(ARAVIS)) $(CPPFLAGS) $(CFLAGS)
LIBS    := -Wl,--as-needed $(shell pkg-config --libs $(PKGS) $(ARAVIS)) -lm -pthread
ifdef SAN                               # make check SAN=address,undefined
FLAGS   += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SAN)
endif
ifdef COV                               # make coverage
FLAGS   += --coverage -O0
LDFLAGS += --coverage
endif

all: $(TOOLS:%=$(B)/%)

$(B)/libaf.a: $(OBJS)
	@rm -f $@ && $(AR) rcs $@ $^
$(TOOLS:%=$(B)/%): $(B)/%: $(B)/cmd/%.o $(B)/libaf.a
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(UNITS): $(B)/unit/%: $(B)/tests/unit/%.o $(B)/libaf.a
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(TESTPKGS)) $(LIBS)
$(BENCHES) $(AIDS): $(B)/%: $(B)/tests/%.o $(B)/libaf.a
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
# Hot loops, chosen by the kind of processor at run time; FMA is wanted there. Sanitizers take
# minutes over what -O3 unrolls.
HOT = $(if $(SAN),-O1,-O3) -ffp-contract=fast
$(B)/lib/nn/kernels_%.o: FLAGS += $(HOT)
$(B)/lib/optics/%.o: FLAGS += $(HOT)
$(B)/lib/psf/%.o: FLAGS += $(HOT)
$(B)/lib/maps/%.o: FLAGS += $(if $(SAN),-O1,-O3)
ifeq ($(shell uname -m),x86_64)
$(B)/lib/%/kernels_avx512.o: FLAGS += -march=x86-64-v4
$(B)/lib/%/kernels_avx2.o: FLAGS += -march=x86-64-v3
$(B)/lib/maps/kernels_avx512.o: FLAGS += -mprefer-vector-width=512
endif
$(B)/%.o: %.c config.mk Makefile
	@mkdir -p $(@D)
	@$(CC) $(FLAGS) -MMD -MP -c -o $@ $<
-include $(shell find $(B) -name '*.d' 2>/dev/null)

# Interposed with LD_PRELOAD: fails the n-th call of one function (tests/fault/README in its header).
$(B)/fault.so: tests/fault/fault.c
	@mkdir -p $(@D)
	@$(CC) $(WARN) -O2 -g -shared -fPIC -o $@ $< -ldl

check: all $(UNITS) $(AIDS) $(B)/fault.so
	@BUILD=$(CURDIR)/$(B) SAN=$(SAN) prove --timer --merge --failures --exec tests/run-one $(UNITS) tests/tool/*.t

lint: all
	@scripts/lint $(B)

bench: all $(BENCHES) $(AIDS)
	@BUILD=$(CURDIR)/$(B) tests/bench/run

# The same objects, instrumented by clang, in a folder of their own.
SECONDS ?= 60
FUZZ    := $(MAKE) --no-print-directory CC=clang B=build-fuzz SAN=fuzzer-no-link,address,undefined
fuzz:
	@! tests/fuzz/run --can || { $(FUZZ) $(FUZZERS) && tests/fuzz/run $(SECONDS) $(FUZZERS); }
$(FUZZERS): build-fuzz/%: build-fuzz/tests/fuzz/%.o build-fuzz/libaf.a
	@clang -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)

coverage:
	@rm -rf build-cov
	@$(MAKE) --no-print-directory check COV=1
	@scripts/coverage build-cov

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) \
	    $(foreach s,1 5 7,$(DESTDIR)$(MANDIR)/man$s)
	install $(TOOLS:%=$(B)/%) $(SCRIPTS) $(DESTDIR)$(PREFIX)/bin
	for s in 1 5 7; do install -m 644 man/*.$$s $(DESTDIR)$(MANDIR)/man$$s || exit 1; done
	for t in $(TOOLS); do $(B)/$$t --completion bash > $(DESTDIR)$(BASHDIR)/$$t && \
	    $(B)/$$t --completion zsh > $(DESTDIR)$(ZSHDIR)/_$$t || exit 1; done

dist:
	git archive --prefix=aftools-$(VERSION)/ -o aftools-$(VERSION).tar.gz HEAD

clean:
	rm -rf build build-san build-cov build-fuzz

.PHONY: all check lint bench fuzz coverage install dist clean
.DELETE_ON_ERROR:
.SECONDARY:
