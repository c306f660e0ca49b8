#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Make ./configure from configure.ac; needed once after a clone, and when configure.ac changed.
set -e
cd "$(dirname "$0")"
command -v autoconf >/dev/null || {
	echo "autogen.sh: autoconf is missing (Debian: apt install autoconf pkg-config)" >&2
	exit 1
}
autoheader
autoconf
rm -rf autom4te.cache
