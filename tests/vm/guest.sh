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
is "$(grep -c '^Seccomp:.2' "/proc/$pid/status")" 1 "a system call filter"
echo hello >/mnt/hello && sync /mnt/hello
ok $? "a file is written"
is "$(cat /mnt/hello)" hello "and read"

# Fill its cache with what can be read again, then leave it less room than it has taken.  A group
# above its limit is slowed down without end, and who waits for it cannot be killed: so somebody lifts the limit.
pressed=1
(sleep 60; echo max >"$group/memory.high") &
timeout 60 find /mnt -size +1 >/dev/null
for ((round = 0; round < 12 && pressed; round++)); do
	echo $(($(cat "$group/memory.current") * 7 / 8)) >"$group/memory.high"
	timeout 5 find /mnt/d$round -newer /mnt/hello >/dev/null
	timeout 5 dd if=/dev/zero of=/mnt/big bs=1M count=4 conv=fsync 2>/dev/null
	case $(journalctl -q -o cat -u "$unit") in
	*"memory is short in our control group: gave back "[1-9]*) pressed=0 ;;
	esac
done
echo max >"$group/memory.high"
ok $pressed "memory pressure in the control group makes the cache shrink, and the log says so"
journalctl -q -o cat -u "$unit" | grep -m 3 "gave back" | sed 's/^/# /'
while read -r line; do echo "# $line"; done <"$group/memory.events"
is "$(systemctl show "$unit" -p MainPID --value)" "$pid" "after which the server serves"
cmp /bin/bash /bin/bash && cp /bin/bash /mnt/bash && cmp /bin/bash /mnt/bash
ok $? "a copy is the same"
umount /mnt
ok $? "umount"
e2fsck -fn /dev/vdb >/tmp/fsck 2>&1
ok $? "umount && e2fsck: clean" || sed 's/^/# /' /tmp/fsck

# Without the service, on this kernel.
fuse4fs -o sandbox,logfile=/tmp/log /srv/disk.img /mnt2
ok $? "the server's own sandbox works on this kernel"
is "$(grep -c '^Seccomp:.2' "/proc/$(pgrep -nx fuse4fs)/status")" 1 "with a filter"
cp /bin/bash /mnt2/bash && sync /mnt2/bash && cmp /bin/bash /mnt2/bash && umount /mnt2
ok $? "it writes, reads and unmounts"
for i in {1..100}; do
	pgrep -x fuse4fs >/dev/null || break
	sleep 0.1
done
e2fsck -fn /srv/disk.img >/tmp/fsck 2>&1
ok $? "and leaves it clean" || sed 's/^/# /' /tmp/fsck /tmp/log
read -r up _ </proc/uptime
echo "# done after $up s"
echo end
