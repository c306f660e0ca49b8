#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The fuzzers: what they found once stays fixed, and they find nothing in a minute.
# `make fuzz' runs them for hours.
. "$(dirname "$0")/lib.sh"
need mke2fs debugfs python3 clang

# Always the same way, and patient with a busy machine: what is new is for `make fuzz' to find.
export FUZZ_SEED=1 FUZZ_TIMEOUT=30
out=$("$TESTS/fuzz/run" "$BUILD" "${FUZZ_SECONDS:-60}" 2>&1)
status=$?
[ $status -ne 77 ] || skip_all "$out"
diag "$out"
isnt $status 2 "the fuzzers and their images are built"
is $status 0 "nothing is found"
like "$out" "fuzz_image: [0-9]+ inputs" "images were fuzzed"
done_testing
