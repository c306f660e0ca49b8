#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The contained service under a real systemd, from the Debian package installed with apt: what an
# administrator types, what an ordinary user may do, what the server's process looks like while it
# serves, and that nothing is left when the package is purged.
. "$(dirname "$0")/lib.sh"
need_root
need mkfs.ext4 setpriv
. "$TESTS/machine.sh"
. "$TESTS/package.sh"

if have_packaging; then
	PACKAGED=yes
	package_build || done_testing
else
	PACKAGED=
	skip "apt, debhelper or lintian is not installed" "the Debian package"
fi
machine_start
ok $? "a machine with systemd starts" || done_testing
if [ $PACKAGED ]; then
	package_prepare
	package_install || done_testing
else
	machine_install
	ok $? "make install; the socket starts" || done_testing
fi
# Files of the tests are in a place that the machine shows, too.
W=$M/root/srv/t
mkdir -p "$W/mnt" "$W/mnt2" "$W/home/mnt"

# Instances, as "fuse4fs@... PID" lines.
instances()
{
	enter systemctl list-units 'fuse4fs@*' --no-legend --plain --state=active | awk '{ print $1 }'
}

pid_of()
{
	enter systemctl show "$1" -p MainPID --value
}

# settle COUNT: wait until there are so many; one that ended stays for two seconds more.
settle()
{
	local i
	for i in $(seq 100); do
		[ "$(instances | grep -c .)" = "$1" ] && return 0
		sleep 0.1
	done
	return 1
}

journal()
{
	enter journalctl --no-pager -q -o cat "$@" 2>/dev/null
}

# journal_has REGEX NAME: a test point.  What a server has written last may still be on its way.
journal_has()
{
	local i out
	for i in $(seq 100); do
		out=$(journal -u 'fuse4fs@*')
		[[ $out =~ $1 ]] && break
		sleep 0.1
	done
	like "$out" "$1" "$2"
}

# field PID NAME: a line of the process' status.
field()
{
	enter awk -v "key=$2:" '$1 == key { print $2 }' "/proc/$1/status"
}

for type in ext2 ext3 ext4; do
	is "$(enter stat -c '%F %a' /run/filesystems/$type)" "socket 220" "$type: a socket, for root only"
done
like "$(enter systemd-analyze security --no-pager fuse4fs@0.service 2>/dev/null | tail -n 1)" ": 0\.[0-3] " \
	"exposure is at most 0.3"

make_image "$W/a.img" 64M
out=$(enter mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt 2>&1)
ok $? "mount -t fuse.ext4" || diag "$out" "$(journal -n 20)"
is "$out" "" "silence is success"
like "$(enter grep ' /srv/t/mnt ' /proc/mounts)" "^/srv/t/a.img /srv/t/mnt fuse.ext4 rw,.*allow_other" \
	"it is listed, in kernel mode"
like "$(enter cat /run/mount/utab)" "TARGET=/srv/t/mnt .*uhelper=fuse.ext4" "umount(8) is told to wait for the server"
unit=$(instances)
is "$(printf '%s\n' "$unit" | wc -l)" 1 "one instance"
pid=$(pid_of "$unit")

is "$(enter sh -c "awk '/^Uid/ { print (\$2 >= 61184 && \$2 <= 65519) }' /proc/$pid/status")" 1 \
	"the server is a dynamic user"
for set in Inh Prm Eff Bnd Amb; do
	is "$(field "$pid" Cap$set)" 0000000000000000 "no capabilities: $set"
done
is "$(field "$pid" NoNewPrivs)" 1 "no new privileges"
is "$(field "$pid" Seccomp)" 2 "a system call filter"
is "$(enter sh -c "tail -n +3 /proc/$pid/net/dev | cut -d: -f1 | tr -d ' '")" lo "no network but lo"
is "$(enter sh -c "ls /proc/$pid/root/dev/fuse /proc/$pid/root/dev/loop0 2>/dev/null")" "" "no devices"
is "$(enter sh -c "ls -A /proc/$pid/root/root 2>/dev/null")" "" "no homes"
# What is left of the file system to a server that was taken over, whose device is an image.
cat >"$W/as-server.py" <<'X'
import ctypes, os, sys
pid, uid, gid, how, path = sys.argv[1:]
ns = os.open("/proc/%s/ns/mnt" % pid, os.O_RDONLY)
if ctypes.CDLL(None).setns(ns, 0):
    sys.exit("setns")
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
try:
    os.close(os.open(path, {"r": os.O_RDONLY, "w": os.O_WRONLY}[how]))
    print("open")
except OSError as e:
    print("refused")
X
# as_server r|w FILE
as_server()
{
	enter "$PYTHON" /srv/t/as-server.py "$pid" "$(field "$pid" Uid)" "$(field "$pid" Gid)" "$@"
}
is "$(as_server r /etc/passwd)" open "it sees the machine's files"
chmod 600 "$W/a.img"
is "$(as_server r /srv/t/a.img)" refused "no path to the image"
chmod 666 "$W/a.img"
is "$(as_server w /srv/t/a.img)" refused "nor one to write it, whatever its mode"
chmod 644 "$W/a.img"
fds=$(enter sh -c "ls -l /proc/$pid/fd" | sed -n 's/.* -> //p' |
	grep -v -e '^/dev/null$' -e '^socket:' -e 'anon_inode' | sort -u)
is "$(printf '%s\n' "$fds" | grep -v -e pressure -e '^/sys/fs/cgroup/.*/memory\.')" "$(printf '/dev/fuse\n/srv/t/a.img')" \
	"open: the device, the image, what tells of memory, and nothing else"
like "$fds" "/proc/pressure/memory" "open: what tells of memory pressure"
is "$(enter sh -c "ls -l /proc/$pid/fd" | grep -c 'socket:')" 3 "sockets: the log's, as output and error, and the attendant's"
attendant=$(enter pgrep -P "$pid")
is "$(field "$attendant" NoNewPrivs):$(field "$attendant" CapEff)" "1:0000000000000000" "the attendant has no rights, either"
is "$(enter sh -c "ls -l /proc/$attendant/fd" | grep -c -e a.img -e /dev/fuse)" 0 "nor the device or the kernel's descriptor"
filters=$(field "$pid" Seccomp_filters) attendant_filters=$(field "$attendant" Seccomp_filters)
like "$(enter sh -c "tr '\\0' ' ' </proc/$pid/cmdline")" "fuse4fs -t ext4 -o kernel /srv/t/a.img /srv/t/mnt" \
	"its title says what it does"

enter sh -c 'umask 022; mkdir /srv/t/mnt/d && chmod 1777 /srv/t/mnt/d && cp /bin/bash /srv/t/mnt/d/b'
ok $? "root writes"
is "$(enter sh -c 'cmp /bin/bash /srv/t/mnt/d/b && echo same')" same "and reads the same"
enter setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'echo u >/srv/t/mnt/d/u && cat /srv/t/mnt/d/b >/dev/null'
ok $? "an ordinary user writes and reads"
is "$(enter stat -c %u /srv/t/mnt/d/u)" 65534 "and owns what it wrote"
enter setpriv --reuid=65534 --regid=65534 --clear-groups chmod 600 /srv/t/mnt/d/u
enter setpriv --reuid=1 --regid=1 --clear-groups sh -c 'echo v >/srv/t/mnt/d/v && cat /srv/t/mnt/d/v' >/dev/null
ok $? "another user does so, too"
enter setpriv --reuid=1 --regid=1 --clear-groups cat /srv/t/mnt/d/u >/dev/null 2>&1
isnt $? 0 "but not what is the first one's alone"
enter setpriv --reuid=65534 --regid=65534 --clear-groups touch /srv/t/mnt/x 2>/dev/null
isnt $? 0 "but may not write everywhere"
# Whatever a file system may be asked for must pass the system call filter.
enter sh -c 'cd /srv/t/mnt/d && for i in $(seq 200); do echo $i >f$i; done && ln f1 l && ln -s f1 s &&
	mv f2 f3 && truncate -s 10M big && fallocate -p -o 0 -l 4096 big && mkfifo p && cp -r . ../copy &&
	rm -rf ../copy f* && dd if=/dev/zero of=big bs=1M count=20 conv=fsync 2>/dev/null && df . && sync . &&
	fstrim .. ; chattr +i b && chattr -i b && setfattr -n user.a -v b b && getfattr -d b' >/dev/null
ok $? "all kinds of operations"
is "$(pid_of "$unit")" "$pid" "after which the server is alive"

out=$(enter mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt2 2>&1)
isnt $? 0 "the same image a second time is refused"
like "$out" "in use by process $pid \(fuse4fs\)" "and the holder named"
make_image "$W/b.img" 32M
enter mount -t fuse.ext3 -o ro /srv/t/b.img /srv/t/mnt2
ok $? "another image, read-only, as ext3"
settle 2
ok $? "one instance per mount"
enter umount /srv/t/mnt2
ok $? "umount"
journal_has "/srv/t/a.img: mounted on /srv/t/mnt" "the journal has its messages"
journal_has "/srv/t/b.img: unmounted" "and those of the end"
enter umount /srv/t/mnt && enter e2fsck -fn /srv/t/a.img >/dev/null 2>&1
ok $? "umount && e2fsck: clean"
settle 0
ok $? "the instances end"
is "$(enter systemctl list-units --state=failed --no-legend 'fuse4fs@*' | wc -l)" 0 "none has failed"

# Refusals
cp "$W/a.img" "$W/bad.img"
dd if=/dev/urandom of="$W/bad.img" bs=1k seek=1 count=1 conv=notrunc 2>/dev/null
out=$(enter mount -t fuse.ext4 /srv/t/bad.img /srv/t/mnt 2>&1)
isnt $? 0 "a damaged image is refused"
like "$out" "fuse4fs: /srv/t/bad.img: " "the user is told why"
is "$(enter grep -c ' /srv/t/mnt ' /proc/mounts)" 0 "nothing is mounted"
journal_has "/srv/t/bad.img: " "and the journal too"

# An instance is stopped: what was written is there, though the kernel had not sent it yet.
enter mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt
settle 1
# (What is closed has been sent.)
enter sh -c 'exec >/srv/t/mnt/stopped; echo stopped; exec sleep 300 2>/dev/null' &
sleeper=$!
for i in $(seq 50); do [ -s "$W/mnt/stopped" ] || enter [ -s /srv/t/mnt/stopped ] && break; sleep 0.1; done
enter systemctl stop "$(instances)"
ok $? "systemctl stop"
enter umount -l /srv/t/mnt
kill $sleeper
wait $sleeper 2>/dev/null
fsck_clean "$W/a.img" "after which the file system is clean"
enter mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt
is "$(enter cat /srv/t/mnt/stopped)" stopped "and has what was written"

# One is killed
enter mount -t fuse.ext4 /srv/t/b.img /srv/t/mnt2
enter sh -c 'echo kept >/srv/t/mnt/kept && sync /srv/t/mnt/kept && echo b >/srv/t/mnt2/b'
victim=$(for u in $(instances); do
	p=$(pid_of "$u")
	enter sh -c "ls -l /proc/$p/fd" | grep -q a.img && echo "$p"
done)
enter kill -9 "$victim"
sleep 0.3
is "$(enter sh -c 'ls /srv/t/mnt 2>&1 | grep -c "not connected"')" 1 "killed: its mount is dead"
is "$(enter cat /srv/t/mnt2/b)" b "killed: the other one serves"
enter umount -l /srv/t/mnt
enter mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt
is "$(enter cat /srv/t/mnt/kept)" kept "killed: what was fsynced is there"
enter umount /srv/t/mnt
fsck_clean "$W/a.img" "killed: clean after the replay"
enter umount /srv/t/mnt2

# The number that an active host keeps changing, as it is on the device.
mmp_number()
{
	debugfs -R dump_mmp "$1" 2>/dev/null | awk '/^mmp_sequence|^sequence/ { print $NF }'
}

# mmp_hosts DEVICE: a second loop device shows the same image to a second host, this machine's outside.
mmp_hosts()
{
	local first=$1 second before out nbd i
	command -v nbdfuse >/dev/null && command -v nbdkit >/dev/null || {
		skip "nbdkit or nbdfuse is not installed" "mmp: another host"
		return
	}
	# On this one a loop device over the same file would be recognized; a network block device is not.
	mkdir "$T/other" "$T/nbd"
	nbdfuse "$T/nbd" --command nbdkit -s file "$W/mmp.img" &
	nbd=$!
	for i in $(seq 100); do
		[ -e "$T/nbd/nbd" ] && break
		sleep 0.1
	done
	attach "$T/nbd/nbd"
	second=$LOOP
	"$FUSE4FS" "$second" "$T/other"
	ok $? "mmp: another host mounts"
	before=$(mmp_number "$first")
	sleep 2.5
	isnt "$(mmp_number "$first")" "$before" "mmp: its number changes while it serves"
	out=$(enter mount -t fuse.ext4 "$first" /srv/t/mnt 2>&1)
	isnt $? 0 "mmp: refused while the other one is active"
	like "$out" "fuse4fs: $first: .*node \"$(uname -n)\" as ${second#/dev/}" "mmp: and the other one is named"
	is "$(enter grep -c ' /srv/t/mnt ' /proc/mounts)" 0 "mmp: nothing is mounted"
	echo other >"$T/other/other"
	ok $? "mmp: the other one has not noticed"
	umount "$T/other"
	wait_free "$second"
	detach "$second"
	umount "$T/nbd"
	wait $nbd
	out=$(enter mount -t fuse.ext4 "$first" /srv/t/mnt 2>&1)
	ok $? "mmp: after it has unmounted, the device is free" || diag "$out"
	before=$(mmp_number "$first")
	sleep 2.5
	isnt "$(mmp_number "$first")" "$before" "mmp: and now we change the number"
	is "$(enter cat /srv/t/mnt/other)" other "mmp: what the other one wrote is there"
	enter umount /srv/t/mnt
	fsck_clean "$W/mmp.img" "mmp: clean after both"
	LOOP=$first
}

# A loop device, and multi-mount protection on it
make_image "$W/mmp.img" 32M -O mmp -E mmp_update_interval=1
attach "$W/mmp.img"
if [ -n "${LOOP:-}" ] && [ "${LOOP#/dev/loop}" -lt 16 ]; then
	out=$(enter mount -t fuse.ext4 "$LOOP" /srv/t/mnt 2>&1)
	ok $? "mmp: a block device" || diag "$out" "$(journal -n 20)"
	enter sh -c 'echo m >/srv/t/mnt/m'
	unit=$(instances | head -n 1)
	like "$(enter sh -c 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" = fuse4fs ] && cat $p/fdinfo/*; done 2>/dev/null' |
		grep -c '^flags:.*0[0-9]*4[0-9]\{4\}$')" "^[1-9]" "mmp: direct I/O"
	enter umount /srv/t/mnt
	fsck_clean "$W/mmp.img" "mmp: clean"
	early=0
	for i in 1 2 3 4 5; do
		enter mount -t fuse.ext4 "$LOOP" /srv/t/mnt && enter sh -c "echo $i >/srv/t/mnt/f$i; umount /srv/t/mnt"
		e2fsck -fn "$W/mmp.img" >"$T/fsck.log" 2>&1 || early=$i
	done
	is $early 0 "mmp: umount returns when the server has let go of the device" || diag "$(cat "$T/fsck.log")"
	mmp_hosts "$LOOP"
	detach "$LOOP"
else
	skip "no loop device" "mmp"
fi
settle 0

# try_in_unit COMMAND: as the server of an instance, where programs can be run.
try_in_unit()
{
	enter mkdir -p /run/systemd/system/fuse4fs@.service.d
	printf '[Service]\nNoExecPaths=\nExecPaths=\nExecStart=\nExecStart=%s\n' "$1" |
		enter tee /run/systemd/system/fuse4fs@.service.d/hostile.conf >/dev/null
	enter systemctl daemon-reload
	out=$(enter mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt 2>&1)
	isnt $? 0 "a server that is none ($1): no mount"
	enter rm -r /run/systemd/system/fuse4fs@.service.d
	enter systemctl daemon-reload
}

cp "$PROGS/forbidden" "$W/forbidden"
try_in_unit /srv/t/forbidden
journal_has "filters: [0-9]" "the unit alone"
out=$(journal -u 'fuse4fs@*')
is "$(printf '%s\n' "$out" | grep -c ': ended$')" "$(grep -o '{ "[a-z]' "$TESTS/progs/forbidden.c" | wc -l)" \
	"the unit's filter: no other files, processes, rings, sockets"
is "$(printf '%s\n' "$out" | grep ': possible$')" "" "the unit's filter: none of them"
alone=$(printf '%s\n' "$out" | sed -n 's/^filters: //p')
is "$((filters - alone)) $((attendant_filters - alone))" "2 1" "the server's own filter is entered in the service as well"
printf '[Service]\nExecStart=\nExecStart=/bin/true\n' >"$T/noexec.conf"
enter mkdir -p /run/systemd/system/fuse4fs@.service.d
enter tee /run/systemd/system/fuse4fs@.service.d/hostile.conf <"$T/noexec.conf" >/dev/null
enter systemctl daemon-reload
enter mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt 2>/dev/null
enter rm -r /run/systemd/system/fuse4fs@.service.d
enter systemctl daemon-reload
like "$(journal -n 50)" "/bin/true: Permission denied" "no program but the server can be run"
is "$(enter systemctl show fuse4fs@0.service -p TasksMax --value)" 64 "the number of threads is bounded"
enter systemd-analyze verify --man=no fuse4fs@0.service >"$T/verify.log" 2>&1
ok $? "systemd-analyze verify" || diag "$(cat "$T/verify.log")"

# What the filter does not allow ends the server, and that leaves a trace.
try_in_unit '/bin/sh -c "chroot / /bin/true"'
like "$(journal -n 50)" "fuse4fs@.*(SYS|159)" "and a trace of it"

# The device of the kernel may have another name, as long as it is one in /dev.
enter mknod /dev/other c 10 229
enter env FUSE_KERN_DEVICE=/dev/other mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt
ok $? "FUSE_KERN_DEVICE: mounts"
unit=$(instances | tail -n 1)
like "$(enter sh -c "ls -l /proc/$(pid_of "$unit")/fd")" "/dev/other" "FUSE_KERN_DEVICE: the server has that one"
enter umount /srv/t/mnt
for device in /srv/t/a.img /dev/../srv/t/a.img /dev/shm; do
	out=$(enter env FUSE_KERN_DEVICE=$device mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt 2>&1)
	isnt $? 0 "FUSE_KERN_DEVICE=$device: refused"
done
settle 0

# An ordinary user, by fstab
uid=$(id -u nobody) gid=$(id -g nobody)
make_image "$W/home/u.img" 16M -E root_owner=$uid:$gid
chown -R "$uid:$gid" "$W/home"
enter chmod 666 /run/filesystems/ext4
echo "/srv/t/home/u.img /srv/t/home/mnt fuse.ext4 noauto,user 0 0" | enter tee -a /etc/fstab >/dev/null
user="setpriv --reuid=$uid --regid=$gid --clear-groups"
out=$(enter $user mount /srv/t/home/mnt 2>&1)
ok $? "user: mounts by fstab" || diag "$out" "$(journal -n 20)"
like "$(enter grep ' /srv/t/home/mnt ' /proc/mounts)" "nosuid,nodev,noexec.*user_id=$uid" "user: nosuid, nodev, noexec"
enter $user sh -c 'echo mine >/srv/t/home/mnt/mine && cat /srv/t/home/mnt/mine' >/dev/null
ok $? "user: writes and reads"
enter ls /srv/t/home/mnt >/dev/null 2>&1
isnt $? 0 "user: not even root gets in"
out=$(enter $user umount /srv/t/home/mnt 2>&1)
ok $? "user: unmounts" || diag "$out"
wait_free "$W/home/u.img"
fsck_clean "$W/home/u.img" "user: clean"

if [ $PACKAGED ]; then
	enter sh -c 'PATH=/usr/libexec/fuse4fs:$PATH && fuse2fs /srv/t/a.img /srv/t/mnt && umount -t fuse.ext4 /srv/t/mnt'
	ok $? "the name fuse2fs"
	package_autopkgtest
fi

# Without the service the classic server mounts.
enter systemctl stop fuse4fs.socket
is "$(enter ls /run/filesystems)" "" "stopping the socket removes it"
enter mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt
ok $? "no socket: the classic server mounts"
pid=$(enter pgrep -nx fuse4fs)
confined=$(field "$pid" Seccomp)
enter umount /srv/t/mnt && enter e2fsck -fn /srv/t/a.img >/dev/null 2>&1
ok $? "no socket: umount && e2fsck: clean"
for i in $(seq 50); do
	out=$(journal -t fuse4fs)
	[[ $out =~ a.img:\ unmounted ]] && break
	sleep 0.1
done
like "$out" "a.img: mounted on .*a.img: unmounted" "no socket: the system log has its messages, from its sandbox (seccomp $confined)"

[ ! $PACKAGED ] || package_purge
like "$(enter systemctl is-system-running)" "running|degraded" "the machine is well"
done_testing
