#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Mount options of the engine: for each one something that differs when it is
# given.  Options of the server itself are in mount.t, user.t and readonly.t.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 setfattr setfacl setpriv python3

cd "$T" || exit 2
mkdir mnt
make_image a.img 64M
as_user="setpriv --reuid=4321 --regid=4321 --clear-groups"
chmod 755 "$T"

with()	# OPTIONS: mount a.img, or what IMG names
{
	mount_image "${IMG:-a.img}" mnt "$1" || diag "cannot mount with $1"
}

without()
{
	unmount mnt "${IMG:-a.img}"
}

# fsync PATH...
fsync()
{
	"$PYTHON" -c 'import os, sys
for p in sys.argv[1:]: os.fsync(os.open(p, os.O_RDONLY))' "$@"
}

# --- attributes and access lists
with rw
touch mnt/f
ok "$(setfacl -m u:4321:r mnt/f; echo $?)" "acl is on by default"
ok "$(setfattr -n user.a -v 1 mnt/f; echo $?)" "user_xattr is on by default"
without
with noacl
ok "$(! setfacl -m u:1:r mnt/f 2>/dev/null; echo $?)" "noacl"
without
with nouser_xattr
ok "$(! setfattr -n user.b -v 1 mnt/f 2>/dev/null; echo $?)" "nouser_xattr"
without
with noacl,acl,nouser_xattr,user_xattr
ok "$(setfacl -m u:4321:rw mnt/f && setfattr -n user.b -v 1 mnt/f; echo $?)" "acl, user_xattr"
without

# --- groups
with rw
mkdir mnt/g
chgrp 77 mnt/g
touch mnt/g/sysv
without
with grpid
touch mnt/g/bsd
mkdir mnt/g/bsddir
without
with grpid,nogrpid
touch mnt/g/again
is "$(stat -c %g mnt/g/sysv mnt/g/bsd mnt/g/bsddir mnt/g/again | tr '\n' ' ')" "0 77 77 0 " "grpid, nogrpid"
without
with bsdgroups
touch mnt/g/b
without
with bsdgroups,sysvgroups
touch mnt/g/s
is "$(stat -c %g mnt/g/b mnt/g/s | tr '\n' ' ')" "77 0 " "bsdgroups, sysvgroups"
without

# --- sizes
with minixdf
minix=$(stat -f -c %b mnt)
without
with bsddf
bsd=$(stat -f -c %b mnt)
without
ok "$([ "$minix" -gt "$bsd" ]; echo $?)" "minixdf counts more blocks than bsddf ($minix, $bsd)"

# --- reserved blocks
make_image full.img 16M -m 20
IMG=full.img
fill()	# NAME: allocate as an ordinary user until nothing is left; the free blocks
{
	$as_user "$PYTHON" -c 'import os, sys
f = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
step, at = 1 << 18, 0
while step >= 4096:
	try:
		os.posix_fallocate(f, at, step)
		at += step
	except OSError:
		step //= 2' "$1"
	stat -f -c %f mnt
}
with allow_other
chmod 777 mnt
is "$(fill mnt/x | awk '{ print ($1 > 500) }')" 1 "an ordinary user leaves the reserved blocks alone"
rm -f mnt/x
without
with allow_other,resuid=4321
is "$(fill mnt/x | awk '{ print ($1 > 500) }')" 0 "resuid="
rm -f mnt/x
without
with allow_other,resgid=4321
is "$(fill mnt/x | awk '{ print ($1 > 500) }')" 0 "resgid="
without
with rw
$as_user ls mnt >/dev/null 2>&1
isnt $? 0 "without allow_other, others may not look"
without
fsck_clean full.img "the file system that was full is clean"
IMG=

# --- access times
old="2001-01-01 00:00:00"
atime()	# PATH: has its access time moved?
{
	[ "$(stat -c %X "$1")" != "$(date -d "$old" +%s)" ] && echo moved || echo kept
}
age()	# TIME-OF-CHANGE: the file was read last long ago
{
	echo content >mnt/t
	mkdir -p mnt/td; touch mnt/td/x
	touch -m -d "$1" mnt/t mnt/td
	touch -a -d "$old" mnt/t mnt/td
}
for how in relatime noatime strictatime,nodiratime; do
	with rw
	age "2002-01-01 00:00:00"
	without
	with $how
	cat mnt/t >/dev/null
	ls mnt/td >/dev/null
	case $how in
	relatime) want="moved moved" ;;
	noatime) want="kept kept" ;;
	*) want="moved kept" ;;
	esac
	is "$(atime mnt/t) $(atime mnt/td)" "$want" "$how"
	without
done
# Read after the last change: relatime is content with that, strictatime is not.
for how in relatime strictatime; do
	with rw
	age "2002-01-01 00:00:00"
	without
	with rw
	cat mnt/t >/dev/null
	first=$(stat -c %x mnt/t)
	without
	with $how
	cat mnt/t >/dev/null
	[ "$(stat -c %x mnt/t)" = "$first" ] && moved=no || moved=yes
	is $moved "$([ $how = relatime ] && echo no || echo yes)" "$how, for a file that was read since its last change"
	without
done
with strictatime,lazytime,commit=1
touch -a -d "$old" mnt/t
fsync mnt/t
cat mnt/t >/dev/null
sleep 2.5
kill_server a.img mnt
with rw
is "$(atime mnt/t)" kept "lazytime: a commit does not write an access time"
without
with strictatime,commit=1
touch -a -d "$old" mnt/t
without
with strictatime,commit=1
cat mnt/t >/dev/null
sleep 2.5
kill_server a.img mnt
with noatime
is "$(atime mnt/t)" moved "without lazytime it does"
without
with strictatime,lazytime
touch -a -d "$old" mnt/t
without
with strictatime,lazytime
cat mnt/t >/dev/null
without
with noatime
is "$(atime mnt/t)" moved "lazytime: unmounting does"
without

# --- when changes reach the device
survives()	# OPTIONS SECONDS COMMAND: the name that COMMAND makes is there after a kill that many seconds later
{
	with "$1"
	rm -rf mnt/s; sync -f mnt; fsync mnt
	eval "$3"
	sleep "$2"
	kill_server "${IMG:-a.img}" mnt
	[ -z "${IMG:-}" ] || e2fsck -fy "$IMG" >/dev/null 2>&1
	with rw
	[ -e mnt/s ] && echo yes || echo no
	without
}
is "$(survives commit=60 2.5 'mkdir mnt/s')" no "commit=60: a change is not committed after 2.5 seconds"
is "$(survives commit=1 2.5 'mkdir mnt/s')" yes "commit=1: it is"
is "$(survives commit=60,dirsync 0 'mkdir mnt/s')" yes "dirsync: at once"
is "$(survives commit=60,sync 0 'mkdir mnt/s')" yes "sync: at once"
with commit=60,sync
echo precious >mnt/p
kill_server a.img mnt
with rw
is "$(cat mnt/p)" precious "sync: data too"
without
make_image nojournal.img 32M -O ^has_journal
IMG=nojournal.img
is "$(survives flush_interval=0 3 'mkdir mnt/s')" no "flush_interval=0: not written back"
is "$(survives flush_interval=1 3 'mkdir mnt/s')" yes "flush_interval=1: is"
IMG=

# --- the journal
in_journal()	# OPTIONS: does the content of a file that was fsynced stand in the journal?
{
	make_image j.img 64M
	mount_image j.img mnt "$1"
	head -c 4096 /dev/zero | tr '\0' '%' >mnt/content
	fsync mnt/content
	cp j.img copy.img
	unmount mnt j.img
	debugfs -R "dump <8> journal" copy.img >/dev/null 2>&1
	grep -q '%%%%%%%%%%%%%%%%%%%%' journal && echo yes || echo no
}
is "$(in_journal data=ordered)" no "data=ordered: content goes home"
is "$(in_journal data=journal)" yes "data=journal: content goes through the journal"
fsck_clean j.img "data=journal: clean"
make_image j.img 64M
mount_image j.img mnt journal_async_commit
mkdir mnt/x; fsync mnt
cp j.img copy.img
unmount mnt j.img
like "$(dumpe2fs -h copy.img 2>/dev/null)" "journal_async_commit" "journal_async_commit"

if command -v strace >/dev/null; then
	flushes()	# OPTIONS: how often is the device flushed while a file is fsynced?
	{
		with "$1"
		sync -f mnt
		strace -f -e trace=fsync,fdatasync -o trace -p "$(server_of a.img)" 2>/dev/null &
		local tracer=$!
		sleep 0.5
		echo x >mnt/flushed
		fsync mnt/flushed
		sleep 0.3
		kill $tracer
		wait $tracer 2>/dev/null
		without
		grep -c 'f.*sync(' trace
	}
	ok "$([ "$(flushes barrier)" -gt 1 ]; echo $?)" "barrier: fsync flushes before and after the commit record"
	is "$(flushes barrier=0)" 1 "barrier=0: fsync flushes once"
	is "$(flushes nobarrier)" 1 "nobarrier: fsync flushes once"

	# What the server does to the device in one fsync: runs of writes, and what it waits for between them.
	order()
	{
		with "$1"
		sync -f mnt
		strace -f -e trace=pwrite64,sync_file_range,fsync,fdatasync -o trace -p "$(server_of a.img)" 2>/dev/null &
		local tracer=$!
		sleep 0.5
		echo x >mnt/ordered
		fsync mnt/ordered
		sleep 0.3
		kill $tracer
		wait $tracer 2>/dev/null
		without
		grep -Eo '(pwrite64|sync_file_range|fdatasync|fsync)\(' trace | sed 's/fdatasync/fsync/; s/($//' | uniq | tr '\n' ' '
	}
	like "$(order nobarrier)" "pwrite64 sync_file_range pwrite64 sync_file_range fsync" \
		"nobarrier: data and log are written before the commit record"
else
	skip "strace is not installed" "barrier"
fi

# --- the device
with directio
flags=$(for i in /proc/"$(server_of a.img)"/fd/*; do
	[ "$i" -ef a.img ] && sed -n 's/^flags:\t*//p' "/proc/$(server_of a.img)/fdinfo/${i##*/}"
done)
ok "$(((8#${flags:-0} & 8#40000) != 0 ? 0 : 1))" "directio opens the device with O_DIRECT"
cp "$TESTS"/*.t mnt/ && cat mnt/options.t | cmp - "$TESTS/options.t"
ok $? "directio: reads and writes"
without
fsck_clean a.img "directio: clean"

head -c 3M /dev/zero >shifted.img
cat a.img >>shifted.img
cp shifted.img shifted.keep
mount_image shifted.img mnt offset=3M
ok "$(cmp -s mnt/options.t "$TESTS/options.t"; echo $?)" "offset="
touch mnt/new
unmount mnt shifted.img
ok "$(cmp -s -n 3145728 shifted.img shifted.keep; echo $?)" "offset=: what is before it is untouched"
tail -c +3145729 shifted.img >inner.img
fsck_clean inner.img "offset=: clean"

blocks_after_delete()
{
	make_image d.img 64M
	mount_image d.img mnt "$1"
	head -c 20M /dev/urandom >mnt/big
	sync -f mnt; fsync mnt
	rm mnt/big
	sync -f mnt; fsync mnt
	unmount mnt d.img
	stat -c %b d.img
}
kept=$(blocks_after_delete nodiscard)
gone=$(blocks_after_delete discard)
ok "$([ "$gone" -lt $((kept - 30000)) ]; echo $?)" "discard gives blocks back to the device ($kept, $gone)"
fsck_clean d.img "discard: clean"

unzeroed()
{
	make_image i.img 200M -b 4096 -E lazy_itable_init=1,nodiscard
	mount_image i.img mnt "$1"
	sleep 4
	unmount mnt i.img
	dumpe2fs i.img 2>/dev/null | grep '^Group [0-9]' | grep -vc ITABLE_ZEROED
}
isnt "$(unzeroed noinit_itable)" 0 "noinit_itable leaves inode tables alone"
is "$(unzeroed init_itable)" 0 "init_itable zeroes them"
fsck_clean i.img "init_itable: clean"

# --- the cache
make_image c.img 200M -I 1024 -N 40000
mount_image c.img mnt
"$PYTHON" -c 'import os
for d in range(40):
	os.mkdir("mnt/%d" % d)
	for f in range(500): os.close(os.open("mnt/%d/%d" % (d, f), os.O_CREAT))'
unmount mnt c.img
memory()
{
	mount_image c.img mnt "$1"
	find mnt -type f -printf '%s\n' | wc -l >count
	awk '/^VmRSS/ { print $2 }' "/proc/$(server_of c.img)/status"
	unmount mnt c.img
}
free=$(memory rw)
bound=$(memory cache_size=2m)
is "$(cat count)" 20000 "all files are found with a small cache"
if grep -qE '__(asan|tsan)_init' "$FUSE4FS"; then
	skip "a sanitizer's memory hides it" "cache_size= bounds memory"
else
	ok "$([ "$bound" -lt $((free - 8000)) ]; echo $?)" "cache_size= bounds memory (KiB: $free, $bound)"
fi

# --- damage
damaged()	# OPTIONS: can one still write after damage was found?
{
	make_image e.img 32M -b 4096
	mount_image e.img mnt
	mkdir mnt/bad; touch mnt/bad/x
	unmount mnt e.img
	local block
	block=$(debugfs -R 'blocks /bad' e.img 2>/dev/null | awk '{ print $1 }')
	dd if=/dev/urandom of=e.img bs=4096 seek="$block" count=1 conv=notrunc 2>/dev/null
	mount_image e.img mnt "$1"
	ls mnt/bad >/dev/null 2>&1
	sleep 0.2
	touch mnt/after 2>/dev/null && echo yes || echo no
	if server_of e.img >/dev/null; then
		unmount mnt e.img
		echo alive
	else
		umount -l mnt
		echo dead
	fi
}
ulimit -c 0
is "$(damaged errors=continue | tr '\n' ' ')" "yes alive " "errors=continue"
like "$(dumpe2fs -h e.img 2>/dev/null)" "FS Error count: *1" "the damage is recorded"
is "$(damaged errors=remount-ro | tr '\n' ' ')" "no alive " "errors=remount-ro"
is "$(damaged errors=panic | tr '\n' ' ')" "no dead " "errors=panic"

# --- external journal
if have_kernel_ext4; then
	truncate -s 16M journal.img
	mke2fs -q -F -b 4096 -O journal_dev journal.img
	attach journal.img; jdev=$LOOP
	truncate -s 64M x.img
	attach x.img; xdev=$LOOP
	mkfs.ext4 -q -F -b 4096 -J device="$jdev" "$xdev"
	mount_image "$xdev" mnt journal_path="$jdev"
	ok $? "journal_path="
	echo one >mnt/one; fsync mnt/one
	kill_server "$xdev" mnt
	number=$((16#$(stat -c %t "$jdev") << 8 | 16#$(stat -c %T "$jdev")))
	mount_image "$xdev" mnt journal_dev=$number
	ok $? "journal_dev="
	is "$(cat mnt/one)" one "the external journal was replayed"
	unmount mnt "$xdev"
	mount_image "$xdev" mnt
	ok $? "an external journal is found"
	unmount mnt "$xdev"
	detach "$jdev"
	mount_image x.img mnt journal_path="$T/journal.img" 2>/dev/null
	isnt $? 0 "not while the file system is on a loop device"
	detach "$xdev"
	mount_image x.img mnt journal_path="$T/journal.img"
	ok $? "a journal in a file"
	touch mnt/two
	unmount mnt x.img
else
	skip "no loop devices" "external journals"
fi

done_testing
