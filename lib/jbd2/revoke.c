/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables of revoked blocks, for running transactions and for recovery: open
 * addressing, since freeing a large tree revokes many blocks at once.
 */
#include <stdlib.h>
#include "jbd2/jbd2_i.h"

#define EMPTY	(~0ULL)
#define DELETED	(~0ULL - 1)
#define FIRST_SIZE	16

static size_t slot_of(const struct jbd2_revoke_table *table, uint64_t blk)
{
	return (size_t)((blk * 0x9e3779b97f4a7c15ULL) >> 20) & (table->size - 1);
}

static struct jbd2_revoke_entry *find(const struct jbd2_revoke_table *table, uint64_t blk)
{
	size_t mask = table->size - 1, i;

	if (!table->count)
		return NULL;
	for (i = slot_of(table, blk); table->entries[i].blk != EMPTY; i = (i + 1) & mask)
		if (table->entries[i].blk == blk)
			return &table->entries[i];
	return NULL;
}

static void insert_new(struct jbd2_revoke_table *table, uint64_t blk, tid_t tid)
{
	size_t i = slot_of(table, blk);

	while (table->entries[i].blk != EMPTY)
		i = (i + 1) & (table->size - 1);
	table->entries[i].blk = blk;
	table->entries[i].tid = tid;
	table->used++;
	table->count++;
}

/* Room for one more at a load of at most a half; deleted entries go away. */
static int make_room(struct jbd2_revoke_table *table)
{
	struct jbd2_revoke_table bigger = { .size = FIRST_SIZE };
	size_t i;

	if (2 * (table->used + 1) <= table->size)
		return 0;
	while (bigger.size < 4 * (table->count + 1))
		bigger.size *= 2;
	bigger.entries = malloc(bigger.size * sizeof(*bigger.entries));
	if (!bigger.entries)
		return -ENOMEM;
	for (i = 0; i < bigger.size; i++)
		bigger.entries[i].blk = EMPTY;
	for (i = 0; i < table->size; i++)
		if (table->entries[i].blk < DELETED)
			insert_new(&bigger, table->entries[i].blk, table->entries[i].tid);
	free(table->entries);
	*table = bigger;
	return 0;
}

/* The newest transaction wins.  Numbers that no device has are not kept. */
int jbd2_revoke_set(struct jbd2_revoke_table *table, uint64_t blk, tid_t tid)
{
	struct jbd2_revoke_entry *entry = find(table, blk);
	int err;

	if (blk >= DELETED)
		return 0;
	if (entry) {
		if (tid_gt(tid, entry->tid))
			entry->tid = tid;
		return 0;
	}
	err = make_room(table);
	if (!err)
		insert_new(table, blk, tid);
	return err;
}

void jbd2_revoke_clear(struct jbd2_revoke_table *table, uint64_t blk)
{
	struct jbd2_revoke_entry *entry = find(table, blk);

	if (!entry)
		return;
	entry->blk = DELETED;
	table->count--;
}

bool jbd2_revoke_find(const struct jbd2_revoke_table *table, uint64_t blk, tid_t *tid)
{
	struct jbd2_revoke_entry *entry = find(table, blk);

	if (!entry)
		return false;
	*tid = entry->tid;
	return true;
}

/* The blocks one by one, *pos = 0 at first; false at the end. */
bool jbd2_revoke_next(const struct jbd2_revoke_table *table, size_t *pos, uint64_t *blk)
{
	while (*pos < table->size) {
		*blk = table->entries[(*pos)++].blk;
		if (*blk < DELETED)
			return true;
	}
	return false;
}

void jbd2_revoke_free(struct jbd2_revoke_table *table)
{
	free(table->entries);
	table->entries = NULL;
	table->size = table->used = table->count = 0;
}
