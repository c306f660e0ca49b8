/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree as text: one line for each name with everything that matters of what it names.
 */
#ifndef FAULTS_LIST_H
#define FAULTS_LIST_H

#include <stddef.h>
#include <stdint.h>
#include "ext4/ext4.h"

#define LIST_SIZE	(96U << 10)

struct listing {
	size_t	len;
	char	text[LIST_SIZE];
};

/* List all below @dir, sorted by name: 0, or the first error. */
int list_tree(struct listing *l, struct ext4_inode *dir);
/* What is in a file: a number, or an error. */
int list_content(struct ext4_inode *inode, uint64_t *hash);
uint64_t list_hash(const void *data, size_t len, uint64_t hash);

#endif /* FAULTS_LIST_H */
