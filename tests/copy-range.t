#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# copy_file_range(2) copies in the server, not through the kernel's pages, and what it copies, changes and refuses is what the
# kernel's ext4 does.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
. "$TESTS/beside.sh"
need truncate
"$PYTHON" -c 'import os; os.copy_file_range' 2>/dev/null || skip_all "a python3 without copy_file_range"

# copy.py FROM OFFSET TO OFFSET LENGTH [COMMAND]: until it is copied; COMMAND runs after both were opened.
cat >copy.py <<'END'
import errno, os, subprocess, sys
f = os.open(sys.argv[1], os.O_RDWR)
t = f if sys.argv[1] == sys.argv[3] else os.open(sys.argv[3], os.O_RDWR | os.O_CREAT, 0o644)
off, to, n = int(sys.argv[2]), int(sys.argv[4]), int(sys.argv[5])
if len(sys.argv) > 6: subprocess.call(sys.argv[6], shell=True)
total = 0
try:
	while n:
		r = os.copy_file_range(f, t, n, off, to)
		if not r: break
		off, to, n, total = off + r, to + r, n - r, total + r
except OSError as e:
	print(errno.errorcode[e.errno])
print(total)
END
COPY="$PYTHON $T/copy.py"
head -c 12000001 /dev/urandom >random

cp random ours/a && cp --reflink=never --sparse=never ours/a ours/b
is "$(sum_of ours/b)" "$(sum_of random)" "cp copies what has just been written"
rm ours/b
$COPY ours/a 0 ours/b 0 12000001 >out
is "$(cat out)" 12000001 "copy_file_range copies all"
is "$(sum_of ours/b)" "$(sum_of random)" "what was there"
is "$($PYTHON -c '
import ctypes, mmap, os
a, c = os.open("ours/a", os.O_RDONLY), os.open("ours/c", os.O_RDWR | os.O_CREAT)
n = os.copy_file_range(a, c, 1 << 20, 0, 0)
m, seen = mmap.mmap(c, n), ctypes.create_string_buffer(n // 4096)
ctypes.CDLL(None).mincore(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(m))), n, seen)
print(sum(b & 1 for b in seen.raw))
')" 0 "the kernel has no pages of the copy"
rm ours/a ours/b ours/c

compare "parts, over what was there and is not written back" "
	head -c 300000 $T/random >a; head -c 200000 /dev/zero | tr '\0' x >b; cksum b
	$COPY a 12345 b 54321 100001; cksum b; stat -c '%s %b' b"
compare "beyond the end of the target" "head -c 300000 $T/random >a; printf abc >b; $COPY a 7 b 100000 5000; cksum b; stat -c %s b"
compare "within a file" "head -c 300000 $T/random >a; $COPY a 10 a 200000 99990; $COPY a 200000 a 310000 1000; cksum a"
compare "ranges that overlap" "head -c 300000 $T/random >a; $COPY a 10 a 1000 5000; cksum a"
compare "more than there is" "head -c 1000 $T/random >a; $COPY a 500 b 0 5000; $COPY a 1000 b 0 1; $COPY a 5000 b 0 1; cksum b"
compare "a hole before what is not written back" "
	$PYTHON -c 'import os; os.pwrite(os.open(\"a\", os.O_RDWR | os.O_CREAT), b\"x\" * 4096, 1 << 20)'
	exec 9<>a; printf y | dd of=a bs=1 seek=3M conv=notrunc status=none; $COPY a 0 b 0 65536; cksum b
	$COPY a 2097152 b 65536 65536; cksum b; exec 9>&-"
compare "set-id bits go, when another copies" "
	cp /bin/true f; chmod 6777 f; printf x >a; chmod 666 a; $USER $COPY a 0 f 0 1; stat -c %a f"
compare "and stay, when root does" "cp /bin/true f; chmod 6777 f; printf x >a; $COPY a 0 f 0 1; stat -c %a f"
compare "times of the target" "touch f; printf x >a; $CHANGED f $COPY a 0 f 0 1"
compare "an immutable target" "printf x >a; printf y >f; $COPY a 0 f 0 1 'chattr +i f'; chattr -i f; cat f"
compare "a directory, a descriptor that only reads" "
	mkdir d; printf x >a; $PYTHON -c '
import os
a, d = os.open(\"a\", os.O_RDONLY), os.open(\"d\", os.O_RDONLY)
for t in a, d:
	try: os.copy_file_range(a, t, 1, 0, 0)
	except OSError as e: print(e.errno)
'"
printf y >ours/f
printf x >ours/a
like "$($COPY ours/a 0 ours/f 0 1 'chattr +a ours/f'; chattr -a ours/f; cat ours/f)" "^EPERM.0.y$" "append-only: nothing but its end is written"
printf y >ours/f
printf x >ours/a
$PYTHON -c '
import os
a, f = os.open("ours/a", os.O_RDONLY), os.open("ours/f", os.O_WRONLY | os.O_SYNC)
os.copy_file_range(a, f, 1, 0, 0)
'
kill_server ours.img ours
mount_image ours.img ours kernel
is "$(cat ours/f)" x "with O_SYNC it is on the device"
rm ours/a ours/f

# --- a full disk
cp random ours/a
sync -f ours
free=$(stat -f -c %f ours)
head -c $((free * $(stat -f -c %S ours) - 11000000)) /dev/zero >ours/filler
sync -f ours
$COPY ours/a 0 ours/b 0 12000001 >out
is "$(head -n 1 out)" ENOSPC "a full disk"
is "$(stat -c %s ours/b)" "$(tail -n 1 out)" "the copy is as long as it was said"
[ "$(tail -n 1 out)" -ge 9000000 ]
ok $? "what was free was used ($(tail -n 1 out) bytes)"
cmp -n "$(tail -n 1 out)" ours/a ours/b
ok $? "and is right"
unmount ours ours.img
fsck_clean ours.img "clean"
done_testing
