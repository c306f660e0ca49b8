#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A full disk: what write(2) accepts is there afterwards, but for the one call in which space ran out, and whoever
# wrote is told.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck setpriv python3 sqlite3

cd "$T" || exit 2
chmod 755 "$T"
mkdir mnt
export PYTHON
USER="setpriv --reuid 1000 --regid 1000 --clear-groups"
MIB=1048576

cat >write.py <<'END'
# write.py FILE HOW SIZE: write until an error; prints the bytes that were accepted, the call that failed, and whether one was accepted after that
import errno, mmap, os, sys
name, how, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
flags = os.O_CREAT | (os.O_RDWR if how in ("rdwr", "mmap") else os.O_WRONLY) | (os.O_APPEND if how == "append" else 0)
data = b"\xa5" * size
accepted, told, after = 0, "nobody", 0
def attempt(call, name):
	global told
	try:
		return call()
	except OSError as e:
		if e.errno != errno.ENOSPC: raise
		if told == "nobody": told = name
		return None
f = os.open(name, flags, 0o644)
calls = 0
while told == "nobody" and calls < 4000:
	calls += 1
	n = attempt(lambda: os.write(f, data), "write")
	if n is None: break
	accepted += n
	if how == "fsync" and accepted % (1 << 20) < size: attempt(lambda: os.fsync(f), "fsync")
if told == "write":
	for i in range(3):
		n = attempt(lambda: os.write(f, data), "write")
		after += n or 0
attempt(lambda: os.fsync(f), "fsync")
attempt(lambda: os.close(f), "close")
print(accepted, told, after)
END

# fresh [FREE-MIB]: an image of which only so much is free.
fresh()
{
	make_image disk.img 64M
	mount_image disk.img mnt kernel
	chmod 777 mnt
	local free
	free=$(df --output=avail -B1 mnt | tail -n 1)
	fallocate -l $((free - ${1:-10} * MIB)) mnt/ballast
}

# What is there when the kernel's caches are gone: bytes, and those that are not zero.
look()
{
	unmount mnt disk.img
	fsck_clean disk.img "$1: clean"
	mount_image disk.img mnt ro
	there=$(stat -c %s mnt/$2 2>/dev/null || echo 0)
	filled=$(tr -d '\0' <mnt/$2 | wc -c)
}

# judge NAME ACCEPTED TOLD WRITE-SIZE
judge()
{
	local lost=$(($2 - filled))
	diag "$1: accepted $2, told by $3, there $there, of that with data $filled"
	[ $lost -le $((MIB + $4)) ]
	ok $? "$1: at most a MiB and the last write is missing"
	isnt "$3" nobody "$1: somebody was told"
	[ $((there - filled)) -le $((MIB + $4)) ]
	ok $? "$1: what is missing is the file's tail"
}

for how in plain:65536 plain:4096 plain:1048576 append:10000 fsync:65536 rdwr:65536; do
	for who in root user; do
		fresh
		run=
		[ $who = root ] || run=$USER
		read -r accepted told after <<<"$($run "$PYTHON" write.py mnt/file "${how%:*}" "${how#*:}")"
		seen=$(stat -c %s mnt/file)
		look "$how, $who" file
		judge "$how, $who" "$accepted" "$told" "${how#*:}"
		is "$after" 0 "$how, $who: nothing is accepted after that"
		[ $((seen - there)) -le "${how#*:}" ]
		ok $? "$how, $who: the size that is seen is the one that is stored" || diag "seen $seen"
		unmount mnt disk.img
	done
done

# Programs that look no closer than people do.
fresh
dd if=/dev/zero bs=64k 2>/dev/null | tr '\0' x | dd of=mnt/file bs=64k iflag=fullblock 2>dd.err
isnt $? 0 "dd fails"
like "$(cat dd.err)" "No space left" "and says why"
accepted=$(sed -n 's/^\([0-9]*\) bytes.*/\1/p' dd.err)
look dd file
judge dd "$accepted" dd 65536
unmount mnt disk.img

fresh
n=0
while printf '%01000d' 5 2>/dev/null >>mnt/file && [ $n -lt 20000 ]; do
	n=$((n + 1))
done
look "printf >>" file
judge "printf >>" $((n * 1000)) printf 1000
unmount mnt disk.img

fresh
head -c 30M /dev/zero | tr '\0' y >large
cp large mnt/file 2>cp.err
isnt $? 0 "cp fails"
like "$(cat cp.err)" "No space left" "and says why"
mkdir tree
for i in $(seq 200); do
	head -c 100000 large >tree/$i
done
unmount mnt disk.img
fresh
tar -C tree -cf - . | tar -C mnt -xf - 2>tar.err
isnt $? 0 "tar fails"
like "$(cat tar.err)" "No space left" "and says why"
unmount mnt disk.img
fsck_clean disk.img "tar: clean"

fresh 4
sqlite3 mnt/db "CREATE TABLE t(x); INSERT INTO t VALUES('first')" 2>/dev/null
sqlite3 mnt/db "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100000)
	INSERT INTO t SELECT hex(randomblob(200)) FROM c" 2>sqlite.err
isnt $? 0 "sqlite fails"
like "$(cat sqlite.err)" "full" "and says why"
look sqlite db
is "$(sqlite3 "file:mnt/db?immutable=1" "PRAGMA integrity_check; SELECT count(*) FROM t" 2>&1 | tr '\n' ' ')" "ok 1 " \
	"sqlite: the data base is what it was"
unmount mnt disk.img

# Space that was allocated before is there for whoever has it.
fresh 20
fallocate -l 8M mnt/file
"$PYTHON" write.py mnt/rest plain 65536 >/dev/null
"$PYTHON" - mnt/file <<'END'
import os, sys
f = os.open(sys.argv[1], os.O_WRONLY)
for at in range(0, 8 << 20, 8192):
	if os.pwrite(f, b"\x5a" * 4096, at) != 4096: sys.exit(1)
os.fsync(f)
END
is $? 0 "a preallocated file can be written when nothing else is free"
look preallocated file
is "$filled" $((4 * MIB)) "and all of it is there"
unmount mnt disk.img

fresh
for i in 1 2 3 4; do
	"$PYTHON" write.py mnt/file$i plain 65536 >out$i &
done
wait
sum=0
for i in 1 2 3 4; do
	read -r accepted told after <out$i
	sum=$((sum + accepted))
	isnt "$told" nobody "four at once: $i is told"
done
unmount mnt disk.img
mount_image disk.img mnt ro
filled=$(cat mnt/file? | tr -d '\0' | wc -c)
[ $((sum - filled)) -le $((4 * (MIB + 65536))) ]
ok $? "four at once: at most a MiB and the last write of each is missing" || diag "accepted $sum, there $filled"
unmount mnt disk.img

fresh
"$PYTHON" write.py mnt/rest plain 65536 >/dev/null
"$PYTHON" write.py mnt/rest append 1024 >/dev/null
out=$( (echo something >mnt/new) 2>&1)
isnt $? 0 "a new file when nothing is free: writing it fails"
like "$out" "No space left" "and says why"
rm mnt/rest
echo something >mnt/new
is $? 0 "with space again it does not"
unmount mnt disk.img
fsck_clean disk.img "clean"
done_testing
