#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mount can be idmapped: files show and get the numbers of the mapping.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck python3 unshare

cd "$T" || exit 2
chmod 755 "$T"
mkdir mnt mapped
make_image disk.img 64M

cat >idmap.py <<'END'
# idmap.py FROM TO: a copy of mount FROM at TO in which the file system's 0 to 999 are 100000 and on
import ctypes, os, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
class Attr(ctypes.Structure):
	_fields_ = [(n, ctypes.c_uint64) for n in ("set", "clr", "propagation", "userns")]
p = subprocess.Popen(["unshare", "--user", "sleep", "60"])
while os.readlink(f"/proc/{p.pid}/ns/user") == os.readlink("/proc/self/ns/user"):
	time.sleep(0.02)
for kind in "uid", "gid":
	open(f"/proc/{p.pid}/{kind}_map", "w").write("0 100000 1000")
ns = os.open(f"/proc/{p.pid}/ns/user", os.O_RDONLY)
tree = libc.syscall(428, -100, sys.argv[1].encode(), 1 | 0x80000)
attr = Attr(0x100000, 0, 0, ns)
if libc.syscall(442, tree, b"", 0x1000, ctypes.byref(attr), ctypes.sizeof(attr)):
	print("mount_setattr:", os.strerror(ctypes.get_errno()))
elif libc.syscall(429, tree, b"", -100, sys.argv[2].encode(), 4):
	print("move_mount:", os.strerror(ctypes.get_errno()))
p.kill()
END

mount_image disk.img mnt kernel
touch mnt/root && chown 5:7 mnt/root && chmod 777 mnt
out=$("$PYTHON" idmap.py mnt mapped)
if [[ $out = mount_setattr:* ]] && [ "$(printf '6.12\n%s\n' "$(uname -r | sed 's/-.*//')" | sort -V | head -n 1)" != 6.12 ]; then
	skip "Linux before 6.12 has no idmapped FUSE mounts" "idmapped"
else
	is "$out" "" "the mount is idmapped"
	is "$(stat -c %u:%g mapped/root)" 100005:100007 "owners are shown as mapped"
	setpriv --reuid 100009 --regid 100009 --clear-groups touch mapped/new
	is "$(stat -c %u:%g mnt/new)" 9:9 "new files get the numbers of the file system"
	setpriv --reuid 100009 --regid 100009 --clear-groups bash -c 'echo text >mapped/new'
	is "$(cat mapped/new)" text "and are written"
	umount mapped
fi
unmount mnt disk.img
fsck_clean disk.img "clean"
mount_image disk.img mnt kernel,noidmap
like "$("$PYTHON" idmap.py mnt mapped)" "mount_setattr: Invalid" "noidmap: refused"
unmount mnt disk.img
done_testing
