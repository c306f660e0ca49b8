#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A user who may use the socket connects very often, and says nothing: the socket stays, the processes end by
# themselves, and root can mount.  Under a real systemd.
. "$(dirname "$0")/lib.sh"
need_root
need mkfs.ext4 setpriv
. "$TESTS/machine.sh"
[ "$PYTHON" ] || skip_all "python3 is not installed"

machine_start
ok $? "a machine with systemd starts" || done_testing
machine_install
ok $? "make install; the socket starts" || done_testing
W=$M/root/srv/t
mkdir -p "$W/mnt"
make_image "$W/a.img" 16M
enter chmod 666 /run/filesystems/ext4
user="setpriv --reuid=65534 --regid=65534 --clear-groups"

instances()
{
	enter systemctl list-units 'fuse4fs@*' --no-legend --plain --state=active | grep -c .
}

cat >"$W/flood.py" <<'X'
import socket, sys
kept = []
for i in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("/run/filesystems/ext4")
    if sys.argv[2] == "keep":
        kept.append(s)
    else:
        s.close()
print("connected", flush=True)
# Until the server at the other end has gone.
for s in kept:
    try:
        s.recv(1)
    except OSError:
        pass
print("all gone", flush=True)
X
out=$(enter $user timeout 300 "$PYTHON" /srv/t/flood.py 60 keep)
is "$out" "connected
all gone" "sixty silent connections: all are ended"
enter $user timeout 300 "$PYTHON" /srv/t/flood.py 1500 close >/dev/null
is "$(enter systemctl is-active fuse4fs.socket)" active "many of connections: the socket is still there"
out=$(enter timeout 300 mount -t fuse.ext4 -o service /srv/t/a.img /srv/t/mnt 2>&1)
is $? 0 "and root can mount" || diag "$out"
enter umount /srv/t/mnt
for _ in $(seq 300); do
	[ "$(instances)" = 0 ] && break
	sleep 0.1
done
is "$(instances)" 0 "no process is left"
done_testing
