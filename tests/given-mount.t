#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The mount point may be /dev/fd/N, the FUSE device of a mount that somebody else has made, as mount.fuse3 does with
# drop_privileges.  No dead mount is left when it comes to nothing.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 python3
cd "$T" || exit 2
mkdir mnt
make_image a.img 16M

# give.py MOUNTPOINT COMMAND...: mount, and run COMMAND with /dev/fd/N as its last word.
cat >give.py <<'X'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open("/dev/fuse", os.O_RDWR)
os.set_inheritable(fd, True)
data = f"fd={fd},rootmode=40000,user_id=0,group_id=0,default_permissions"
if libc.mount(b"a.img", sys.argv[1].encode(), b"fuse.ext4", 6, data.encode()):
    sys.exit(99)
os.execv(sys.argv[2], sys.argv[2:] + [f"/dev/fd/{fd}"])
X
give()
{
	timeout 60 "$PYTHON" give.py "$T/mnt" "$FUSE4FS" "$@" >out 2>&1
}
is_mounted()
{
	grep -c " $T/mnt " /proc/self/mounts
}

give a.img
is $? 0 "a mount that is given to us" || diag "$(cat out)"
echo hello >mnt/f && sync mnt/f
is "$(cat mnt/f)" hello "is served"
unmount mnt a.img
is "$(is_mounted)" 0 "and unmounted"
fsck_clean a.img "clean"

give a.img
pid=$(server_of a.img)
echo more >mnt/g
kill -TERM "$pid"
wait_free a.img
is "$(is_mounted)" 0 "SIGTERM: it is unmounted"
fsck_clean a.img "SIGTERM: clean"
[ "$(is_mounted)" = 0 ] || umount -l mnt

for bad in none.img give.py; do
	give $bad
	isnt $? 0 "$bad: refused"
	is "$(is_mounted)" 0 "$bad: no dead mount is left" || umount -l mnt
done
mount_image a.img mnt
give a.img
isnt $? 0 "in use: refused"
is "$(is_mounted)" 1 "in use: the first mount is still there"
is "$(cat mnt/f)" hello "in use: and serves"
while [ "$(is_mounted)" -gt 1 ]; do umount -l mnt; done
unmount mnt a.img

if command -v mount.fuse3 >/dev/null; then
	mkdir bin
	ln -s "$(realpath "$FUSE4FS")" bin/fuse4fs
	PATH=$T/bin:$PATH timeout 60 mount.fuse3 "fuse4fs#$T/a.img" "$T/mnt" -o drop_privileges,default_permissions,rw >out 2>&1
	is $? 0 "mount.fuse3 -o drop_privileges" || diag "$(cat out)"
	is "$(cat mnt/f)" hello "mount.fuse3: is served"
	is "$(awk '/^CapEff/ { print $2 }' "/proc/$(server_of a.img)/status")" 0000000000000000 "mount.fuse3: without capabilities"
	unmount mnt a.img
	[ "$(is_mounted)" = 0 ] || umount -l mnt
	fsck_clean a.img "mount.fuse3: clean"
fi
exec 7</dev/null
out=$("$FUSE4FS" a.img /dev/fd/7 2>&1)
isnt $? 0 "a descriptor of something else: refused"
done_testing
