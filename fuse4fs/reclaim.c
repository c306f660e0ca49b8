/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving memory back: the pressure monitor's handler.
 */
#include <com_err.h>
#include <malloc.h>
#include <stdlib.h>
#include "logging.h"
#include "reclaim.h"
#include "service.h"
#include "support/psi.h"

/* The cache's bound on a kernel that does not tell of memory pressure. */
#define BLIND_CACHE_BYTES	(UINT64_C(256) << 20)

struct reclaim {
	struct psi	*psi;
	struct ext4_fs	*fs;
};

static void give_back(void *priv, enum psi_reason reason)
{
	static const char *const names[] = {
		[PSI_SYSTEM_PRESSURE] = "memory is short in the system",
		[PSI_CGROUP_PRESSURE] = "memory is short in our control group",
		[PSI_TIMER] = "timer",
	};
	struct reclaim *reclaim = priv;
	size_t bytes = ext4_shrink(reclaim->fs, reason != PSI_TIMER);

	malloc_trim(0);
	log_debug("%s: gave back %zu bytes", names[reason], bytes);
}

struct reclaim *reclaim_create(struct ext4_mount_opts *opts, struct service *service)
{
	struct psi_params params = {
		.thread_name = "fuse4fs-reclaim",
		.system_fd = -1,
		.cgroup_fd = -1,
		.open_files = !service,
		.timer_s = PSI_DEFAULT_TIMER_S,
	};
	struct reclaim *reclaim = calloc(1, sizeof(*reclaim));

	if (!reclaim)
		return NULL;
	if (service)
		service_open_pressure(service, &params.system_fd, &params.cgroup_fd);
	if (psi_create(&params, &reclaim->psi)) {
		free(reclaim);
		return NULL;
	}
	if (!psi_watches_pressure(reclaim->psi) && !opts->cache_bytes)
		opts->cache_bytes = BLIND_CACHE_BYTES;
	return reclaim;
}

void reclaim_start(struct reclaim *reclaim, struct ext4_fs *fs)
{
	errcode_t err;

	if (!reclaim)
		return;
	reclaim->fs = fs;
	err = psi_add_handler(reclaim->psi, give_back, reclaim);
	if (!err)
		err = psi_start(reclaim->psi);
	if (err)
		log_warn("memory pressure is not watched: %s", error_message(err));
}

void reclaim_destroy(struct reclaim *reclaim)
{
	if (!reclaim)
		return;
	psi_destroy(reclaim->psi);
	free(reclaim);
}
