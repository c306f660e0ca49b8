#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What cannot be served gives one clear line, the documented exit code, and
# changes nothing.
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4 debugfs

cd "$T" || exit 2
mkdir mnt
make_image good.img 16M
cp good.img keep.img

# refused CODE REGEX NAME ARGUMENT...: the program refuses, says so in one line, and the image stays as it was.
refused()
{
	local code=$1 regex=$2 name=$3 out status
	shift 3
	out=$("$FUSE4FS" "$@" 2>&1)
	status=$?
	is "$status" "$code" "$name: exit code" || diag "$out"
	is "$(printf '%s\n' "$out" | wc -l)" 1 "$name: one line" || diag "$out"
	like "$out" "$regex" "$name: says what"
	if ! cmp -s good.img keep.img; then
		ok 1 "$name: the image is unchanged"
		cp keep.img good.img
	fi
	if grep -q " $T/mnt " /proc/self/mounts; then
		ok 1 "$name: nothing is mounted"
		umount mnt
	fi
}

refused 1 'no device' "no arguments"
refused 1 'no mount point' "no mount point" good.img
refused 1 '`more'"'" "one argument too many" good.img mnt more
refused 1 'unknown option `foo'"'" "unknown option" -o foo good.img mnt
refused 1 'unknown option `foo'"'" "unknown option among good ones" -o ro,foo=1,noatime good.img mnt
refused 1 'unknown option `-q'"'" "unknown letter" -q good.img mnt
refused 1 'commit' "value that is no number" -o commit=soon good.img mnt
refused 1 'errors' "value that does not exist" -o errors=ignore good.img mnt
refused 1 'remount' "remount" -o remount,ro good.img mnt
refused 1 'noload' "noload and rw" -o noload,rw good.img mnt

refused 32 'nothing.img' "missing image" nothing.img mnt
refused 32 'nowhere' "missing mount point" good.img nowhere
refused 32 'not a directory' "mount point that is a file" good.img keep.img
refused 32 'directory' "image that is a directory" mnt mnt
refused 32 '/dev/null' "character device" /dev/null mnt

: >empty.img
refused 32 'empty.img' "empty image" empty.img mnt
truncate -s 16M zero.img
refused 32 'zero.img' "image of zeroes" zero.img mnt
head -c 1M /dev/urandom >random.img
refused 32 'random.img' "image of noise" random.img mnt
head -c 1500 good.img >short.img
refused 32 'short.img' "image cut in the superblock" short.img mnt
head -c 4M good.img >cut.img
refused 32 'cut.img' "image cut in the middle" cut.img mnt
refused 32 'good.img' "offset beyond the end" -o offset=1G good.img mnt
refused 32 'good.img' "offset where nothing is" -o offset=4k good.img mnt

# Features that are not known, or not yet.
cp good.img strange.img
debugfs -w -R 'feature FEATURE_I29' strange.img >/dev/null 2>&1
refused 32 'FEATURE_I29|0x20000000|unknown' "unknown incompatible feature" strange.img mnt
for feature in encrypt casefold; do
	make_image $feature.img 16M -O $feature -E encoding=utf8 2>/dev/null ||
		make_image $feature.img 16M -O $feature
	refused 32 "$feature" "feature $feature" $feature.img mnt
done
for feature in bigalloc quota project,quota verity shared_blocks; do
	last=${feature%,*}
	make_image ro.img 64M -O "${feature/shared_blocks/none}" 2>/dev/null
	[ "$feature" != shared_blocks ] || debugfs -w -R "feature shared_blocks" ro.img >/dev/null 2>&1
	cp ro.img ro.keep
	refused 32 "$last" "feature $feature, writing" ro.img mnt
	"$FUSE4FS" -o ro ro.img mnt
	ok $? "feature $feature, reading"
	unmount mnt ro.img
	ok "$(cmp -s ro.img ro.keep; echo $?)" "feature $feature: the image is unchanged"
done

# An external journal that is not there.
make_image journal.dev 8M -O journal_dev -b 1024 2>/dev/null
make_image outside.img 16M -b 1024 -O ^has_journal
tune_uuid=$(blkid -p -o value -s UUID journal.dev 2>/dev/null)
debugfs -w -R "feature has_journal" outside.img >/dev/null 2>&1
debugfs -w -R "ssv journal_uuid ${tune_uuid:-11111111-2222-3333-4444-555555555555}" outside.img >/dev/null 2>&1
cp outside.img outside.keep
refused 32 'journal' "external journal that cannot be found" outside.img mnt
refused 32 'journal' "external journal that is something else" -o journal_path="$T/keep.img" outside.img mnt
ok "$(cmp -s outside.img outside.keep; echo $?)" "external journal: the image is unchanged"

if [ "$(id -u)" = 0 ]; then
	refused 2 'log file' "log file that cannot be written" -o logfile=/nonexistent/log good.img mnt
	refused 32 'lock file' "lock file that cannot be made" -o lockfile=/nonexistent/lock good.img mnt
fi
out=$("$FUSE4FS" --help); is "$?" 0 "--help: exit code"
like "$out" "^usage: fuse4fs" "--help: says how it is used"
out=$("$FUSE4FS" -V); is "$?" 0 "-V: exit code"
like "$out" "^fuse4fs [0-9]" "-V: says which"

done_testing
