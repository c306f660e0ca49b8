#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Neither end of a mount service waits for ever for the other one, not even for one that goes on talking.
. "$(dirname "$0")/lib.sh"
. "$TESTS/service.sh"
need python3
cd "$T" || exit 2
mkdir mnt
make_image a.img 16M

# stalled_server NAME SCRIPT: the helper ends.
stalled_server()
{
	local status
	printf '%s\n' "#!$PYTHON" 'import socket, struct, time' 's = socket.socket(fileno=3)' "$2" >server.py
	chmod 755 server.py
	listen ext4 -- "$T/server.py"
	FUSE_SERVICE_TIMEOUT=2 timeout 30 "$HELPER" "$T/a.img" "$T/mnt" -t ext4 >out 2>&1
	status=$?
	is $status 1 "$1: the helper gives up" || diag "$(cat out)"
	like "$(cat out)" "timed out" "$1: and says so"
	is "$(entry mnt)" "" "$1: nothing is mounted"
	stop_listening
}
stalled_server "a silent server" 'time.sleep(20)'
stalled_server "a server that stops after the greeting" 's.send(b"LAST\0\1\0\0"); time.sleep(20)'
stalled_server "a server that goes on and on" 's.send(b"LAST\0\1\0\0")
for i in range(200):
    s.send(b"OPEN" + bytes(16) + b"/nothing\0")
    time.sleep(.1)'

# stalled_helper NAME SCRIPT: the server ends, before the script would.
stalled_helper()
{
	printf '%s\n' 'import socket, struct, sys, time, os
def hook(kind, value, trace):
    if issubclass(kind, ConnectionError):
        print("over")
    else:
        sys.__excepthook__(kind, value, trace)
sys.excepthook = hook
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
def give(name, fd):
    socket.send_fds(s, [b"FILE" + bytes(4) + name + b"\0"], [fd])
def greet():
    s.send(b"SAFT\0\1\0\1" + bytes(4))
    s.recv(100)
    fd = os.memfd_create("argv")
    words = [b"ext4\0", b"/img\0", b"/mnt\0"]
    os.write(fd, b"ARGS" + struct.pack(">I", 3) + b"".join(struct.pack(">II", 32 + 5 * i, 5) for i in range(3)) + b"".join(words))
    give(b"argv", fd)
    give(b"fusedev", os.open("/dev/fuse", os.O_RDWR))' "$2" 's.settimeout(25)
while True:
    if not s.recv(70000):
        print("over")
        break' >helper.py
	is "$(timeout 30 "$PYTHON" helper.py "$SOCKETS/ext4" 2>&1)" over "$1: the server gives up"
}
FUSE_SERVICE_TIMEOUT=3 listen ext4 -- "$T/bin/fuse4fs"
stalled_helper "a silent helper" ''
stalled_helper "a helper that stops after the greeting" 's.send(b"SAFT\0\1\0\1" + bytes(4)); s.recv(100)'
stalled_helper "a helper that opens nothing" 'greet()'
stalled_helper "a helper that takes a second for each answer" 'greet()
for i in range(24):
    packet = s.recv(70000)
    if not packet:
        print("over")
        sys.exit()
    time.sleep(1)
    s.send(b"FILE\0\0\0\x10" + packet[20:])'
stop_listening
# With its own patience.
listen ext4 -- "$T/bin/fuse4fs"
stalled_helper "a silent helper, by default" ''
done_testing
