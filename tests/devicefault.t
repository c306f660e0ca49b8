#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The device fails under a mounted file system: who reads gets an error, fsync says that nothing was written, the
# log has the device, the place and advice; when the device is well again, so is the file system.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck nbdkit nbdfuse

cd "$T" || exit 2
mkdir mnt dev

# device FILTER-ARGUMENT...: disk.img behind nbdkit, as the file dev/nbd.
device()
{
	nbdfuse "$T/dev" --command nbdkit -s "$@" &
	DEVICE=$!
	for i in $(seq 100); do
		[ -e dev/nbd ] && return 0
		sleep 0.1
	done
	return 1
}

end_device()
{
	umount dev
	wait $DEVICE
}

# A file system with a file in it that nobody has read yet.
fresh()
{
	make_image disk.img 64M -b 4096
	mount_image disk.img mnt
	dd if=/dev/urandom of=mnt/data bs=1M count=4 2>/dev/null
	mkdir mnt/dir
	seq 5000 >mnt/dir/kept
	sum_of mnt/data >sum
	unmount mnt disk.img
	rm -f bad log
}

drop_caches()
{
	sync -f mnt 2>/dev/null
	echo 3 >/proc/sys/vm/drop_caches
}

# ---- reads fail ----
fresh
device --filter=error file disk.img error-pread=EIO error-pread-rate=100% error-pread-file="$T/bad"
ok $? "a device that can fail" || { done_testing; }
mount_image dev/nbd mnt logfile="$T/log"
ok $? "it is mounted"
touch bad
cat mnt/data >/dev/null 2>err
isnt $? 0 "reading fails"
like "$(cat err)" "Input/output error" "with the right error"
like "$(cat log)" "dev/nbd: reading .*failed in .*block [0-9]+: .*check the device and its cables" "the log says where, and what to do"
rm bad
is "$(sum_of mnt/data)" "$(cat sum)" "the device is well again: reading works"
echo more >mnt/dir/more && sync mnt/dir/more
ok $? "so does writing"
unmount mnt dev/nbd
end_device
out=$(e2fsck -fy disk.img 2>&1)
[ $? -le 1 ]
ok $? "e2fsck has nothing left to repair" || diag "$out"
fsck_clean disk.img "the image is clean"

# ---- writes fail ----
fresh
device --filter=error file disk.img error-pwrite=EIO error-pwrite-rate=100% error-pwrite-file="$T/bad"
mount_image dev/nbd mnt logfile="$T/log"
echo before >mnt/before && sync mnt/before
ok $? "writing works"
touch bad
dd if=/dev/zero of=mnt/lost bs=1M count=1 conv=fsync 2>err
isnt $? 0 "the device takes no more: fsync fails"
like "$(cat err)" "Input/output error|Read-only file system" "with the right error"
mkdir mnt/late 2>/dev/null; sync mnt/late 2>/dev/null
mkdir mnt/later 2>err
like "$(cat err)" "Read-only file system" "its journal cannot be written: read-only"
like "$(cat log)" "dev/nbd: .*journal was aborted \(Input/output error\): now read-only; unmount and run e2fsck" "the log says so"
like "$(cat mnt/before)" "before" "what is there can be read"
rm bad
umount mnt
wait_free dev/nbd
end_device
mount_image disk.img mnt
is "$(cat mnt/before) $(sum_of mnt/data)" "before $(cat sum)" "afterwards all that was synced is there"
unmount mnt disk.img
e2fsck -fy disk.img >out 2>&1
[ $? -le 1 ]
ok $? "e2fsck finds nothing that it cannot repair" || diag "$(cat out)"
fsck_clean disk.img "the image is clean"

# ---- a slow device ----
fresh
device --filter=delay file disk.img rdelay=30ms wdelay=60ms
mount_image dev/nbd mnt
for i in 1 2 3 4; do
	dd if=/dev/zero of=mnt/slow$i bs=64k count=4 conv=fsync 2>/dev/null &
done
is "$(sum_of mnt/data)" "$(cat sum)" "slow: reading works while others write"
wait $(jobs -p | grep -v "^$DEVICE$")
unmount mnt dev/nbd
end_device
fsck_clean disk.img "slow: the image is clean"

# ---- the device goes away ----
fresh
device file disk.img
mount_image dev/nbd mnt logfile="$T/log"
echo before >mnt/before && sync mnt/before
pkill -9 -P $DEVICE nbdkit
echo after >mnt/after 2>/dev/null
sync -f mnt 2>/dev/null
isnt $? 0 "gone: nothing can be synced any more"
cat mnt/data >/dev/null 2>&1
isnt $? 0 "gone: reading fails"
timeout 60 umount mnt
ok $? "gone: the mount can be taken away"
umount -l dev 2>/dev/null
kill $DEVICE 2>/dev/null
wait $DEVICE 2>/dev/null
mount_image disk.img mnt
is "$(cat mnt/before)" before "gone: what was synced is there"
unmount mnt disk.img

# ---- the backing file becomes shorter ----
fresh
mount_image disk.img mnt logfile="$T/log"
drop_caches
truncate -s 8M disk.img
cat mnt/data >/dev/null 2>err
isnt $? 0 "cut off: reading past the end fails"
like "$(cat err)" "Input/output error" "cut off: with the right error"
timeout 60 umount mnt
ok $? "cut off: it can be unmounted"
wait_free disk.img
mount_image disk.img mnt 2>err
isnt $? 0 "cut off: it is not mounted again" || umount mnt
like "$(cat err)" "." "cut off: and is told why"

# ---- the file system that the image lies in is full ----
mkdir small
mount -t tmpfs -o size=16M none small
make_image small/disk.img 64M
mount_image small/disk.img mnt logfile="$T/log"
echo before >mnt/before && sync mnt/before
dd if=/dev/zero of=small/rest bs=64k 2>/dev/null
dd if=/dev/zero of=mnt/much bs=64k count=256 conv=fsync 2>err
isnt $? 0 "full: who writes is told"
like "$(cat err)" "Input/output error|No space left|Read-only" "full: with the right error"
is "$(cat mnt/before)" before "full: reading works"
timeout 60 umount mnt
wait_free small/disk.img
rm small/rest
mount_image small/disk.img mnt 2>err
ok $? "full, then not any more: it mounts again" || diag "$(cat err)"
is "$(cat mnt/before)" before "full: what was synced is there"
echo after >mnt/after && sync mnt/after
ok $? "full: and writing works again"
unmount mnt small/disk.img
e2fsck -fy small/disk.img >out 2>&1
[ $? -le 1 ]
ok $? "full: e2fsck finds nothing that it cannot repair" || diag "$(cat out)"
umount small
done_testing
