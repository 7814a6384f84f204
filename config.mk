# What a packager or a user may change; nothing else does.
PREFIX  = /usr/local
MANDIR  = $(PREFIX)/share/man
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR  = $(PREFIX)/share/zsh/site-functions
CC      = cc
CFLAGS  = -O2 -g
PKGS    = libtiff-4 libxml-2.0 libpng jansson inih libserialport
TESTPKGS = cmocka
