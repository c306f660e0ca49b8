/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EXT4_IOC_GET_TUNE_SB_PARAM and EXT4_IOC_SET_TUNE_SB_PARAM (Linux 6.18): between the form of the
 * call and that of the engine.
 */
#include <errno.h>
#include <string.h>
#include "server.h"

/* Features, the hash and the count of mounts are not changed; the answer says so. */
struct tune_params {
	uint32_t	set_flags, checkinterval;
	uint16_t	errors_behavior, mnt_count, max_mnt_count, raid_stride;
	uint64_t	last_check_time, reserved_blocks, blocks_count;
	uint32_t	default_mnt_opts, reserved_uid, reserved_gid, raid_stripe_width;
	uint16_t	encoding, encoding_flags;
	uint8_t		def_hash_alg, pad_1;
	uint16_t	pad_2;
	uint32_t	feature[3], set_feature[3], clear_feature[3];
	char		mount_opts[64];
	uint8_t		pad[68];
};
_Static_assert(sizeof(struct tune_params) == TUNE_PARAMS_SIZE, "the kernel's size");

void tune_get(struct server *srv, void *data)
{
	struct ext4_tune tune;
	struct tune_params out;

	ext4_get_tune(srv->fs, &tune);
	out = (struct tune_params) {
		.set_flags = tune.set,
		.checkinterval = tune.checkinterval,
		.errors_behavior = tune.errors,
		.mnt_count = tune.mnt_count,
		.max_mnt_count = tune.max_mnt_count,
		.raid_stride = tune.stride,
		.last_check_time = tune.last_check,
		.reserved_blocks = tune.reserved,
		.blocks_count = tune.blocks,
		.default_mnt_opts = tune.default_opts,
		.reserved_uid = tune.resuid,
		.reserved_gid = tune.resgid,
		.raid_stripe_width = tune.stripe_width,
		.encoding = tune.encoding,
		.encoding_flags = tune.encoding_flags,
		.def_hash_alg = tune.hash,
		.feature = { tune.compat, tune.incompat, tune.ro_compat },
	};
	memcpy(out.mount_opts, tune.mount_opts, sizeof(out.mount_opts));
	memcpy(data, &out, sizeof(out));
}

int tune_set(struct server *srv, const void *data)
{
	struct ext4_tune tune;
	struct tune_params in;

	memcpy(&in, data, sizeof(in));
	if (strnlen(in.mount_opts, sizeof(in.mount_opts)) == sizeof(in.mount_opts))
		return -E2BIG;
	tune = (struct ext4_tune) {
		.set = in.set_flags,
		.errors = in.errors_behavior,
		.max_mnt_count = in.max_mnt_count,
		.stride = in.raid_stride,
		.checkinterval = in.checkinterval,
		.default_opts = in.default_mnt_opts,
		.resuid = in.reserved_uid,
		.resgid = in.reserved_gid,
		.stripe_width = in.raid_stripe_width,
		.last_check = in.last_check_time,
		.reserved = in.reserved_blocks,
	};
	/* Nothing but the text and zeroes. */
	memcpy(tune.mount_opts, in.mount_opts, strlen(in.mount_opts));
	return ext4_set_tune(srv->fs, &tune);
}
