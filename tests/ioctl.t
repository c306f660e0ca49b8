#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What ioctl(2) asks: flags that an open must obey, extended flags, versions, labels,
# trimming, shutting down; and file handles.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 chattr lsattr fstrim

cd "$T" || exit 2
mkdir mnt
make_image a.img 64M -L before -O ^metadata_csum
mount_image a.img mnt kernel,logfile="$T/log"

# --- flags
echo data >mnt/file
chattr +i mnt/file
ok $? "chattr +i"
like "$(lsattr mnt/file)" "^----i" "lsattr shows it"
(echo more >>mnt/file) 2>/dev/null
isnt $? 0 "immutable: no writing"
rm -f mnt/file 2>/dev/null
isnt $? 0 "immutable: no removal"
mv mnt/file mnt/other 2>/dev/null
isnt $? 0 "immutable: no renaming"
chmod 600 mnt/file 2>/dev/null
isnt $? 0 "immutable: no chmod"
ln mnt/file mnt/link 2>/dev/null
isnt $? 0 "immutable: no link"
chattr -i mnt/file && echo more >>mnt/file
ok $? "chattr -i gives all back"
chattr +a mnt/file
echo appended >>mnt/file
ok $? "append-only: appending"
(echo over >mnt/file) 2>/dev/null
isnt $? 0 "append-only: no truncation"
"$PYTHON" -c 'import os; os.open("mnt/file", os.O_WRONLY)' 2>/dev/null
isnt $? 0 "append-only: no opening for writing elsewhere"
is "$(cat mnt/file)" "data
more
appended" "append-only: the content"
chattr -a mnt/file
mkdir mnt/dir
chattr +d mnt/dir
touch mnt/dir/child
like "$(lsattr mnt/dir/child)" "^------d" "nodump is inherited"

# --- the rest, by number
cat >numbers.py <<'PY'
import ctypes, fcntl, os, struct
FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR = 0x801c581f, 0x401c5820
FS_IOC_GETVERSION, FS_IOC_SETVERSION = 0x80087601, 0x40087602
FS_IOC_GETFSLABEL, FS_IOC_SETFSLABEL = 0x81009431, 0x41009432
def ok(good, name):
    print(0 if good else 1, name)
fd = os.open("mnt/file", os.O_RDONLY)
fa = bytearray(28)
fcntl.ioctl(fd, FS_IOC_FSGETXATTR, fa)
ok(struct.unpack_from("I", fa)[0] == 0, "FSGETXATTR: no flags")
struct.pack_into("I", fa, 0, 0x80)
fcntl.ioctl(fd, FS_IOC_FSSETXATTR, fa)
fcntl.ioctl(fd, FS_IOC_FSGETXATTR, fa)
ok(struct.unpack_from("I", fa)[0] == 0x80, "FSSETXATTR: nodump")
v = bytearray(struct.pack("l", 4711))
fcntl.ioctl(fd, FS_IOC_SETVERSION, v)
v = bytearray(8)
fcntl.ioctl(fd, FS_IOC_GETVERSION, v)
ok(struct.unpack_from("i", v)[0] == 4711, "SETVERSION, GETVERSION")
label = bytearray(256)
fcntl.ioctl(fd, FS_IOC_GETFSLABEL, label)
ok(label.rstrip(b"\0") == b"before", "GETFSLABEL")
fcntl.ioctl(fd, FS_IOC_SETFSLABEL, bytearray(b"after".ljust(256, b"\0")))
fcntl.ioctl(fd, FS_IOC_GETFSLABEL, label)
ok(label.rstrip(b"\0") == b"after", "SETFSLABEL")
os.close(fd)

# Handles name an inode and its generation.
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]
def handle(path):
    h, mount = Handle(128), ctypes.c_int()
    r = libc.name_to_handle_at(-100, path.encode(), ctypes.byref(h), ctypes.byref(mount), 0)
    return h if r == 0 else None
root = os.open("mnt", os.O_RDONLY)
os.makedirs("mnt/deep/er")
open("mnt/deep/er/file", "w").write("by handle")
h = handle("mnt/deep/er/file")
ok(h is not None, "name_to_handle_at")
fd = libc.open_by_handle_at(root, ctypes.byref(h), os.O_RDONLY)
ok(fd >= 0 and os.read(fd, 100) == b"by handle", "open_by_handle_at")
if fd >= 0:
    os.close(fd)
os.unlink("mnt/deep/er/file")
open("mnt/deep/er/file", "w").write("another")
fd = libc.open_by_handle_at(root, ctypes.byref(h), os.O_RDONLY)
ok(fd < 0 and ctypes.get_errno() == 116, "a handle of a deleted file is stale")
PY
while read -r status name; do
	ok "$status" "$name"
done < <("$PYTHON" numbers.py || echo "1 the program that calls them ends well")

# --- trimming gives the image's blocks back
dd if=/dev/urandom of=mnt/big bs=1M count=20 status=none
sync -f mnt
rm mnt/big
sync -f mnt
before=$(stat -c %b a.img)
like "$(fstrim -v mnt 2>&1)" "trimmed" "FITRIM"
after=$(stat -c %b a.img)
[ "$after" -lt $((before - 30000)) ]
ok $? "FITRIM: the image has shrunk ($before to $after sectors)"
unmount mnt a.img
is "$(e2label a.img)" after "the label is on the disk"
fsck_clean a.img "clean"

# --- shutting down: what was fsynced is there, nothing works any more
mount_image a.img mnt kernel
echo safe >mnt/safe
"$PYTHON" - <<'PY'
import fcntl, os, struct
fd = os.open("mnt/safe", os.O_RDONLY)
os.fsync(fd)
fcntl.ioctl(os.open("mnt", os.O_RDONLY), 0x8004587d, struct.pack("I", 0))
PY
ok $? "SHUTDOWN"
(echo no >mnt/no) 2>/dev/null
isnt $? 0 "SHUTDOWN: nothing can be made"
umount mnt
wait_free a.img
mount_image a.img mnt
is "$(cat mnt/safe)" safe "SHUTDOWN: the next mount has what was fsynced"
[ ! -e mnt/no ]
ok $? "SHUTDOWN: and nothing else"
unmount mnt a.img
fsck_clean a.img "clean after all"
done_testing
