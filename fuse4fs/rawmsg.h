/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libfuse does not pass on: bits of messages that its callbacks lack, and
 * opcodes that it does not know.
 */
#ifndef FUSE4FS_RAWMSG_H
#define FUSE4FS_RAWMSG_H

#include <stdbool.h>
#include <stddef.h>
#include "server.h"

/*
 * Look at a message before libfuse does.  True when it has been answered and
 * libfuse must not see it.  Until rawmsg_end() the functions below speak of this message.
 */
bool rawmsg_begin(struct server *srv, const void *message, size_t size);
void rawmsg_end(void);

/* The kernel leaves it to us to clear set-id bits in this WRITE, SETATTR, OPEN or CREATE. */
bool rawmsg_kill_suidgid(void);
/* Flags of ext4_setxattr() that the request at hand asks for, besides those that libfuse knows. */
/*
 * Does this READ go past the page cache?  O_DIRECT does not tell, since such a file may be mapped; but only those reads
 * name an owner of locks.
 */
bool rawmsg_read_is_direct(void);
int rawmsg_xattr_flags(void);

/* Have replies pass through here, so that INIT can promise what libfuse knows nothing of. */
int rawmsg_install(struct server *srv);

#endif /* FUSE4FS_RAWMSG_H */
