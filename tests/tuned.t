#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What tune2fs changes on a mounted device stays and is seen, as under the kernel; a label that is set through the mount
# is on the device at once.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 tune2fs dumpe2fs blkid
have_kernel_ext4 || skip_all "needs loop devices"

cd "$T" || exit 2
mkdir mnt
cat >label.py <<'END'
import fcntl, os, sys
fd = os.open("mnt", os.O_RDONLY)
if len(sys.argv) > 1:
    fcntl.ioctl(fd, 0x41009432, sys.argv[1].encode().ljust(256, b"\0"))
else:
    label = bytearray(256)
    fcntl.ioctl(fd, 0x81009431, label)
    print(label.rstrip(b"\0").decode())
END

# Something that has the superblock written: a file that is deleted while it is open, in the list of orphans.
use()
{
	"$PYTHON" -c 'import os
for i in range(20):
    f = open("mnt/orphan%d" % i, "w")
    f.write("x" * 10000)
    f.flush()
    os.unlink("mnt/orphan%d" % i)
    os.fsync(f.fileno())'
	sync -f mnt
}

field()
{
	dumpe2fs -h "$LOOP" 2>/dev/null | sed -n "s/^$1: *//p"
}

# try NAME MOUNT-OPTIONS MKFS-ARGUMENT...
try()
{
	local name=$1 options=$2 was avail
	shift 2
	make_image a.img 64M -b 4096 -m 5 -L first "$@"
	attach a.img
	mount_image "$LOOP" mnt "$options"
	use
	avail=$(stat -f -c %a mnt)
	tune2fs -m 1 -c 77 -i 5d -e remount-ro -o nobarrier -E stride=8,stripe_width=16 "$LOOP" >tune.out 2>&1 &&
		# By itself: tune2fs may ask the mount for that, and then does nothing else.
		tune2fs -L second "$LOOP" >>tune.out 2>&1
	ok $? "$name: tune2fs" || diag "$(cat tune.out)"
	is "$("$PYTHON" label.py)" second "$name: the label is seen at the mount"
	isnt "$(stat -f -c %a mnt)" "$avail" "$name: and the smaller reserve"
	use
	"$PYTHON" label.py third
	is "$(blkid -p -s LABEL -o value "$LOOP")" third "$name: a label set at the mount is on the device at once"
	use
	is "$(blkid -p -s LABEL -o value "$LOOP")" third "$name: and stays there"
	unmount mnt "$LOOP"
	is "$(field 'Reserved block count')" 163 "$name: the reserve is kept"
	is "$(field 'Maximum mount count')" 77 "$name: -c is kept"
	is "$(field 'Errors behavior')" "Remount read-only" "$name: -e is kept"
	like "$(field 'Default mount options')" nobarrier "$name: -o is kept"
	is "$(field 'RAID stride')" 8 "$name: -E is kept"
	is "$(field 'Filesystem volume name')" third "$name: the label is kept"
	fsck_clean a.img "$name: clean"
	detach "$LOOP"
}

try journal "" -J size=4
try "no journal" "" -O ^has_journal
try directio directio -J size=4

# A crash right after the label was set.
make_image a.img 32M -L first
mount_image a.img mnt
use
"$PYTHON" label.py second
kill_server a.img mnt
is "$(blkid -p -s LABEL -o value a.img)" second "a crash: the label is there"
mount_image a.img mnt
is "$("$PYTHON" label.py)" second "and after the replay"
unmount mnt a.img
fsck_clean a.img "clean"

done_testing
