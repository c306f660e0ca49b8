#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the caller's process hands on does not reach the server: closed and open descriptors, limits, ignored and
# blocked signals, timers, its folder.
. "$(dirname "$0")/lib.sh"
need mkfs.ext4 e2fsck
need_fuse
cd "$T" || exit 2
mkdir mnt
make_image a.img 64M

# end NAME: the mount has served, is taken away, and the image is clean.
end()
{
	echo here >mnt/here && [ "$(cat mnt/here)" = here ]
	ok $? "$1: serves"
	umount mnt 2>/dev/null || fusermount3 -u -z mnt
	wait_free a.img
	fsck_clean a.img "$1: clean"
}

# limit NAME FILE: the soft and the hard limit of the server of FILE.
limit()
{
	awk -v name="$1" 'index($0, name) == 1 { print $(NF - 2), $(NF - 1) }' "/proc/$(server_of "$2")/limits"
}

for fds in "0<&-" "1>&-" "2>&-" "0<&- 1>&-" "0<&- 1>&- 2>&-"; do
	eval "timeout -s KILL 30 \"\$FUSE4FS\" a.img mnt $fds"
	ok $? "closed ($fds): mounts"
	if [ "$(grep -c " $T/mnt fuse" /proc/self/mounts)" = 1 ] && pid=$(server_of a.img); then
		is "$(readlink /proc/"$pid"/fd/0 /proc/"$pid"/fd/1 /proc/"$pid"/fd/2 | sort -u)" /dev/null \
			"closed ($fds): they are /dev/null"
		end "closed ($fds)"
	fi
done
timeout -s KILL 30 "$FUSE4FS" -f a.img mnt 0<&- 1>&- 2>&- &
front=$!
for i in $(seq 100); do grep -q " $T/mnt fuse" /proc/self/mounts && break; sleep 0.1; done
end "closed, foreground"
wait $front
is $? 0 "closed, foreground: ends well"
for program in mount umount; do
	strace -f -o trace -e trace=openat "$BUILD/misc/$program.fuse.ext4" 0<&- 1>&- 2>&-
	[ -s trace ] || { skip "strace cannot be used" "$program.fuse.ext4"; continue; }
	is "$(grep -c '"/dev/null", O_RDWR) *= [012]$' trace)" 3 "closed, $program.fuse.ext4: opened first"
done

exec 9>lock 200>other
(flock 9; mount_image a.img mnt)
exec 9>&- 200>&-
flock -n lock true
ok $? "open: the caller's lock is not held"
pid=$(server_of a.img)
is "$(readlink /proc/"$pid"/fd/* /proc/"$(pgrep -P "$pid" | head -n 1)"/fd/* 2>/dev/null | grep -c -e "$T/lock" -e "$T/other")" 0 \
	"open: nor another file of the caller"
end "open"
"$FUSE4FS" /dev/fd/7 mnt 7<>a.img 8>other
ok $? "open: a device named by its descriptor"
pid=$(server_of a.img)
is "$(readlink /proc/"$pid"/fd/* | grep -c "$T/other")" 0 "open: and only that"
attendant=$(pgrep -P "$pid" | head -n 1)
[ -z "$attendant" ] || is "$(readlink /proc/"$attendant"/fd/* | grep -c a.img)" 0 "open: which the attendant has not"
end "open, /dev/fd/7"

(
	ulimit -S -f 30000
	ulimit -S -t 1000
	ulimit -S -v 4000000
	ulimit -S -n 64
	mount_image a.img mnt
)
is "$(limit 'Max file size' a.img)" "unlimited unlimited" "limits: size of files"
is "$(limit 'Max cpu time' a.img)" "unlimited unlimited" "limits: processor time"
is "$(limit 'Max address space' a.img)" "unlimited unlimited" "limits: address space"
is "$(limit 'Max open files' a.img | awk '{ print $1 == $2 }')" 1 "limits: files"
dd if=/dev/zero of=mnt/big bs=1M count=45 conv=fsync status=none
ok $? "limits: 45 MB are written"
rm mnt/big
end "limits"
if (ulimit -f 30000 && ulimit -f unlimited) 2>/dev/null; then
	(
		ulimit -f 30000
		ulimit -t 1000
		ulimit -u 50
		ulimit -v 4000000
		mount_image a.img mnt
	)
	is "$(limit 'Max file size' a.img)" "unlimited unlimited" "hard limits: raised for root"
	is "$(limit 'Max cpu time' a.img)" "unlimited unlimited" "hard limits: processor time"
	dd if=/dev/zero of=mnt/big bs=1M count=45 conv=fsync status=none
	ok $? "hard limits: 45 MB are written"
	rm mnt/big
	end "hard limits"
else
	skip "limits cannot be raised here" "hard limits"
fi
if [ "$(id -u)" = 0 ]; then
	chmod 777 . && chmod 666 a.img && chown 65534 mnt
	out=$(ulimit -f 30000; setpriv --reuid=65534 --regid=65534 --clear-groups "$FUSE4FS" a.img mnt 2>&1)
	is $? 32 "hard limits: an ordinary user is refused"
	like "$out" "a.img is larger than the [0-9]+ bytes .*ulimit -f.*-o ro" "hard limits: and told why"
	is "$(grep -c " $T/mnt " /proc/self/mounts)" 0 "hard limits: nothing is mounted"
	chown 0 mnt
fi

# The stacks of threads, which the C library makes as large as that limit.
(ulimit -S -s 64; mount_image a.img mnt)
mkdir -p mnt/d && for i in $(seq 300); do echo $i >mnt/d/f$i; done && rm -r mnt/d
ok $? "a small stack: works"
end "a small stack"

# state PID FIELD
state()
{
	awk -v "key=$2:" '$1 == key { print $2 }' "/proc/$1/status"
}

cat >dirty.py <<'X'
import os, signal, sys
for s in range(1, 65):
    if s not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
        signal.signal(s, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
signal.setitimer(signal.ITIMER_REAL, 3)
os.umask(0o777)
os.nice(10)
os.execv(sys.argv[1], sys.argv[1:])
X
"$PYTHON" dirty.py "$FUSE4FS" -o logfile="$T/log" a.img mnt
ok $? "ignored and blocked signals: mounts"
pid=$(server_of a.img)
is "$(printf '%x' $((0x$(state "$pid" SigIgn) & 0x1fffff)))" 1000 "ignored signals: SIGPIPE, and nothing of the first that the caller did"
is "$(printf '%x' $((0x$(state "$pid" SigIgn) >> 32)))" 0 "ignored signals: no real-time ones"
is "$(stat -c %a log)" 640 "umask: not the caller's"
[ "$(id -u)" != 0 ] || is "$(ps -o ni= "$pid" | tr -d ' ')" 0 "niceness: not the caller's"
kill "$pid"
wait_free a.img
is "$(grep -c " $T/mnt " /proc/self/mounts)" 0 "ignored signals: SIGTERM ends it, and it unmounts"
fsck_clean a.img "ignored signals: clean"
"$PYTHON" dirty.py "$FUSE4FS" -f a.img mnt &
front=$!
for i in $(seq 100); do grep -q " $T/mnt fuse" /proc/self/mounts && break; sleep 0.1; done
sleep 4
kill -0 $front
ok $? "a timer of the caller's does not end it"
is "$(readlink /proc/$front/cwd)" / "in the foreground it does not stay in the caller's folder"
kill -HUP $front
sleep 0.3
kill -0 $front
ok $? "nohup: in the foreground, SIGHUP stays ignored"
end "foreground"
wait $front
is $? 0 "foreground: ends well"
done_testing
