#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A libfuse that has mount services of its own (3.19) is used instead of lib/fuse_service.  Where there
# is none yet, at least: the server compiles against its functions and needs no others.
. "$(dirname "$0")/lib.sh"
need pkg-config nm
source=$TESTS/../fuse4fs/service.c

for cc in gcc clang; do
	command -v $cc >/dev/null || {
		skip "$cc is not installed" "$cc"
		continue
	}
	# shellcheck disable=SC2046
	out=$($cc -std=gnu11 -Wall -Wextra -Werror -Wno-missing-field-initializers -pthread -D_GNU_SOURCE= -D_FILE_OFFSET_BITS=64 \
		-DHAVE_LIBFUSE_SERVICE=1 -I"$TESTS/stub" -I"$BUILD/lib" -I"$TESTS/../lib" \
		$(pkg-config --cflags fuse3 com_err libbsd) -c -o "$T/$cc.o" "$source" 2>&1)
	ok $? "$cc: compiles against libfuse's own" || diag "$out"
	# What it would mean to ask for the older interface: the stub must not offer more than libfuse does.
	$cc -DFUSE_USE_VERSION=312 -D_FILE_OFFSET_BITS=64 -I"$TESTS/stub" $(pkg-config --cflags fuse3) -Werror \
		-fsyntax-only -include fuse_service.h -x c - <<<'int f(struct fuse_service **s) { return fuse_service_accept(s); }' 2>/dev/null
	isnt $? 0 "$cc: the older interface has no services"
	used=$(nm -u "$T/$cc.o" | grep -o 'fuse_service_[a-z_]*' | sort -u)
	offered=$(grep -o 'fuse_service_[a-z_]*(' "$TESTS/stub/fuse_service.h" | tr -d '(' | sort -u)
	is "$(comm -23 <(printf '%s\n' "$used") <(printf '%s\n' "$offered"))" "" "$cc: uses only what it offers"
done
done_testing
