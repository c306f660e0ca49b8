#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same bytes under another name are the same device: a loop device is a part of its file, whoever mounts
# it, with and without a service.  Parts that do not overlap are different devices.
. "$(dirname "$0")/lib.sh"
. "$TESTS/service.sh"
have_kernel_ext4 || skip_all "no loop devices, or no ext4 in the kernel"
FUSE4FS=$T/bin/fuse4fs
cd "$T" || exit 2
mkdir mnt mnt2

# ours DEVICE MOUNTPOINT [OPTIONS]: mount in the way that is being tested; what it says is in $out.
ours()
{
	if [ $way = service ]; then
		out=$("$HELPER" "$(realpath "$1")" "$T/$2" -t ext4 -o "${3:-rw}" 2>&1)
	else
		out=$("$FUSE4FS" -o "${3:-rw}" "$1" "$2" 2>&1)
	fi
}

# refused NAME REGEX DEVICE [OPTIONS]
refused()
{
	local before
	sync -f . && before=$(sum_of a.img)
	ours "$3" mnt2 "${4:-rw}"
	isnt $? 0 "$way: $1: refused"
	like "$out" "$2" "$way: $1: and it is said by whom it is used" || true
	is "$(entry mnt2)" "" "$way: $1: nothing is mounted" || unmount mnt2 a.img
	is "$(sum_of a.img)" "$before" "$way: $1: not a byte has changed"
}

gone()
{
	local i
	umount "$1" || return
	for i in $(seq 200); do
		server_of "$2" >/dev/null || return 0
		sleep 0.05
	done
}

# test_way: all of it, in one way.
test_way()
{
	local loop1 loop2 i
	make_image a.img 32M
	ours a.img mnt
	is $? 0 "$way: an image" || diag "$out"
	sync -f mnt
	attach a.img
	loop1=$LOOP
	refused "a loop device over a mounted image" "$loop1.*(fuse4fs|server).*mounted on $T/mnt" "$loop1"
	refused "read-only" "$loop1.*mounted on $T/mnt" "$loop1" ro
	gone mnt a.img
	ours "$loop1" mnt
	is $? 0 "$way: the same loop device afterwards" || diag "$out"
	sync -f mnt
	refused "an image whose loop device is mounted" "a.img.*$loop1" a.img
	ln a.img hard
	ln -s hard soft
	refused "its other names" "$loop1" soft
	rm hard soft
	attach a.img
	loop2=$LOOP
	refused "a second loop device over the same file" "$loop2.*(fuse4fs|server).*mounted on $T/mnt.*$loop1" "$loop2"
	mv a.img moved.img
	ln moved.img a.img
	refused "the file has another name now" "$loop1" "$loop2"
	rm moved.img
	gone mnt "$loop1"
	mount -t ext4 "$loop1" mnt
	refused "a loop device beside one that the kernel has mounted" "$loop2.*kernel.*mounted on $T/mnt.*$loop1" "$loop2"
	umount mnt
	ours "$loop2" mnt
	is $? 0 "$way: it is free again" || diag "$out"
	gone mnt "$loop2"
	detach "$loop1"
	detach "$loop2"
	fsck_clean a.img "$way: clean"

	# Parts: 32 MiB and 32 MiB.
	truncate -s 64M a.img
	attach a.img --sizelimit 32M
	loop1=$LOOP
	attach a.img -o 32M
	loop2=$LOOP
	mkfs.ext4 -q -F "$loop2"
	ours "$loop1" mnt
	is $? 0 "$way: the first half" || diag "$out"
	ours "$loop2" mnt2
	is $? 0 "$way: and the second" || diag "$out"
	gone mnt2 "$loop2"
	detach "$loop2"
	attach a.img -o 31M
	loop2=$LOOP
	refused "a part that overlaps" "$loop2.*$loop1" "$loop2"
	gone mnt "$loop1"
	detach "$loop1"
	detach "$loop2"

	ours a.img mnt
	attach a.img -o 32M
	refused "offset of a loop device, over a mounted image" "$LOOP.*mounted on $T/mnt" "$LOOP"
	gone mnt a.img
	ours a.img mnt offset=32M
	isnt $? 0 "$way: offset=, under a loop device: refused"
	detach "$LOOP"

	# Who only reads is no conflict.
	attach a.img -r
	loop1=$LOOP
	attach a.img -r
	loop2=$LOOP
	ours "$loop1" mnt ro && ours "$loop2" mnt2 ro
	is $? 0 "$way: two read-only loop devices" || diag "$out"
	umount mnt
	gone mnt2 "$loop2"
	detach "$loop1"
	detach "$loop2"
	fsck_clean a.img "$way: clean at the end"
}

way=ordinary
test_way
listen ext4 -- "$T/bin/fuse4fs" -o kernel
way=service
test_way

if command -v dmsetup >/dev/null && attach a.img && dmsetup create "fuse4fs-test-$$" --table \
	"0 65536 linear $LOOP 0" --addnodeoncreate >dm.log 2>&1; then
	way=ordinary
	attach a.img
	ours "/dev/mapper/fuse4fs-test-$$" mnt
	is $? 0 "device mapper: mounts"
	refused "the file under a mapped device" "loop" "$LOOP"
	gone mnt "/dev/mapper/fuse4fs-test-$$"
	ours "$LOOP" mnt
	is $? 0 "device mapper: a loop device beside it"
	out=$("$FUSE4FS" "/dev/mapper/fuse4fs-test-$$" mnt2 2>&1)
	isnt $? 0 "device mapper: refused while that is mounted"
	like "$out" "$LOOP" "device mapper: and it is said"
	gone mnt "$LOOP"
	dmsetup remove "fuse4fs-test-$$"
else
	skip "no device mapper" "device mapper"
fi
done_testing
