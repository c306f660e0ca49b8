#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# As server-taken-over.t, under a real systemd, where an administrator's mount(8) and an ordinary user's fstab line meet
# a server that was put in the unit's place.
. "$(dirname "$0")/lib.sh"
need_root
need mkfs.ext4 setpriv
. "$TESTS/machine.sh"

machine_start
ok $? "a machine with systemd starts" || done_testing
machine_install
ok $? "make install; the socket starts" || done_testing
W=$M/root/srv/t
mkdir -p "$W/mnt" "$W/home/mnt"
make_image "$W/a.img" 8M
cp "$W/a.img" "$W/other.img"
cp "$PROGS/hostile-server" "$M/root/usr/local/bin/hostile-server"
[ -z "${FUSERVICEMOUNT:-}" ] || install -m 4755 "$FUSERVICEMOUNT" "$M/root/usr/local/sbin/fuservicemount"
enter mkdir -p /run/systemd/system/fuse4fs@.service.d
# The unit's filter would end it at the first system call that serving does not take: here the helper is what has to hold.
printf '[Service]\nExecStart=\nExecStart=/usr/local/bin/hostile-server\nSystemCallFilter=\nNoExecPaths=\nExecPaths=\n' |
	enter tee /run/systemd/system/fuse4fs@.service.d/hostile.conf >/dev/null
enter systemctl daemon-reload

# report: what the server got since the last time, sorted.
report()
{
	local i out
	for i in $(seq 100); do
		out=$(enter journalctl --no-pager -q -o cat -u 'fuse4fs@*' --after-cursor="$cursor" 2>/dev/null)
		[[ $out =~ done ]] && break
		sleep 0.1
	done
	printf '%s\n' "$out" | grep -e '^granted' -e '^done$' | sort
	cursor=$(journal_cursor)
}

journal_cursor()
{
	enter journalctl --no-pager -q -n 1 --show-cursor -o cat 2>/dev/null | sed -n 's/^-- cursor: //p'
}

cursor=$(journal_cursor)
enter mount -t fuse.ext4 -o ro,nosuid,nodev,noexec /srv/t/a.img /srv/t/mnt >/dev/null 2>&1
is "$(report)" "done
granted (rightly) reading /srv/t/a.img" "root, ro: nothing is granted that was not typed"
like "$(enter grep ' /srv/t/mnt ' /proc/mounts)" "^/srv/t/a.img /srv/t/mnt fuse.ext4 ro,nosuid,nodev,noexec," \
	"root, ro: mounted as it was typed"
enter umount -l /srv/t/mnt
cursor=$(journal_cursor)
enter mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt >/dev/null 2>&1
is "$(report)" "done
granted (if it is not ro) writing /srv/t/a.img
granted (rightly) reading /srv/t/a.img" "root, rw: nothing is granted that was not typed"
like "$(enter grep ' /srv/t/mnt ' /proc/mounts)" "^/srv/t/a.img /srv/t/mnt fuse.ext4 rw,(relatime|user_id)" \
	"root, rw: with mount(8)'s defaults"
enter umount -l /srv/t/mnt

uid=$(id -u nobody) gid=$(id -g nobody)
cp "$W/a.img" "$W/home/u.img"
cp "$W/a.img" "$W/home/other.img"
chown -R "$uid:$gid" "$W/home"
enter chmod 666 /run/filesystems/ext4
echo "/srv/t/home/u.img /srv/t/home/mnt fuse.ext4 noauto,user 0 0" | enter tee -a /etc/fstab >/dev/null
cursor=$(journal_cursor)
enter setpriv --reuid="$uid" --regid="$gid" --clear-groups mount /srv/t/home/mnt >/dev/null 2>&1
is "$(report)" "done
granted (if it is not ro) writing /srv/t/home/u.img
granted (rightly) reading /srv/t/home/u.img" "user: nothing is granted that was not typed"
like "$(enter grep ' /srv/t/home/mnt ' /proc/mounts)" \
	"^/srv/t/home/u.img /srv/t/home/mnt fuse.ext4 rw,nosuid,nodev,noexec,.*user_id=$uid" "user: mounted as it was typed"
enter umount -l /srv/t/home/mnt
done_testing
