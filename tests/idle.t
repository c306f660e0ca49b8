#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that nobody calls sleeps, also right after it was busy.
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4
cd "$T" || exit 2
mkdir mnt
make_image disk.img 64M

# Its processor time so far, in clock ticks.
ticks()
{
	awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$(server_of disk.img)/stat"
}

load()
{
	local i
	mkdir "mnt/$1"
	for i in {1..300}; do
		echo "$i" >"mnt/$1/$i"
	done
	rm -r "mnt/${1:?}"
}

# sleeps NAME: a tenth of one processor is far too much, but who never sleeps uses all of one.
sleeps()
{
	local before used
	sync -f mnt
	sleep 0.5
	before=$(ticks)
	sleep 2
	used=$(($(ticks) - before))
	[ "$used" -le $(($(getconf CLK_TCK) / 5)) ]
	ok $? "$1" || diag "used $used ticks in two seconds"
}

mount_image disk.img mnt
ok $? "mounted"
load one
sleeps "after one caller"
for i in 1 2 3 4; do load "dir$i" & done
wait
sleeps "after four callers"
dd if=/dev/zero of=mnt/big bs=1M count=16 conv=fsync status=none
cat mnt/big >/dev/null
sleeps "after much data"
unmount mnt disk.img
ok $? "unmounted"
fsck_clean disk.img "clean"
done_testing
