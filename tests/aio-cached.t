#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who reads through the page cache sees what others have written past it, asynchronously, and no page that
# is older stays there; whatever else waits for requests meanwhile goes on.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck timeout

cd "$T" || exit 2
make_image a.img 64M
mount_image a.img mnt kernel
for i in 1 2 3; do
	out=$(timeout 300 "$PROGS/aio-cache" mnt/file 200 2>&1)
	ok $? "asynchronous writes and cached reads, run $i" || diag "$out"
done

# More under way than the kernel lets be under way at once, in several files.
pids=
for i in 1 2 3; do
	timeout 300 "$PROGS/aio-cache" mnt/file$i 100 >out$i 2>&1 &
	pids="$pids $!"
done
hung=0
for p in $pids; do
	wait "$p"
	[ $? -ge 124 ] && hung=1
done
is $hung 0 "three such programs at once end"
is "$(sed 's/.*, //' out1 out2 out3 | sort -u)" "0 at the end" "and no old page stays"
unmount mnt a.img
fsck_clean a.img "clean"
done_testing
