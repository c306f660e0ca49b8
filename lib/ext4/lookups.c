/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How often somebody outside, the kernel above all, remembers each inode.  That is a number in a table and no
 * reference: an inode that is only remembered needs no memory but its eight bytes here, since its number is enough to
 * read it again.  The exception is one without a name: it must not be deleted while it is remembered, so its last
 * reference is kept until it is forgotten (EXT4_STATE_HELD).
 */
#include <stdlib.h>
#include "ext4/ext4_i.h"

#define SHARDS		16
#define SLOTS_MIN	64

struct slot {
	uint32_t	ino;		/* 0: free */
	uint32_t	count;		/* stays at its maximum: then it is never forgotten */
};

/* Open addressing; what follows a removed slot moves up, so that there are no gaps. */
struct shard {
	pthread_mutex_t	lock;
	struct slot	*slot;
	uint32_t	size, used;	/* size: a power of two, or 0 */
};

struct ext4_lookups {
	struct shard	shard[SHARDS];
	uint64_t	bytes;		/* atomic: of all tables */
};

static uint32_t hash(uint32_t ino)
{
	ino *= 0x9e3779b1U;
	return ino ^ ino >> 15;
}

static struct shard *shard_of(struct ext4_lookups *lookups, uint32_t ino)
{
	return &lookups->shard[hash(ino) % SHARDS];
}

static uint32_t home_of(const struct shard *shard, uint32_t ino)
{
	return hash(ino) / SHARDS & (shard->size - 1);
}

/* Its slot, or the free one where it belongs; the table must have a free one. */
static struct slot *find(const struct shard *shard, uint32_t ino)
{
	uint32_t at = home_of(shard, ino);

	while (shard->slot[at].ino && shard->slot[at].ino != ino)
		at = (at + 1) & (shard->size - 1);
	return &shard->slot[at];
}

static bool resize(struct ext4_lookups *lookups, struct shard *shard, uint32_t size)
{
	struct shard old = *shard;
	struct slot *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return false;
	shard->slot = slots;
	shard->size = size;
	for (uint32_t i = 0; i < old.size; i++)
		if (old.slot[i].ino)
			*find(shard, old.slot[i].ino) = old.slot[i];
	free(old.slot);
	__atomic_add_fetch(&lookups->bytes, ((uint64_t)size - old.size) * sizeof(*slots), __ATOMIC_RELAXED);
	return true;
}

/* At most three quarters full. */
static bool make_room(struct ext4_lookups *lookups, struct shard *shard)
{
	if (shard->used < shard->size / 4 * 3)
		return true;
	return resize(lookups, shard, shard->size ? shard->size * 2 : SLOTS_MIN);
}

static void remove_slot(struct ext4_lookups *lookups, struct shard *shard, struct slot *slot)
{
	uint32_t mask = shard->size - 1, gap = slot - shard->slot, at = gap;

	for (;;) {
		at = (at + 1) & mask;
		if (!shard->slot[at].ino)
			break;
		/* Can it stand in the gap, or would it then be before its home? */
		if (((at - home_of(shard, shard->slot[at].ino)) & mask) < ((at - gap) & mask))
			continue;
		shard->slot[gap] = shard->slot[at];
		gap = at;
	}
	shard->slot[gap] = (struct slot){ 0, 0 };
	shard->used--;
	/* A table that stays too large is only a waste. */
	if (shard->size > SLOTS_MIN && shard->used < shard->size / 8)
		resize(lookups, shard, shard->size / 2);
}

uint64_t ext4_lookups_bytes(struct ext4_fs *fs)
{
	return fs->lookups ? __atomic_load_n(&fs->lookups->bytes, __ATOMIC_RELAXED) : 0;
}

int ext4_lookups_init(struct ext4_fs *fs)
{
	fs->lookups = calloc(1, sizeof(*fs->lookups));
	if (!fs->lookups)
		return -ENOMEM;
	for (int i = 0; i < SHARDS; i++)
		pthread_mutex_init(&fs->lookups->shard[i].lock, NULL);
	return 0;
}

void ext4_lookups_destroy(struct ext4_fs *fs)
{
	if (!fs->lookups)
		return;
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_destroy(&fs->lookups->shard[i].lock);
		free(fs->lookups->shard[i].slot);
	}
	free(fs->lookups);
	fs->lookups = NULL;
}

int ext4_remember(struct ext4_inode *inode)
{
	struct ext4_lookups *lookups = inode->i_fs->lookups;
	struct shard *shard = shard_of(lookups, inode->i_ino);
	struct slot *slot;
	uint32_t size;
	int err = 0;
	bool grown;

	pthread_mutex_lock(&shard->lock);
	size = shard->size;
	if (!make_room(lookups, shard)) {
		err = -ENOMEM;
	} else {
		slot = find(shard, inode->i_ino);
		if (!slot->ino) {
			slot->ino = inode->i_ino;
			shard->used++;
		}
		if (slot->count < UINT32_MAX)
			slot->count++;
	}
	grown = shard->size != size;
	pthread_mutex_unlock(&shard->lock);
	/* What this takes the others have to do without. */
	if (grown)
		ext4_divide_memory(inode->i_fs);
	return err;
}

bool ext4_is_remembered(struct ext4_fs *fs, uint32_t ino)
{
	struct shard *shard = shard_of(fs->lookups, ino);
	bool found;

	pthread_mutex_lock(&shard->lock);
	found = shard->size && find(shard, ino)->ino;
	pthread_mutex_unlock(&shard->lock);
	return found;
}

/* True when nobody remembers it any more. */
static bool count_down(struct ext4_fs *fs, uint32_t ino, uint64_t n)
{
	struct shard *shard = shard_of(fs->lookups, ino);
	struct slot *slot;
	uint32_t size;
	bool gone = false, shrunk;

	pthread_mutex_lock(&shard->lock);
	size = shard->size;
	slot = size ? find(shard, ino) : NULL;
	if (slot && slot->ino && slot->count < UINT32_MAX) {
		slot->count = n < slot->count ? slot->count - n : 0;
		gone = !slot->count;
		if (gone)
			remove_slot(fs->lookups, shard, slot);
	}
	shrunk = shard->size != size;
	pthread_mutex_unlock(&shard->lock);
	if (shrunk)
		ext4_divide_memory(fs);
	return gone;
}

void ext4_forget(struct ext4_fs *fs, uint32_t ino, uint64_t n)
{
	struct ext4_inode *inode;

	if (!ino || !count_down(fs, ino, n))
		return;
	inode = ext4_ilookup(fs, ino);
	if (!inode)
		return;
	if (ext4_release_held(inode))
		ext4_iput(inode);
	ext4_iput(inode);
}
