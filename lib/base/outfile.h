/* SPDX-License-Identifier: BSD-2-Clause */
/* Output files that appear whole or not at all. */
#ifndef AF_BASE_OUTFILE_H
#define AF_BASE_OUTFILE_H
#include "base/err.h"
#include <stdbool.h>
#include <stdio.h>

/*
 * A file being written. It gets its name only in commit: data, fsync, rename,
 * fsync of the folder. Until then the old file, if there was one, stands; a
 * process that is killed leaves the old file and, where the file system
 * has nameless files (O_TMPFILE), no litter at all. Elsewhere the litter is called
 * `.NAME.XXXXXX.tmp`.
 *
 * What is not a regular file (/dev/full, a FIFO) is written through at once,
 * never replaced. A symbolic link stays, its target is replaced. The mode is
 * that of the file replaced, or 0666 less the umask.
 *
 * All-zero is the empty state.
 */
struct af_outfile {
    char *path;   // where the file shall appear, links resolved
    char *tmp;    // name of the temporary file; NULL: nameless
    FILE *fp;     // write here; borrowed, closed by commit or discard
    bool direct;  // not a regular file: nothing to rename
    unsigned mode; // mode the file gets
};

/*
 * Returns 0, or -1 with AF_ESYS and f empty. Choice: a file that may not be
 * written is not replaced either, though its folder would allow it.
 */
int af_outfile_open(struct af_outfile *f, const char *path, struct af_err *err);

/*
 * Write out, check, and give the file its name. Returns 0, or -1 with AF_ESYS
 * ("PATH: No space left on device"), the old file untouched. f is empty after
 * either. Choice: when only the fsync of the folder fails, the file is there, but
 * the call fails, for nobody may rely on it.
 */
int af_outfile_commit(struct af_outfile *f, struct af_err *err);

/* Throw away what was written; accepts the empty state. */
void af_outfile_discard(struct af_outfile *f);

/*
 * The last steps of commit for a file written elsewhere under its own name:
 * fsync(fd), rename(tmp, path), fsync of the folder. fd stays open.
 */
int af_rename_durably(int fd, const char *tmp, const char *path, struct af_err *err);

/*
 * What path leads to through symbolic links, also where the last one dangles, so that a file
 * can be replaced and its link stays. Of the caller; NULL with AF_ESYS. The links of /proc need
 * not lead to a name: call it for regular files and names that are free.
 */
char *af_follow_links(const char *path, struct af_err *err);

#endif
