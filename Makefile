# Thin names over swift and Scripts/. The two that matter: `make run` and `make test`.
PREFIX ?= /usr/local
DESTDIR ?=
LINKS ?=

.PHONY: build run test bench fuzz check fmt install uninstall clean

build:
	Scripts/packages install build run
	Scripts/build

run: build
	Scripts/run-hello

test:
	Scripts/prepare-tests
	Scripts/test

bench: build
	Scripts/packages install bench
	Benchmarks/start/run

fuzz:
	Scripts/packages install build
	Scripts/fuzz --seconds $${SECONDS_EACH:-600}

check:
	Scripts/check

fmt:
	swift format -i -r Sources Plugins Tests Examples Package.swift

install:
	PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) LINKS=$(LINKS) Scripts/install

uninstall:
	PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) Scripts/install --uninstall

clean:
	rm -rf .build
