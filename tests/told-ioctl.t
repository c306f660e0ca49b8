#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ext4's own commands of ioctl(2): those that FUSE can carry answer as the kernel's ext4 does, the others are refused
# without harm, and no caller takes a refusal for an answer.
. "$(dirname "$0")/lib.sh"
. "$TESTS/beside.sh"
need dumpe2fs

# ask.py FILE COMMAND [BYTES]: the error, or ok and what came back.
cat >ask.py <<'END'
import errno, fcntl, os, sys
try:
	fd = os.open(sys.argv[1], os.O_RDONLY)
	data = bytearray.fromhex(sys.argv[3]) if len(sys.argv) > 3 else None
	n = fcntl.ioctl(fd, int(sys.argv[2], 16), *([data] if data else []))
	print("ok", n, data.hex() if data else "")
except OSError as e:
	print(errno.errorcode[e.errno])
END

# both NAME COMMAND [BYTES]: as root and as a user.
both()
{
	local dir
	for dir in ours kernel; do
		head -c 100000 /dev/zero >$dir/f
		$PYTHON ask.py $dir/f "${@:2}" >$dir.out 2>&1
		$USER $PYTHON ask.py $dir/f "${@:2}" >>$dir.out 2>&1
	done
	is "$(cat ours.out)" "$(cat kernel.out)" "$1"
}

both "PRECACHE_EXTENTS" 6612
both "CLEAR_ES_CACHE" 6628
both "CHECKPOINT" 4004662b 00000000
both "CHECKPOINT, looking only" 4004662b 04000000
both "CHECKPOINT, unknown flags" 4004662b 08000000
both "CHECKPOINT, flags against each other" 4004662b 03000000

dd if=/dev/urandom of=ours/g bs=1M count=3 status=none
for i in $(seq 50); do echo $i >ours/g$i; done
sync -f ours
$PYTHON ask.py ours 4004662b 00000000 >/dev/null
cp ours.img copy.img
like "$(dumpe2fs -h copy.img 2>/dev/null)" "Journal start: *0" "after CHECKPOINT the log is empty"
# MOVE_EXT, RESIZE_FS, GROUP_EXTEND, GROUP_ADD, MIGRATE, SWAP_BOOT: no.
for command in "c028660f $(printf '%080d' 0)" "40086610 0000000000000000" "40086607 0000000000000000" \
	"40286608 $(printf '%080d' 0)" 6609 6611; do
	is "$($PYTHON ask.py ours/f $command)" ENOTSUP "command ${command%% *} is not supported"
done
# GETSTATE, GETFSUUID, SETFSUUID, GETFSMAP, GET_ES_CACHE: their data does not get through.
for command in "40046629 00000000" "8008662c 1000000000000000" "4008662c 1000000000000000" \
	"c0c0583b $(printf '%0384d' 0)" "c020662a $(printf '%064d' 0)"; do
	is "$($PYTHON ask.py ours/f $command)" ENOTTY "command ${command%% *} is not known"
done
# The superblock's parameters: read, set, read, and on the device at once.
cat >tune.py <<'END'
import errno, fcntl, os, struct, sys
FORM = "<IIHHHHQQQIIIIHHBBH9I64s68s"
NAMES = "set checkinterval errors mounts max_mounts stride last reserved blocks opts uid gid width".split()
fd = os.open(sys.argv[1], os.O_RDONLY)
def get():
	data = bytearray(232)
	fcntl.ioctl(fd, 0x80e8662d, data)
	return list(struct.unpack(FORM, data))
def put(**fields):
	v = get()
	v[NAMES.index("set")] = 0
	v[27] = b"nodelalloc"
	for name, value in fields.items(): v[NAMES.index(name)] = value
	try: fcntl.ioctl(fd, 0x40e8662e, struct.pack(FORM, *v)); return "ok"
	except OSError as e: return errno.errorcode[e.errno]
v = get()
print(v[1:6], v[7:21], v[27])
print(put(set=0x1dfd, checkinterval=86400, errors=2, max_mounts=77, last=1700000000, reserved=1234, uid=70000, gid=80000,
	  opts=0xc, stride=4, width=8))
v = get()
print(v[1:3], v[4:21], v[27])
print(put(set=1, errors=4), put(set=0x20, reserved=1 << 40), put(set=1 << 30))
END
if $PYTHON tune.py kernel >kernel.out 2>/dev/null; then
	$PYTHON tune.py ours >ours.out 2>&1
	is "$(cat ours.out)" "$(cat kernel.out)" "GET_TUNE_SB_PARAM and SET_TUNE_SB_PARAM"
	cp ours.img copy.img
	like "$(dumpe2fs -h copy.img 2>/dev/null)" "Reserved block count: *1234.*Maximum mount count: *77" "what was set is on the device"
else
	skip "Linux before 6.18" "GET_TUNE_SB_PARAM and SET_TUNE_SB_PARAM"
fi
is "$($USER $PYTHON ask.py ours/f 40e8662e $(printf '%0464d' 0))" EPERM "a user does not tune"
unmount ours ours.img
like "$(dumpe2fs -h ours.img 2>/dev/null)" "Reserved blocks uid: *4464.*Reserved blocks gid: *14464" "and stays there (of the ids dumpe2fs shows the lower half)"
fsck_clean ours.img "clean"

make_image ours.img 32M -O ^has_journal
mount_image ours.img ours kernel
is "$($PYTHON ask.py ours 4004662b 00000000)" ENODEV "CHECKPOINT without a journal"
unmount ours ours.img
fsck_clean ours.img "clean"
done_testing
