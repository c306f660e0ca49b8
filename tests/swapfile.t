#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# On a block device, FIBMAP says what the kernel's ext4 says, and a file can be swapped to: what is swapped out
# comes back, nobody can change or remove the file meanwhile, and no other file is touched.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck filefrag mkswap swapon swapoff fallocate
have_kernel_ext4 || skip_all "no loop devices, or no ext4 in the kernel"

cd "$T" || exit 2
mkdir mnt kernel
SWAPS=

end_swap()
{
	for f in $SWAPS; do
		swapoff "$f" 2>/dev/null
	done
	cleanup
}
trap end_swap EXIT

# blocks_of FILE...: where their blocks are.
blocks_of()
{
	filefrag -B -e "$@" | awk -F '[:. ]+' '/^ *[0-9]+:/ { print $3, $4, $5, $6 }'
}

cat >sparse.py <<'END'
import os, sys
f = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
for i in range(0, 200, 3): os.pwrite(f, b"x" * 9000, i * 20000)
END
# pageout.py: memory that is moved out to the swap file and read back.  Prints whether it was, and is right.
cat >pageout.py <<'END'
import ctypes, mmap, random
size = 8 << 20
data = random.Random(1).randbytes(size)
m = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m.write(data)
libc = ctypes.CDLL(None, use_errno=True)
a = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(m)))
libc.madvise(a, ctypes.c_size_t(size), 21)
used = sum(int(l.split()[3]) for l in open("/proc/swaps").readlines()[1:])
print("moved" if used > 4096 else "not moved", "right" if m[:] == data else "wrong")
END

# Linux 6.17 and later count in pages, whatever the blocks are.
cat >figetbsz.py <<'END'
import fcntl, struct, sys
print(struct.unpack("i", fcntl.ioctl(open(sys.argv[1]), 2, b"\0" * 4))[0])
END
# aligned.py WANTED GOT: what GOT has in units of 4 KiB is what WANTED has in 2 KiB, where that is whole and aligned.
cat >aligned.py <<'END'
import sys
def blocks(name):
	files, last = [], -1
	for l in open(name):
		a, b, p, q = map(int, l.split())
		if a <= last or not files: files.append({})
		last = a
		files[-1].update((a + i, p + i) for i in range(b - a + 1))
	return files
wanted, got = blocks(sys.argv[1]), blocks(sys.argv[2])
def pages(f):
	return {l // 2: p // 2 for l, p in f.items() if l % 2 == 0 and p % 2 == 0 and f.get(l + 1) == p + 1}
want = [p for p in map(pages, wanted) if p]
sys.exit(not want or want != [p for p in got if p])
END
for blocks in 4096 2048; do
	make_image disk.img 200M -b $blocks && attach disk.img
	mount -t ext4 "$LOOP" kernel
	$PYTHON sparse.py kernel/sparse
	head -c 5000000 /dev/urandom >kernel/other
	sync
	blocks_of kernel/sparse kernel/other >wanted
	umount kernel
	mount_image "$LOOP" mnt kernel
	blocks_of mnt/sparse mnt/other >got
	if [ "$($PYTHON figetbsz.py mnt/other)" = $blocks ]; then
		is "$(cat got)" "$(cat wanted)" "FIBMAP of $blocks byte blocks"
		[ -s wanted ]
		ok $? "which are some"
	else
		# other, of which what is aligned is seen: it begins where the kernel's ext4 says.
		$PYTHON aligned.py wanted got
		ok $? "FIBMAP of $blocks byte blocks, in pages"
	fi
	unmount mnt "$LOOP"
	detach "$LOOP"
done

truncate -s 240M disk.img
mkfs.ext4 -q -F -E offset=$((20 << 20)) -b 4096 disk.img 200M
attach disk.img -o $((20 << 20))
mount -t ext4 "$LOOP" kernel
$PYTHON sparse.py kernel/sparse
sync
blocks_of kernel/sparse | awk '{ print $1, $2, $3 + 5120, $4 + 5120 }' >wanted
umount kernel
detach "$LOOP"
attach disk.img
mount_image "$LOOP" mnt kernel,offset=$((20 << 20))
grep -q "$T/mnt fuseblk" /proc/mounts
ok $? "a part of a device is mounted as a block device"
is "$(blocks_of mnt/sparse | awk '{ print $1, $2, $3, $4 }')" "$(cat wanted)" "FIBMAP counts from the start of the device"
unmount mnt "$LOOP"
detach "$LOOP"

make_image disk.img 200M -b 4096 -O inline_data && attach disk.img
mount_image "$LOOP" mnt kernel
head -c 20000000 /dev/urandom >mnt/other
sum=$(sum_of mnt/other)
echo tiny >mnt/tiny
is "$(blocks_of mnt/tiny)" "" "inline data is in no block"
head -c 16M /dev/zero >mnt/written
fallocate -l 16M mnt/reserved
truncate -s 16M mnt/holes
chmod 600 mnt/written mnt/reserved mnt/holes
mkswap -q mnt/holes
swapon mnt/holes 2>/dev/null
isnt $? 0 "a file with holes cannot be swapped to"
for f in written reserved; do
	mkswap -q mnt/$f
	SWAPS="$T/mnt/$f"
	if ! swapon -p 32000 mnt/$f 2>err; then
		ok 1 "swapon of a $f file"
		diag "$(cat err)"
		continue
	fi
	ok 0 "swapon of a $f file"
	is "$($PYTHON pageout.py)" "moved right" "memory goes there and comes back"
	(truncate -s 0 mnt/$f || rm -f mnt/$f || printf x >>mnt/$f || fallocate -p -o 0 -l 4096 mnt/$f) 2>/dev/null
	isnt $? 0 "nobody changes or removes it"
	[ "$(stat -c %s mnt/$f)" -eq $((16 << 20)) ]
	ok $? "it is as long as before"
	swapoff mnt/$f
	ok $? "swapoff"
	rm mnt/$f
	ok $? "then it can go"
done
SWAPS=
is "$(sum_of mnt/other)" "$sum" "another file is as it was"
unmount mnt "$LOOP"
fsck_clean "$LOOP" "clean"
detach "$LOOP"
done_testing
