# SPDX-License-Identifier: GPL-2.0-or-later
# Run by the virtual machine's systemd.  Few processes: each is slow here.  Lines "ok NAME" and "not ok NAME" are
# test points; the last line is "end".
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

ok()
{
	[ "$1" = 0 ] && echo "ok $2" || echo "not ok $2"
	return "$1"
}

# is GOT WANTED NAME
is()
{
	[ "$1" = "$2" ]
	ok $? "$3" || echo "# got: $1, wanted: $2"
}

# press GROUP DIRECTORY LOG-COMMAND...: leave the server in this group half of the memory that it has taken, until its log
# says that it gave cache back.  (The kernel slows a group down by how far above its limit it is; a little is not felt.)
# Who is above the limit, and who waits for it, gets on by tiny steps and cannot be killed: so nobody here
# waits before the limit is lifted.
press()
{
	local group=$1 dir=$2 round i anon pressed=1
	shift 2
	for round in 1 2 3 4; do
		find "$dir/d0" "$dir"/d$round* -size +1 >/dev/null
		anon=$(grep -m 1 '^anon ' "$group/memory.stat")
		echo $((${anon#anon } / 2)) >"$group/memory.high"
		find "$dir"/d$((round + 4))* -size +1 >/dev/null &
		for i in {1..20}; do
			sleep 0.5
			case $("$@") in
			*"memory is short in our control group: gave back "[1-9]*) pressed=0 && break ;;
			esac
		done
		echo max >"$group/memory.high"
		wait
		[ $pressed = 1 ] || break
	done
	ok $pressed "memory pressure in the control group makes the cache shrink, and the log says so" ||
		while read -r line; do echo "# $line"; done <"$group/memory.events"
	"$@" | grep -m 1 "control group: gave back" | sed "s/^/# round $round: /"
	read -r up _ </proc/uptime
	echo "# after $up s"
}

instance()
{
	systemctl list-units 'fuse4fs@*' --no-legend --plain --state=active | while read -r unit _; do
		echo "$unit"
	done
}

read -r up _ </proc/uptime
echo "# up after $up s: $(uname -r)"
systemctl start fuse4fs.socket
ok $? "the socket starts"
[ -c /dev/ttyprintk ]
ok $? "there is a /dev/ttyprintk"

# The server's memory is bounded.
mkdir -p /run/systemd/system/fuse4fs@.service.d
printf '[Service]\nMemoryHigh=64M\nExecStart=\nExecStart=/usr/local/bin/fuse4fs -o kernel,debug\n' \
	>/run/systemd/system/fuse4fs@.service.d/memory.conf
systemctl daemon-reload
out=$(mount -t fuse.ext4 /dev/vdb /mnt 2>&1)
ok $? "mount -t fuse.ext4 of a disk" || echo "# $out"
unit=$(instance)
pid=$(systemctl show "$unit" -p MainPID --value)
is "$(cat "/proc/$pid/oom_score_adj")" -1000 "the OOM killer leaves the server alone"
group=/sys/fs/cgroup$(systemctl show "$unit" -p ControlGroup --value)
is "$(cat "$group/memory.high")" 67108864 "the control group has its limit"
journalctl -q -o cat -u "$unit" | grep -q "memory: 30 MiB for metadata"
ok $? "which the server heeds, from inside the unit"
is "$(grep -c '^Seccomp:.2' "/proc/$pid/status")" 1 "a system call filter"
echo hello >/mnt/hello && sync /mnt/hello
ok $? "a file is written"
is "$(cat /mnt/hello)" hello "and read"

press "$group" /mnt journalctl -q -o cat -u "$unit"
is "$(systemctl show "$unit" -p MainPID --value)" "$pid" "after which the server serves"
cp /bin/bash /mnt/bash && cmp /bin/bash /mnt/bash
ok $? "a copy is the same"
umount /mnt
ok $? "umount"
e2fsck -fn /dev/vdb >/tmp/fsck 2>&1
ok $? "umount && e2fsck: clean" || sed 's/^/# /' /tmp/fsck

# Without the service, on this kernel.
group=/sys/fs/cgroup/own
mkdir $group && (echo $BASHPID >$group/cgroup.procs && exec fuse4fs -o sandbox,debug,logfile=/tmp/log /dev/vdb /mnt2)
ok $? "the server's own sandbox works on this kernel"
is "$(grep -c '^Seccomp:.2' "/proc/$(pgrep -nx fuse4fs)/status")" 1 "with a filter"
press $group /mnt2 cat /tmp/log
cmp /bin/bash /mnt2/bash && cp /bin/bash /mnt2/copy && sync /mnt2/copy && umount /mnt2
ok $? "it writes, reads and unmounts"
for i in {1..100}; do
	pgrep -x fuse4fs >/dev/null || break
	sleep 0.1
done
e2fsck -fn /dev/vdb >/tmp/fsck 2>&1
ok $? "and leaves it clean" || sed 's/^/# /' /tmp/fsck /tmp/log
# A disk behind the device mapper.  table TARGET ARGUMENT...: what it does from now on.
sectors=$(blockdev --getsz /dev/vdc)
export DM_DISABLE_UDEV=1
table()
{
	local target=$1
	shift
	dmsetup suspend --noflush --nolockfs disk && dmsetup load disk --table "0 $sectors $target $*" && dmsetup resume disk
}

# finish NAME: unmount, let the disk work again, mount, unmount, check.
finish()
{
	umount /mnt2
	for i in {1..100}; do
		pgrep -x fuse4fs >/dev/null || break
		sleep 0.1
	done
	table linear /dev/vdc 0
	fuse4fs /dev/mapper/disk /mnt2 2>/tmp/err
	ok $? "$1: it mounts again" || sed 's/^/# /' /tmp/err
}

dmsetup create disk --table "0 $sectors linear /dev/vdc 0" && fuse4fs -o logfile=/tmp/log /dev/mapper/disk /mnt2
ok $? "a disk behind the device mapper"
echo kept >/mnt2/kept && sync /mnt2/kept
table error
echo lost >/mnt2/lost && sync /mnt2/lost 2>/dev/null
[ $? != 0 ]
ok $? "all fails: fsync says so"
grep -q "/dev/[^ ]*: .*now read-only" /tmp/log
ok $? "and the log" || sed 's/^/# /' /tmp/log
finish "after failing"
is "$(cat /mnt2/kept)" kept "what was synced is there"

table flakey /dev/vdc 0 0 3600 1 error_writes
echo lost >/mnt2/lost2 && sync /mnt2/lost2 2>/dev/null
[ $? != 0 ]
ok $? "writes fail: fsync says so"
is "$(cat /mnt2/kept)" kept "reads go on"
finish "after failing writes"
is "$(cat /mnt2/kept)" kept "what was synced is still there"

# The disk lies: nothing can notice that, but what it kept is one moment.
echo before >/mnt2/before && sync /mnt2/before && sync -f /mnt2
table flakey /dev/vdc 0 0 3600 1 drop_writes
cp /bin/sleep /mnt2/ && sync /mnt2/sleep && mv /mnt2/kept /mnt2/moved && sync -f /mnt2
finish "after writes that were dropped"
is "$(cat /mnt2/kept /mnt2/before | tr '\n' ' ')" "kept before " "all is as it was when the disk stopped"
umount /mnt2
for i in {1..100}; do
	pgrep -x fuse4fs >/dev/null || break
	sleep 0.1
done
dmsetup remove disk
e2fsck -fn /dev/vdc >/tmp/fsck 2>&1
ok $? "and clean" || sed 's/^/# /' /tmp/fsck
# A server in a group that has 32 MiB, and is killed when it takes more.  Nobody tells it that memory is short.
group=/sys/fs/cgroup/small
mkdir $group && echo $((32 << 20)) >$group/memory.max && echo 0 >$group/cgroup.pressure
ok $? "a group with little memory"
mount --bind /dev/null /proc/pressure/memory
(echo $BASHPID >$group/cgroup.procs && exec fuse4fs -o sandbox,oom_score_adj=0 /dev/vdd /mnt2)
ok $? "a server in it"
# The inodes that are looked at take 40 MB.
is "$(find /mnt2 -name 'file*' ! -size +1k | wc -l)" 10000 "all files are looked at"
dd if=/dev/zero of=/mnt2/big bs=1M count=300 conv=fsync 2>/tmp/err
ok $? "300 MiB are written" || sed 's/^/# /' /tmp/err
echo 3 >/proc/sys/vm/drop_caches
cmp -n $((300 << 20)) /mnt2/big /dev/zero
ok $? "and read"
is "$(grep -x "oom_kill [0-9]*" $group/memory.events)" "oom_kill 0" "nobody was killed"
echo "# $(grep -m 1 '^anon ' $group/memory.stat)"
umount /mnt2
ok $? "it unmounts"
for i in {1..100}; do
	pgrep -x fuse4fs >/dev/null || break
	sleep 0.1
done
umount /proc/pressure/memory

read -r up _ </proc/uptime
echo "# done after $up s"
echo end
