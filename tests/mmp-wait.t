#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Multi-mount protection: whoever has to wait for another host is told for how long, may end it, and waits
# minutes and not hours, whatever the image says.
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4 e2fsck debugfs
cd "$T" || exit 2
mkdir mnt
make_image a.img 16M -b 1024 -O mmp,^metadata_csum -E mmp_update_interval=1

# put OFFSET BYTES: into the block that hosts share.
block=$(dumpe2fs -h a.img 2>/dev/null | sed -n 's/^MMP block number: *//p')
put()
{
	printf "$2" | dd of=a.img bs=1 seek=$((block * 1024 + $1)) conv=notrunc status=none
}
put 4 '\322\4\0\0'
put 112 '\377\377'
like "$(debugfs -R dump_mmp a.img 2>/dev/null)" "65535" "an image whose check interval is as long as can be"
cp a.img before.img

for signal in TERM INT; do
	for options in rw rw,nosandbox; do
		"$FUSE4FS" -o $options "$T/a.img" mnt 2>err &
		front=$!
		for i in $(seq 100); do [ -s err ] && break; sleep 0.1; done
		like "$(cat err)" "a.img: multi-mount protection: .* 3[0-9][0-9] seconds" "$options: it is told for how long"
		pid=$(pgrep -f "fuse4fs -o $options $T/a.img mnt" | tail -n 1)
		kill -$signal "$pid"
		for i in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
		! kill -0 "$pid" 2>/dev/null
		ok $? "$options: SIG$signal ends it at once" || kill -9 "$pid"
		wait $front
		is $? 32 "$options: nothing was mounted"
		like "$(cat err)" "told to end" "$options: which is said"
		is "$(grep -c " $T/mnt " /proc/self/mounts)" 0 "$options: no mount is left"
		cmp a.img before.img
		ok $? "$options: the image is as it was"
	done
done
done_testing
