#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What takes a capability takes the capability, and not the number 0: root in a container may not trim,
# label or shut down a file system of its host's, nor see its trusted attributes.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck setpriv python3 setfattr getfattr unshare losetup

cd "$T" || exit 2
mkdir mnt
make_image disk.img 64M -L before
attach disk.img

cat >call.py <<'END'
# call.py MOUNT CALL: prints 0 or the error's name
import errno, fcntl, os, struct, sys
f = os.open(sys.argv[1], os.O_RDONLY)
try:
	if sys.argv[2] == "label": fcntl.ioctl(f, 0x41009432, b"after".ljust(256, b"\0"))
	if sys.argv[2] == "trim": fcntl.ioctl(f, 0xc0185879, struct.pack("QQQ", 0, 2**64 - 1, 0))
	if sys.argv[2] == "shutdown": fcntl.ioctl(f, 0x8004587d, struct.pack("I", 0))
	print(0)
except OSError as e:
	print(errno.errorcode[e.errno])
END
CONTAINED="setpriv --inh-caps=-sys_admin --bounding-set=-sys_admin"
# Somebody whose root is not ours, although he has our number.
ELSEWHERE="unshare --user --map-root-user"

mount_image "$LOOP" mnt kernel
touch mnt/file
setfattr -n trusted.secret -v x mnt/file
for who in "$CONTAINED" "$ELSEWHERE"; do
	name=${who%% *}
	$who true 2>/dev/null || { skip "$name is not possible here" "$name"; continue; }
	for call in label trim shutdown; do
		is "$($who "$PYTHON" call.py mnt $call)" EPERM "$name: $call"
	done
	is "$($who getfattr --absolute-names -m - mnt/file 2>/dev/null | grep -c trusted)" 0 "$name: trusted attributes are not listed"
done
is "$(blkid -p -s LABEL -o value "$LOOP")" before "the label is what it was"
is "$(getfattr --absolute-names -m - mnt/file | grep -c trusted)" 1 "root with all capabilities sees them"
is "$("$PYTHON" call.py mnt label)" 0 "and changes the label"
is "$(blkid -p -s LABEL -o value "$LOOP")" after "which is on the device"
is "$("$PYTHON" call.py mnt trim)" 0 "and trims"
is "$("$PYTHON" call.py mnt shutdown)" 0 "and shuts down"
umount -i mnt

mount_image "$LOOP" mnt kernel,trust_root
is "$($CONTAINED "$PYTHON" call.py mnt label)" 0 "trust_root: the number counts"
umount -i mnt
fsck_clean "$LOOP" "clean"
done_testing
