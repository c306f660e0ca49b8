#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The mount service with an enemy at one end: a hostile server against the helper, as root and as
# an ordinary user, and a hostile helper against the server.  Neither crashes, hangs, or gives more
# than its caller may have.  FUZZ_SECONDS= for each of the three; 40 by default.
. "$(dirname "$0")/lib.sh"
. "$TESTS/service.sh"
seconds=${FUZZ_SECONDS:-40}
seed=${FUZZ_SEED:-$RANDOM}
diag "FUZZ_SEED=$seed FUZZ_SECONDS=$seconds"
cp "$PROGS/hostile" "$T/hostile"
cd "$T" || exit 2
mkdir mnt home home/mnt
chown nobody home home/mnt
activator=
trap '[ -z "$activator" ] || kill "$activator" 2>/dev/null; cleanup' EXIT

"$PROGS/activator" "$SOCKETS/ext4" "$T/hostile" server "$seed" "$T/mnt" >ready 2>granted &
activator=$!
"$PROGS/activator" "$SOCKETS/ext3" "$T/hostile" server "$seed" "$T/home/mnt" >ready3 2>granted3 &
activator="$activator $!"
trap 'kill $activator 2>/dev/null; cleanup' EXIT
until grep -q ready ready && grep -q ready ready3; do sleep 0.02; done

# All mount points but those of other tests: they come and go.
mounts()
{
	awk -v t="$T/" 'index($2, t) == 1 || $2 !~ /\/fuse4fs-test\.[^\/]*\// { print $2 }' /proc/self/mounts | sort
}

# attack MOUNTPOINT COMMAND...: run it until the time is over.  A timeout is a hang.
attack()
{
	local point=$1 end=$((SECONDS + seconds)) status before after
	shift
	runs=0 crashes=0 hangs=0 strange=0 mounted=0
	before=$(mounts)
	while [ $SECONDS -lt $end ]; do
		timeout -k 1 10 "$@" >>out 2>&1
		status=$?
		runs=$((runs + 1))
		[ $status -lt 124 ] || { [ $status -eq 124 ] && hangs=$((hangs + 1)) || crashes=$((crashes + 1)); }
		if mountpoint -q "$point" 2>/dev/null || grep -q " $point " /proc/self/mounts; then
			grep " $point " /proc/self/mounts >>made
			umount -l "$point"
			mounted=$((mounted + 1))
		fi
		after=$(mounts)
		[ "$before" = "$after" ] || { strange=$((strange + 1)); before=$after; }
	done
	diag "$runs runs, $mounted mounts"
}

: >made
attack "$T/mnt" "$T/bin/fuservicemount" /img "$T/mnt" -t ext4 -o rw
is "$crashes:$hangs" 0:0 "hostile server, root: no crash and no hang"
is "$strange" 0 "hostile server, root: nothing else gets mounted"
is "$(cat granted)" "" "hostile server, root: nothing is granted that must not be"
is "$(grep -vc ' fuse\(blk\)\?\.ext4 ' made 2>/dev/null)" 0 "hostile server, root: all mounts are FUSE mounts"
: >made

uid=$(id -u nobody) gid=$(id -g nobody)
as_user="setpriv --reuid=$uid --regid=$gid --clear-groups"
if $as_user test -x "$T/bin/fuservicemount"; then
	attack "$T/home/mnt" $as_user "$T/bin/fuservicemount" /img "$T/home/mnt" -t ext3 -o rw
	is "$crashes:$hangs" 0:0 "hostile server, user: no crash and no hang"
	is "$strange" 0 "hostile server, user: nothing else gets mounted"
	is "$(cat granted3)" "" "hostile server, user: nothing is granted that must not be"
	is "$(grep -vc ' fuse\.ext3 .*nosuid,nodev.*user_id='"$uid" made 2>/dev/null)" 0 \
		"hostile server, user: all mounts are the user's FUSE mounts, nosuid and nodev"
	is "$(awk '$4 ~ /allow_other/' made)" "" "hostile server, user: none with allow_other"
else
	skip "an ordinary user cannot run programs here" "hostile server, user"
fi
is "$(LC_ALL=C grep -c "$(printf '\033')" out)" 0 "nothing that plays with the terminal comes through"

# The server sleeps for two seconds at its end, so many at once.
make_image img 8M
end=$((SECONDS + seconds)) runs=0
: >failures
while [ $SECONDS -lt $end ]; do
	for i in $(seq 25); do
		runs=$((runs + 1))
		( cp img img.$i; "$T/hostile" helper $((seed * 1000 + runs)) "$T/img.$i" "$FUSE4FS" -o kernel \
			>/dev/null 2>err.$i || { echo "seed $((seed * 1000 + runs))"; grep -v '^<' err.$i; } >>failures ) &
	done
	wait $(jobs -p | grep -vw -e "${activator% *}" -e "${activator#* }")
done
diag "$runs runs"
is "$(cat failures)" "" "hostile helper: the server ends by itself, without a crash"
is "$(cat err.* | grep -c -i 'sanitizer')" 0 "hostile helper: nothing for the sanitizers"
bad=0
for i in $(seq 25); do
	e2fsck -fy img.$i >/dev/null 2>&1
	[ $? -le 1 ] && e2fsck -fn img.$i >/dev/null 2>&1 || bad=$((bad + 1))
done
is $bad 0 "hostile helper: the images are file systems"
done_testing
