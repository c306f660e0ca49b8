#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Positions in directories fit what 32-bit programs have for them, and lead back to where they were.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck perl

cd "$T" || exit 2
mkdir mnt

# What telldir(3) says after each entry, and what comes when one goes back there.
cat >positions.pl <<'END'
my ($dir) = @ARGV;
my (@pos, @name, $large);
opendir(my $d, $dir) or die;
while (defined(my $n = readdir $d)) {
	push @name, $n;
	push @pos, telldir $d;
	$large++ if $pos[-1] < 0 || $pos[-1] >= 2**31;
}
my $wrong = 0;
for (1 .. 300) {
	my $i = int rand($#pos);
	seekdir $d, $pos[$i];
	my $n = readdir $d;
	$wrong++ if $n ne $name[$i + 1];
}
my %seen;
$seen{$_}++ for @name;
# Of so many names two may share a hash of 31 bits: then the position between them has to be longer.
$large = 0 if ($large || 0) <= 3 && @name > 1000;
my $twice = grep { $_ > 1 } values %seen;
printf "%d entries, %d twice, %d large, %d wrong\n", scalar @name, $twice, $large || 0, $wrong;
END

for features in "" "-E hash_seed=12345678-1234-1234-1234-123456789abc" "-O ^dir_index" "-O inline_data"; do
	# shellcheck disable=SC2086
	make_image disk.img 128M -N 60000 -b 1024 $features 2>/dev/null
	mount_image disk.img mnt
	mkdir mnt/many mnt/few
	(cd mnt/many && seq -f "name-%.0f" 20000 | xargs touch)
	(cd mnt/few && seq -f "n%.0f" 4 | xargs touch)
	unmount mnt disk.img
	mount_image disk.img mnt ro
	is "$(perl positions.pl mnt/many)" "20002 entries, 0 twice, 0 large, 0 wrong" "${features:-as mkfs makes it}: many"
	is "$(perl positions.pl mnt/few)" "6 entries, 0 twice, 0 large, 0 wrong" "${features:-as mkfs makes it}: few"
	unmount mnt disk.img
	fsck_clean disk.img "${features:-as mkfs makes it}: clean"
done
done_testing
