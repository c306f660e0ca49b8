#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is given in place of an ext4 image is recognized, and the message says what to do.
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4
cd "$T" || exit 2
mkdir mnt

# refused FILE REGEX NAME [OPTIONS]
refused()
{
	local out before
	before=$(sum_of "$1")
	out=$("$FUSE4FS" -o "${4:-rw}" "$1" mnt 2>&1)
	isnt $? 0 "$3: refused" || unmount mnt "$1"
	like "$out" "$2" "$3: it is said what it is, and what to do"
	is "$(sum_of "$1")" "$before" "$3: not a byte has changed"
}

# with_bytes POSITION BYTES: x.img, empty but for these.
with_bytes()
{
	rm -f x.img
	truncate -s 4M x.img
	printf "$2" | dd of=x.img bs=1 seek="$1" conv=notrunc 2>/dev/null
}

make_image a.img 8M
if command -v sfdisk >/dev/null; then
	for kind in dos gpt; do
		rm -f disk.img
		truncate -s 24M disk.img
		printf 'label: %s\nstart=2048, size=16384\nstart=20480, size=16384\n' $kind | sfdisk -q disk.img
		dd if=a.img of=disk.img bs=1M seek=10 conv=notrunc 2>/dev/null
		refused disk.img "partition table.*offset=1048576, offset=10485760" "a disk ($kind)"
		mount_image disk.img mnt offset=10485760
		is $? 0 "a disk ($kind): and that works"
		unmount mnt disk.img
	done
else
	skip "sfdisk is not installed" "a disk"
fi
gzip -k a.img
refused a.img.gz "gzip.*gunzip" "gzip"
for tool in xz zstd bzip2; do
	command -v $tool >/dev/null || continue
	$tool -q -c a.img >c.img
	refused c.img "$tool.*un$tool|bunzip2" "$tool"
done
if command -v qemu-img >/dev/null; then
	for kind in qcow2 vmdk vdi vhdx; do
		qemu-img convert -f raw -O $kind a.img v.img
		refused v.img "qemu-nbd" "$kind"
	done
fi
with_bytes 0 'LUKS\272\276\0\2'
refused x.img "LUKS.*cryptsetup" "LUKS"
with_bytes 512 'LABELONE'
refused x.img "LVM.*vgchange" "LVM"
with_bytes 4096 '\374\116\053\251'
refused x.img "RAID.*mdadm" "RAID"
for tool in xfs btrfs; do
	command -v mkfs.$tool >/dev/null || continue
	rm -f f.img
	truncate -s 400M f.img
	mkfs.$tool -q f.img >/dev/null 2>&1 && refused f.img "${tool^?}.*file system|[A-Za-z]+ file system" "$tool"
done
with_bytes 4086 'SWAPSPACE2'
refused x.img "swap space" "swap"

# Hostile numbers of entries and places
with_bytes 510 '\125\252'
refused x.img "." "an empty partition table"
with_bytes 512 'EFI PART'
printf '\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377' | dd of=x.img bs=1 seek=584 conv=notrunc 2>/dev/null
refused x.img "partition table" "a partition table that makes no sense"
printf '\002\0\0\0\0\0\0\0\377\377\377\377\200\0\0\0' | dd of=x.img bs=1 seek=584 conv=notrunc 2>/dev/null
yes A | head -c 100000 | dd of=x.img bs=1 seek=1060 conv=notrunc 2>/dev/null
refused x.img "." "a partition table with too many partitions"
truncate -s 0 empty.img
refused empty.img "." "an empty file"
truncate -s 1500 short.img
refused short.img "." "a short file"

# An ext4 file system that is damaged is one, whatever its boot sector says.
cp a.img b.img
printf '\125\252' | dd of=b.img bs=1 seek=510 conv=notrunc 2>/dev/null
printf '\1\1\1\1\203\1\1\1\0\10\0\0\0\10\0\0' | dd of=b.img bs=1 seek=446 conv=notrunc 2>/dev/null
mount_image b.img mnt
is $? 0 "a boot sector in front does not matter"
unmount mnt b.img
out=$("$FUSE4FS" -o uid=1000 a.img mnt 2>&1)
isnt $? 0 "uid=: refused" || unmount mnt a.img
like "$out" "squash_uids=" "uid=: what to use"
out=$("$FUSE4FS" -o gid=1000 a.img mnt 2>&1)
like "$out" "squash_gids=" "gid=: what to use"
done_testing
