#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The engine built with ThreadSanitizer and the order of locks asserted, while eight threads do
# everything for two minutes (TSAN_SECONDS).
. "$(dirname "$0")/lib.sh"
need mke2fs e2fsck make

seconds=${TSAN_SECONDS:-120}
dir=$BUILD/tsan
mkdir -p "$dir"
build()
{
	cd "$dir" || return
	[ -e config.status ] || "$TESTS/../configure" -q --enable-debug --enable-sanitizers=thread CFLAGS="-g -O1" || return
	for part in lib/ext2fs lib/support lib/jbd2 lib/ext4 lib/fuse_service; do
		make -s --no-print-directory -j"$(nproc)" -C $part || return
	done
	make -s --no-print-directory -j"$(nproc)" -C fuse4fs libfuse4fs.a &&
		make -s --no-print-directory -j"$(nproc)" -C tests unit/ext4_stress
}
build >"$T/build.log" 2>&1
ok $? "it is built" || { diag "$(tail -n 20 "$T/build.log")"; done_testing; }

export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1" STRESS_ROUNDS=${STRESS_ROUNDS:-400}
end=$((SECONDS + seconds)) runs=0 bad=0
while [ $SECONDS -lt $end ]; do
	timeout 600 "$dir/tests/unit/ext4_stress" >"$T/out" 2>&1 || { bad=1; break; }
	runs=$((runs + 1))
done
ok $bad "nothing races, no lock is out of order" || diag "$(tail -n 60 "$T/out")"
[ $runs -gt 0 ]
ok $? "in $runs runs"
done_testing
