/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutation that knows what an input is made of: patches prefer the fields and the
 * values that matter in a file system.
 */
#include <stdlib.h>
#include <string.h>
#include "base.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

const struct input_head *input_parse(const uint8_t *data, size_t size, const struct input_patch **patches,
				     size_t *n_patches, const struct input_op **ops, size_t *n_ops)
{
	const struct input_head *head = (const void *)data;
	size_t room;

	if (size < sizeof(*head))
		return NULL;
	room = (size - sizeof(*head)) / sizeof(**patches);
	*patches = (const void *)(head + 1);
	*n_patches = head->patches % (MAX_PATCHES + 1);
	if (*n_patches > room)
		*n_patches = room;
	*ops = (const void *)(*patches + *n_patches);
	*n_ops = (size - sizeof(*head) - *n_patches * sizeof(**patches)) / sizeof(**ops);
	if (*n_ops > MAX_OPS)
		*n_ops = MAX_OPS;
	return head;
}

/* An input with room for changes; packed again afterwards. */
struct draft {
	struct input_head	head;
	struct input_patch	patches[MAX_PATCHES];
	struct input_op		ops[MAX_OPS];
	size_t			n_patches, n_ops;
};

static uint32_t pick(unsigned int *seed, uint32_t n)
{
	return n ? (uint32_t)rand_r(seed) % n : 0;
}

static uint32_t interesting(const struct base *b, unsigned int *seed)
{
	static const uint32_t values[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 16, 60, 64, 100, 128, 255, 256, 1000, 1020, 1024, 4096,
		0x7fff, 0x8000, 0x8001, 0xf30a, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe,
		0xffffffff, 0x10000000, 0xea020000, 0x00080000, 0x00200000, 0x10001000,
	};
	uint32_t word;

	switch (pick(seed, 5)) {
	case 0:
		return values[pick(seed, sizeof(values) / sizeof(values[0]))];
	case 1:		/* a block with metadata: cross links, loops */
		return b->meta[pick(seed, b->n_meta)];
	case 2:		/* an inode */
		return pick(seed, 80);
	case 3:		/* what stands elsewhere */
		memcpy(&word, b->dev->base + (uint64_t)b->meta[pick(seed, b->n_meta)] * FUZZIO_UNIT +
		       pick(seed, FUZZIO_UNIT / 4) * 4, sizeof(word));
		return word;
	default:
		return 1U << pick(seed, 32);
	}
}

/* Prefer bytes that are not 0, and begin where a field may begin. */
static void choose_place(const struct base *b, struct input_patch *p, unsigned int *seed)
{
	const char *unit;
	unsigned int i;

	p->block = pick(seed, b->n_meta);
	unit = b->dev->base + (uint64_t)b->meta[p->block] * FUZZIO_UNIT;
	for (i = 0; i < 8; i++) {
		p->off = pick(seed, FUZZIO_UNIT / 2) * 2;
		if (unit[p->off] || unit[p->off + 1])
			break;
	}
}

static void new_patch(const struct base *b, struct input_patch *p, unsigned int *seed)
{
	static const uint8_t kinds[] = { PATCH_8, PATCH_16, PATCH_16, PATCH_32, PATCH_32, PATCH_32, PATCH_ADD16,
					 PATCH_ADD32, PATCH_COPY, PATCH_MOVE };
	uint32_t value = interesting(b, seed);

	choose_place(b, p, seed);
	p->kind = kinds[pick(seed, sizeof(kinds))];
	p->len = pick(seed, 2) ? pick(seed, 256) : 32;
	if (p->kind == PATCH_ADD16 || p->kind == PATCH_ADD32)
		value = pick(seed, 17) - 8;
	if (p->kind == PATCH_COPY || p->kind == PATCH_MOVE)
		value = pick(seed, b->n_meta) | pick(seed, FUZZIO_UNIT / 32) * 32 << 16;
	memcpy(p->value, &value, sizeof(value));
}

static void new_op(struct input_op *op, unsigned int *seed)
{
	op->op = pick(seed, OP_KINDS);
	op->a = pick(seed, 256);
	op->b = pick(seed, 256);
	op->c = pick(seed, 256);
}

static void change_patches(const struct base *b, struct draft *d, unsigned int *seed)
{
	uint32_t value;
	struct input_patch *p;

	if (!d->n_patches || (d->n_patches < MAX_PATCHES && !pick(seed, 3))) {
		new_patch(b, &d->patches[d->n_patches++], seed);
		return;
	}
	p = &d->patches[pick(seed, d->n_patches)];
	switch (pick(seed, 5)) {
	case 0:
		*p = d->patches[--d->n_patches];
		break;
	case 1:
		value = interesting(b, seed);
		memcpy(p->value, &value, sizeof(value));
		break;
	case 2:
		p->off += (pick(seed, 9) - 4) * 2;
		break;
	case 3:
		choose_place(b, p, seed);
		break;
	default:
		new_patch(b, p, seed);
	}
}

static void change_ops(struct draft *d, unsigned int *seed)
{
	if (!d->n_ops || (d->n_ops < MAX_OPS && pick(seed, 3))) {
		new_op(&d->ops[d->n_ops++], seed);
		return;
	}
	if (pick(seed, 2))
		new_op(&d->ops[pick(seed, d->n_ops)], seed);
	else
		d->ops[pick(seed, d->n_ops)] = d->ops[--d->n_ops];
}

static void change(struct draft *d, unsigned int *seed)
{
	const struct base *b = base_get(d->head.seed);

	switch (pick(seed, 16)) {
	case 0:
		d->head.flags ^= 1 << pick(seed, 8);
		break;
	case 1:
		d->head.more ^= 1 << pick(seed, 5);
		break;
	case 2:
		d->head.seed = pick(seed, base_count());
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		change_ops(d, seed);
		break;
	default:
		change_patches(b, d, seed);
	}
}

static size_t pack(const struct draft *d, uint8_t *data, size_t max_size)
{
	size_t patches = d->n_patches * sizeof(d->patches[0]), ops = d->n_ops * sizeof(d->ops[0]);

	if (sizeof(d->head) + patches + ops > max_size)
		return 0;
	memcpy(data, &d->head, sizeof(d->head));
	memcpy(data + sizeof(d->head), d->patches, patches);
	memcpy(data + sizeof(d->head) + patches, d->ops, ops);
	return sizeof(d->head) + patches + ops;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	const struct input_head *head;
	const struct input_patch *patches;
	const struct input_op *ops;
	struct draft d = { .head.flags = IN_ACCEPT };
	unsigned int rounds;
	size_t packed;

	if (!pick(&seed, 20))
		return LLVMFuzzerMutate(data, size, max_size);
	head = input_parse(data, size, &patches, &d.n_patches, &ops, &d.n_ops);
	if (head) {
		d.head = *head;
		memcpy(d.patches, patches, d.n_patches * sizeof(*patches));
		memcpy(d.ops, ops, d.n_ops * sizeof(*ops));
	}
	for (rounds = 1 + pick(&seed, 4); rounds; rounds--)
		change(&d, &seed);
	d.head.patches = d.n_patches;
	packed = pack(&d, data, max_size);
	return packed ? packed : size;
}
