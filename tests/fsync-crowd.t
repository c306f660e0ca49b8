#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# However many wait for fsync, everybody else is served; and those who wait share what they wait for.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck cc

cd "$T" || exit 2
cc -shared -fPIC -o slow.so "$TESTS/preload/slow-flush.c" || skip_all "no library can be built"
mkdir mnt
make_image disk.img 64M
mount_image disk.img mnt
mkdir mnt/dir
for i in $(seq 20); do
	touch mnt/dir/$i
done
unmount mnt disk.img

# Without the sandbox: it takes the environment away, and nothing else would be different.
LD_PRELOAD=$T/slow.so TEST_FLUSH_MS=1500 "$FUSE4FS" -o nosandbox disk.img mnt || skip_all "a sanitizer's runtime wants to be loaded first"
for i in $(seq 60); do
	(
		echo "$i" >mnt/file$i && sync mnt/file$i
		echo $? >>done
	) &
done
sleep 1
for i in $(seq 20); do
	stat mnt/dir/$i >/dev/null
done
touch done
finished=$(wc -l <done)
[ "$finished" -lt 8 ]
ok $? "twenty files are looked up while sixty wait for fsync"
diag "$finished had finished"
wait
is "$(sort -u done) $(wc -l <done)" "0 60" "all sixty end well"

start=$(date +%s)
for i in $(seq 60); do
	(echo more >>mnt/file$i && sync mnt/file$i) &
done
wait
# One after the other would be 60 flushes of 1.5 seconds each.
[ $(($(date +%s) - start)) -lt 60 ]
ok $? "they share flushes"
unmount mnt disk.img
fsck_clean disk.img "clean"
done_testing
