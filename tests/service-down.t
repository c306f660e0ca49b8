#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where no service answers, mount(8) says so before it starts a server with the caller's rights, and does not where
# that is forbidden.  What is installed is seen in this test's mount namespace only.
. "$(dirname "$0")/lib.sh"
. "$TESTS/service.sh"
need make
for d in etc usr; do
	mkdir "$T/$d-up" "$T/$d-work"
	mount -t overlay overlay -o "lowerdir=/$d,upperdir=$T/$d-up,workdir=$T/$d-work" /$d || skip_all "/$d cannot be replaced"
done
make -s -C "$BUILD" --no-print-directory install >"$T/install.log" 2>&1
ok $? "make install" || diag "$(tail -n 5 "$T/install.log")"
HELPER=$BUILD/misc/mount.fuse.ext4
cd "$T" || exit 2
mkdir mnt
rm -f /etc/fuse4fs.conf
make_image a.img 16M

# refused NAME [OPTIONS]
refused()
{
	local out
	out=$("$HELPER" "$T/a.img" "$T/mnt" -o "${2:-rw}" 2>&1)
	isnt $? 0 "$1: refused"
	like "$out" "no service.*forbidden.*systemctl start" "$1: and it is said"
	is "$(entry mnt)" "" "$1: nothing is mounted" || unmount mnt a.img
}

# mounted NAME
mounted()
{
	local out
	out=$("$HELPER" "$T/a.img" "$T/mnt" -o rw 2>&1)
	is $? 0 "$1: mounts"
	like "$out" "no service.*with your own rights" "$1: and it is said"
	like "$(entry mnt)" "fuse" "$1: it is mounted"
	unmount mnt a.img
}

mounted "by default"
refused "option service" rw,service
refused "option service, first" service,rw
for text in "fallback = no" "fallback=no # never" "fallback = maybe" "fallbakc = yes" "fallback = yes no"; do
	echo "$text" >/etc/fuse4fs.conf
	refused "setting \`$text'"
done
printf '# of the administrator\n\n  fallback = yes\n' >/etc/fuse4fs.conf
mounted "setting \`fallback = yes'"

# A socket where nobody listens
rm /etc/fuse4fs.conf
listen ext4 -- /bin/false
stop_listening
mounted "a socket where nobody listens"
refused "a socket where nobody listens, option service" service

out=$("$FUSE4FS" -o service a.img mnt 2>&1)
isnt $? 0 "the server itself refuses it"
like "$out" "option .service" "and says so"
is "$(entry mnt)" "" "nothing is mounted" || unmount mnt a.img
listen ext4 -u 64123 -- "$T/bin/fuse4fs" -o kernel
out=$("$HELPER" "$T/a.img" "$T/mnt" -o service 2>&1)
is "$?:$out" "0:" "with a service: mounts, and nothing is said" || diag "$(cat server.log)"
like "$(entry mnt)" " rw,(relatime|user_id)" "with a service: suid and dev, as mount(8) means it"
unmount mnt a.img
done_testing
