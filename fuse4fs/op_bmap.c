/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BMAP: where a block of a file is on the device, for FIBMAP and swapon(8), which from then on writes there without
 * us.  The kernel asks only where the mount is that of a block device.  It refuses to write, truncate or unlink a
 * file that it swaps to, and nothing else moves blocks here.
 */
#include <errno.h>
#include <stdlib.h>
#include "notify.h"
#include "server.h"

struct bmap {
	fuse_req_t		req;
	struct ext4_inode	*inode;		/* one reference */
	uint64_t		block;
	size_t			unit;		/* bytes, that blocks are counted in */
};

/*
 * A block in the units of the request, which are those of the mount: ours, or (Linux 6.17 and later) whole pages, which must lie in one
 * piece and begin where such a unit does.  The device of the mount is the whole one, whatever part of it we
 * were told to use.  *@found is 0 when there is none.
 */
static int look_up(const struct server *srv, const struct bmap *bmap, uint64_t *found)
{
	unsigned int size = ext4_block_size(srv->fs), n = bmap->unit / size;
	uint64_t first = 0, next, at;
	int err = 0;

	*found = 0;
	if (bmap->unit % size || !n || bmap->block > UINT32_MAX)
		return -EINVAL;
	for (unsigned int i = 0; !err && i < n; i++) {
		err = ext4_bmap(bmap->inode, bmap->block * n + i, &next);
		if (!err && (!next || (i && next != first + i)))
			return 0;
		if (!i)
			first = next;
	}
	if (err)
		return err;
	at = first * size + srv->opt->offset;
	if (at % bmap->unit)
		return -EINVAL;
	*found = at / bmap->unit;
	return 0;
}

/* Takes over the reference. */
static void answer(const struct bmap *bmap, uint64_t found, int err)
{
	if (err)
		reply_status(bmap->req, err);
	else
		fuse_reply_bmap(bmap->req, found);
	ext4_iput(bmap->inode);
}

/* What was written must have arrived, or it would later be written over what is swapped there. */
static void answer_settled(void *arg)
{
	struct bmap *bmap = arg;
	uint64_t found = 0;
	int err = 0;

	if (!ext4_is_read_only(req_server(bmap->req)->fs))
		err = ext4_fsync(bmap->inode, false);
	if (!err)
		err = look_up(req_server(bmap->req), bmap, &found);
	answer(bmap, found, err);
	free(bmap);
}

/*
 * Who asks for all blocks begins with the first: what the kernel has of the file, and the device of its data, is written
 * back then, and when a block is missing that the kernel may still hold.
 */
void op_bmap(fuse_req_t req, fuse_ino_t node, size_t block_size, uint64_t block)
{
	struct bmap bmap = { .req = req, .block = block, .unit = block_size }, *later;
	struct server *srv = req_server(req);
	uint64_t found = 0;
	int err = 0;

	bmap.inode = node_get_or_fail(req, node);
	if (!bmap.inode)
		return;
	if (block)
		err = look_up(srv, &bmap, &found);
	if (err || found || (block && !ext4_open_for_writing(bmap.inode))) {
		answer(&bmap, found, err);
		return;
	}
	later = malloc(sizeof(*later));
	if (!later) {
		answer(&bmap, 0, -ENOMEM);
		return;
	}
	*later = bmap;
	notify_write_back(srv, ext4_ino(bmap.inode), answer_settled, later);
}
