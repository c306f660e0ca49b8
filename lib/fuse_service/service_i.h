/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the server's end share.
 */
#ifndef FUSE_SERVICE_I_H
#define FUSE_SERVICE_I_H

#include "fuse_service/fuse_service.h"
#include "fuse_service/wire.h"
#include "fuse_service/words.h"

struct fuse_service {
	int		sock;		/* -1: the conversation is over */
	int		argv_fd, fusedev;	/* -1: not ours (any more) */
	uint32_t	hello_flags;
	bool		sync_init;	/* mounting waits for INIT's answer */
	int64_t		patience_ms;	/* for what the helper still has to send */
	struct mount_words words;
	/* Answers are never longer than what was asked. */
	char		packet[8 + WIRE_MAX_TEXT + 1];
};

/* Send a command and take its answer: a negative errno of the transport or of the helper. */
int service_command(struct fuse_service *sf, const struct wire_msg *command);

#endif /* FUSE_SERVICE_I_H */
