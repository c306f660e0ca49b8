#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that was taken over gets nothing by the helper but what the user typed: for root and for
# an ordinary user.  In a mount namespace of its own.
. "$(dirname "$0")/lib.sh"
. "$TESTS/service.sh"
# An attack that succeeds hits a copy.
mkdir "$T/etc-up" "$T/etc-work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$T/etc-up,workdir=$T/etc-work" /etc ||
	skip_all "/etc cannot be replaced"
cp "$PROGS/hostile-server" "$T/hostile-server"
cd "$T" || exit 2
mkdir mnt home home/mnt
make_image a.img 8M
cp a.img other.img
devices=
if have_kernel_ext4; then
	attach other.img
	devices="$LOOP /dev/block/7:${LOOP#/dev/loop}"
fi
# shellcheck disable=SC2086
listen ext4 -- "$T/hostile-server" $devices
report=$T/server.log

# attack NAME WANTED COMMAND...: what was granted but must not be, and how it ends.
attack()
{
	local name=$1 wanted=$2 status
	shift 2
	: >"$report"
	out=$(timeout 60 "$@" 2>&1)
	status=$?
	is $status 0 "$name: the helper ends well" || diag "$out"
	for _ in $(seq 100); do
		grep -q done "$report" && break
		sleep 0.05
	done
	is "$(sort "$report")" "$(printf '%s\n' done "$wanted" | sort)" "$name: nothing is granted that was not typed"
}

attack "root, ro" "granted (rightly) reading $T/a.img" \
	"$HELPER" "$T/a.img" "$T/mnt" -t ext4 -o ro,nosuid,nodev,noexec
is "$(printf '%s\n' "$out" | grep one | sed 's/six?*/six/')" "$(printf 'one?[2Jtwo?2Jthree?2Jfour?five?six caf\303\251 \360\237\230\200')" "messages: text is text, and nothing commands the terminal"
like "$(grep " $T/mnt " /proc/self/mounts)" "^$T/a.img $T/mnt fuse.ext4 ro,nosuid,nodev,noexec," \
	"root: mounted as it was typed"
umount -l mnt
attack "root, rw" "granted (rightly) reading $T/a.img
granted (if it is not ro) writing $T/a.img" "$HELPER" "$T/a.img" "$T/mnt" -t ext4
like "$(grep " $T/mnt " /proc/self/mounts)" "^$T/a.img $T/mnt fuse.ext4 rw,nosuid,nodev," \
	"root: suid and dev are for who types them"
umount -l mnt
attack "root, suid" "granted (rightly) reading $T/a.img
granted (if it is not ro) writing $T/a.img" "$HELPER" "$T/a.img" "$T/mnt" -t ext4 -o suid,dev
like "$(grep " $T/mnt " /proc/self/mounts)" "^$T/a.img $T/mnt fuse.ext4 rw,(relatime|user_id)" \
	"root: and are there then"
umount -l mnt
is "$(find etc-up -mindepth 1; ls created 2>/dev/null)" "" "nothing was created or changed"

uid=$(id -u nobody) gid=$(id -g nobody)
as_user="setpriv --reuid=$uid --regid=$gid --clear-groups"
cp a.img home/u.img
cp a.img home/other.img
chown -R "$uid:$gid" home
if $as_user test -x "$HELPER"; then
	attack "user" "granted (rightly) reading $T/home/u.img
granted (if it is not ro) writing $T/home/u.img" $as_user "$HELPER" "$T/home/u.img" "$T/home/mnt" -t ext4 -o rw
	like "$(grep " $T/home/mnt " /proc/self/mounts)" "^$T/home/u.img $T/home/mnt fuse.ext4 rw,nosuid,nodev,.*user_id=$uid" \
		"user: mounted as it was typed"
	umount -l home/mnt

	# What the user types is opened with the user's rights alone.
	mkdir -m 700 secret
	cp a.img secret/s.img
	chmod 666 secret/s.img
	(cd secret && exec sleep 60) &
	sleeper=$!
	for name in "/proc/$sleeper/cwd/s.img" "$T/secret/s.img" /dev/kmsg /proc/kmsg \
		$(find /proc/sys -type f -perm 0600 2>/dev/null | head -n 1); do
		: >"$report"
		timeout 60 $as_user "$HELPER" "$name" "$T/home/mnt" -t ext4 >out 2>&1
		for _ in $(seq 100); do
			grep -q done "$report" && break
			sleep 0.05
		done
		is "$(cat "$report")" done "user: $name is not opened"
		umount -l home/mnt 2>/dev/null
	done
	kill $sleeper
else
	skip "an ordinary user cannot run programs here" "user"
fi
done_testing
