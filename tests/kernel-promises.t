#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the kernel and the server agree on when they meet, whichever libfuse is between them: extended
# attributes in the longer message, set-id bits that go away with writing and with an ACL, nameless files,
# birth times, and mapping a file that is opened past the cache.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck setfattr getfattr setfacl setpriv python3
cd "$T" || exit 2
mkdir mnt
chmod 711 .
make_image a.img 64M -b 4096
mount_image a.img mnt allow_other
touch mnt/file

head -c 3000 /dev/urandom >value
"$PYTHON" - <<'X2'
import os
value = open("value", "rb").read()
f = "mnt/file"
def refused(error, *args):
    try:
        os.setxattr(f, *args)
        return False
    except OSError as e:
        return e.errno == error
import errno
os.setxattr(f, "user.large", value, os.XATTR_CREATE)
assert os.getxattr(f, "user.large") == value
os.setxattr(f, "user.empty", b"")
assert os.getxattr(f, "user.empty") == b""
assert refused(errno.EEXIST, "user.large", b"x", os.XATTR_CREATE)
assert refused(errno.ENODATA, "user.none", b"x", os.XATTR_REPLACE)
assert os.getxattr(f, "user.large") == value
os.setxattr(f, "user.large", b"small", os.XATTR_REPLACE)
assert sorted(os.listxattr(f)) == ["user.empty", "user.large"]
X2
is $? 0 "attributes: made, replaced, refused as asked"
setfattr -n user.text -v "some text" mnt/file
is "$(getfattr --only-values -n user.text mnt/file)" "some text" "setfattr and getfattr"

uid=1234 gid=2345
as_user="setpriv --reuid=$uid --regid=$gid --clear-groups"
mkdir mnt/own && chown $uid:$gid mnt/own
if $as_user test -w mnt/own 2>/dev/null; then
	# A file of a group that its owner is not in.
	touch mnt/own/set && chown $uid:77 mnt/own/set && chmod 2770 mnt/own/set
	$as_user setfacl -m u:99:r mnt/own/set
	is "$? $(stat -c %A mnt/own/set | cut -c 7)" "0 x" "an ACL of somebody outside the group: no setgid any more"
	touch mnt/own/set2 && chown $uid:$gid mnt/own/set2 && chmod 2770 mnt/own/set2
	$as_user setfacl -m u:99:r mnt/own/set2
	is "$? $(stat -c %A mnt/own/set2 | cut -c 7)" "0 s" "of a member: it stays"
	echo x >mnt/own/suid && chown $uid:$gid mnt/own/suid && chmod 6777 mnt/own/suid
	setpriv --reuid=99 --regid=99 --clear-groups bash -c 'echo more >>mnt/own/suid'
	is "$? $(stat -c %a mnt/own/suid)" "0 777" "somebody else writes: no set-id bits any more"
else
	skip "an ordinary user does not get there" "set-id bits"
fi

isnt "$(stat -c %W mnt/file)" 0 "a birth time"
"$PYTHON" -c 'import os
fd = os.open("mnt", os.O_TMPFILE | os.O_RDWR, 0o600)
os.write(fd, b"nameless")
os.system("ln -L /proc/%d/fd/%d mnt/named" % (os.getpid(), fd))'
is "$? $(cat mnt/named)" "0 nameless" "a nameless file gets a name"
sync -f mnt
is $? 0 "syncfs"

# Next to nothing is free, so that what is opened now for writing goes past the cache.
head -c 65536 /dev/zero >mnt/mapped
dd if=/dev/zero of=mnt/big bs=1M 2>/dev/null
dd if=/dev/zero of=mnt/small bs=4k 2>/dev/null
[ "$(stat -f -c %a mnt)" -le 1 ]
ok $? "the disk is full"
if [ "$(printf '6.6\n%s\n' "$(uname -r)" | sort -V | head -n 1)" = 6.6 ]; then
	out=$("$PYTHON" -c 'import mmap, os
fd = os.open("mnt/mapped", os.O_RDWR)
m = mmap.mmap(fd, 65536)
m[5000:5006] = b"mapped"
m.flush()
assert os.pread(fd, 6, 5000) == b"mapped"
os.pwrite(fd, b"written", 9000)
assert m[9000:9007] == b"written"
m.close()' 2>&1)
	is "$?:$out" "0:" "a file on a full disk is mapped, shared and for writing"
	unmount mnt a.img
	mount_image a.img mnt
	is "$(tail -c +5001 mnt/mapped | head -c 6) $(tail -c +9001 mnt/mapped | head -c 7)" "mapped written" "and has what was written"
else
	skip "kernels before 6.6 do not let such files be mapped" "mapping a file on a full disk"
fi
unmount mnt a.img
fsck_clean a.img "clean"
done_testing
