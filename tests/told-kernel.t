#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the server changes by itself, or learns, is what the next system call sees: the kernel's caches
# show nothing that is not so.  The same commands on the kernel's ext4 say what is right.
. "$(dirname "$0")/lib.sh"
. "$TESTS/beside.sh"
need setfacl python3
stat_mode='stat -c %a'

compare "set-id bits go with the first write of somebody else" "
	cp /bin/true f; chmod 6777 f; $USER bash -c 'printf x >>f'; $stat_mode f"
compare "with O_TRUNC" "cp /bin/true f; chmod 6777 f; $USER bash -c ': >f'; $stat_mode f"
compare "with a write past the cache" "
	cp /bin/true f; chmod 6777 f; $USER dd if=/dev/zero of=f bs=4096 count=1 oflag=direct conv=notrunc status=none; $stat_mode f"
compare "with truncate(2)" "cp /bin/true f; chmod 6777 f; $USER truncate -s 5 f; $stat_mode f"
compare "the program no longer runs as its owner" "
	cp /usr/bin/id f; chmod 6777 f; $USER ./f -u; $USER bash -c 'printf x >>f'; $USER ./f -u"
compare "chown of nothing: set-id bits" "touch f; chmod 6555 f; $PYTHON -c 'import os; os.chown(\"f\", -1, -1)'; $stat_mode f"
for kind in "touch f" "mkdir f" "mkfifo f" "ln -s x f"; do
	compare "chown of nothing: times of $kind" "
		$kind; $CHANGED f $PYTHON -c 'import os; os.chown(\"f\", -1, -1, follow_symlinks=False)'"
done
compare "chattr changes the change time" "touch f; $CHANGED f chattr +d f"
compare "setfacl clears setgid of whom the group does not know" "
	touch f; chown 1000:2000 f; chmod 2755 f; $USER setfacl -m u::rwx,g::rwx,o::rwx f; $stat_mode f"
compare "and leaves it to members" "
	touch f; chown 1000:1000 f; chmod 2755 f; $USER setfacl -m u::rwx,g::rwx,o::rwx f; $stat_mode f"
compare "a file that became immutable while it was open" "
	touch f; exec 9>>f; printf one >&9; chattr +i f; printf two >&9; echo \$?; chattr -i f; printf three >&9; echo \$?
	exec 9>&-; cat f"
compare "SEEK_DATA and SEEK_HOLE of what is not written back" "
	$PYTHON -c '
import os
f = os.open(\"f\", os.O_RDWR | os.O_CREAT)
os.pwrite(f, b\"x\" * 4096, 1 << 20)
print(os.lseek(f, 0, os.SEEK_DATA), os.lseek(f, 1 << 20, os.SEEK_HOLE), os.lseek(f, 0, os.SEEK_HOLE))
for whence in os.SEEK_DATA, os.SEEK_HOLE:
	try: os.lseek(f, 2 << 20, whence)
	except OSError as e: print(e.errno)
'"
compare "lsattr -v passes an int" "touch f; lsattr -v f | sed 's/^ *[0-9]* *//'"
compare "a read after a write moves the access time" "
	echo a >f; sleep 0.05; a=\$(stat -c %X.%x f); cat f >/dev/null; [ \"\$a\" != \"\$(stat -c %X.%x f)\" ]; echo \$?"

umount ours && wait_free ours.img
fsck_clean ours.img "clean"

version=$(uname -r)
make_image small.img 32M -I 128 2>/dev/null
mount_image small.img ours
touch -d @4294967296 ours/f
sleep 0.5
if [ "$(printf '6.18\n%s\n' "${version%%-*}" | sort -V | head -n 1)" = 6.18 ]; then
	before=$(stat -c %Y ours/f)
	umount ours && wait_free small.img
	mount_image small.img ours
	is "$before" "$(stat -c %Y ours/f)" "a time that the inode has no room for is seen as it was stored"
else
	skip "Linux before 6.18 forgets no inode on demand" "a time that the inode has no room for"
fi
unmount ours small.img
done_testing
