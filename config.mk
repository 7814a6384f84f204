# What a packager or a user may change; nothing else does.
PREFIX  = /usr/local
MANDIR  = $(PREFIX)/share/man
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR  = $(PREFIX)/share/zsh/site-functions
CC      = cc
CFLAGS  = -O2 -g
PKGS    = libtiff-4 libxml-2.0 libpng jansson inih libserialport
# GigE Vision and USB3 Vision cameras; empty: built without them.
ARAVIS := $(shell pkg-config --exists aravis-0.8 && echo aravis-0.8)
TESTPKGS = cmocka
