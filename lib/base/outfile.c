/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef __linux__
#define _GNU_SOURCE // O_TMPFILE
#endif
#include "base/outfile.h"
#include "base/memory.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINKS_MAX = 40, NAMES_MAX = 100 };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The folder of path, with its last slash; "./" where there is none. */
static char *folder_of(const char *path, struct af_err *err)
{
    size_t n = (size_t)(base_name(path) - path);

    return n ? af_strndup(path, n, err) : af_strdup("./", err);
}

char *af_follow_links(const char *path, struct af_err *err)
{
    char *now = af_strdup(path, err), *next, target[PATH_MAX];
    ssize_t n;

    for (int i = 0; now && (n = readlink(now, target, sizeof(target) - 1)) >= 0; i++) {
        if (i == LINKS_MAX) {
            errno = ELOOP;
            af_fail_errno(err, "%s", path);
            free(now);
            return NULL;
        }
        target[n] = '\0';
        next = *target == '/'
                   ? af_strdup(target, err)
                   : af_format(err, "%.*s%s", (int)(base_name(now) - now), now, target);
        free(now);
        now = next;
    }
    return now;
}

static int open_retry(const char *path, int flags, unsigned mode)
{
    int fd;

    while ((fd = open(path, flags | O_CLOEXEC | O_NOCTTY, mode)) < 0 && errno == EINTR)
        ;
    return fd;
}

/* `.NAME.XXXXXX.tmp` beside path; the name is cut to what file systems take. */
static char *temporary_name(const char *path, int attempt, struct af_err *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    struct af_random r;
    struct timespec t;
    char x[7] = "";

    clock_gettime(CLOCK_REALTIME, &t);
    af_random_init(&r, (uint64_t)t.tv_sec << 30 ^ (uint64_t)t.tv_nsec ^ (uint64_t)attempt, path);
    r.s[0] ^= (uint64_t)getpid();
    for (int i = 0; i < 6; i++)
        x[i] = letters[af_random_below(&r, sizeof(letters) - 1)];
    return af_format(err, "%.*s.%.200s.%s.tmp", (int)(base_name(path) - path), path,
                     base_name(path), x);
}

/* A file without a name that linkat can name later, or -1. */
static int open_nameless(const char *path, unsigned mode)
{
#ifdef O_TMPFILE
    char *folder = folder_of(path, NULL), proc[40];
    int fd;

    if (!folder)
        return -1;
    fd = open_retry(folder, O_TMPFILE | O_RDWR, mode);
    free(folder);
    if (fd < 0)
        return -1;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    if (!access(proc, F_OK))
        return fd;
    close(fd);
#else
    (void)path;
    (void)mode;
#endif
    return -1;
}

static int open_named(struct af_outfile *f, unsigned mode, struct af_err *err)
{
    int fd;

    for (int i = 0; i < NAMES_MAX; i++) {
        if (!(f->tmp = temporary_name(f->path, i, err)))
            return -1;
        if ((fd = open_retry(f->tmp, O_RDWR | O_CREAT | O_EXCL, mode)) >= 0)
            return fd;
        free(f->tmp);
        f->tmp = NULL;
        if (errno != EEXIST)
            break;
    }
    return af_fail_errno(err, "%s", f->path);
}

/* The descriptor to write to, or -1; old: the file that will be replaced, or NULL. */
static int open_temporary(struct af_outfile *f, const struct stat *old, struct af_err *err)
{
    unsigned mode = old ? 0600 : 0666;
    struct stat st;
    int fd;

    if (old && access(f->path, W_OK))
        return af_fail_errno(err, "%s", f->path);
    if ((fd = open_nameless(f->path, mode)) < 0 && (fd = open_named(f, mode, err)) < 0)
        return -1;
    if (!fstat(fd, &st)) {
        f->mode = (old ? old->st_mode : st.st_mode) & 0777;
        if (!old || !fchmod(fd, (mode_t)f->mode))
            return fd;
    }
    af_fail_errno(err, "%s", f->path);
    close(fd);
    return -1;
}

int af_outfile_open(struct af_outfile *f, const char *path, struct af_err *err)
{
    struct stat st;
    bool exists = !stat(path, &st);
    int fd = -1;

    *f = (struct af_outfile){.direct = exists && !S_ISREG(st.st_mode)};
    if (!exists && errno != ENOENT && errno != ENOTDIR) // it may be a device, never to be replaced
        return af_fail_errno(err, "%s", path);
    // A link of /proc need not lead to a name, so devices are opened as they are called.
    if (!(f->path = f->direct ? af_strdup(path, err) : af_follow_links(path, err)))
        goto fail;
    if (f->direct) {
        if ((fd = open_retry(path, O_WRONLY, 0)) < 0)
            af_fail_errno(err, "%s", path);
    } else {
        fd = open_temporary(f, exists ? &st : NULL, err);
    }
    if (fd < 0)
        goto fail;
    if ((f->fp = fdopen(fd, f->direct ? "w" : "w+")))
        return 0;
    af_fail_errno(err, "%s", path);
    close(fd);
fail:
    af_outfile_discard(f);
    return -1;
}

static int fsync_retry(int fd)
{
    int bad;

    while ((bad = fsync(fd)) && errno == EINTR)
        ;
    return bad && errno != EINVAL && errno != ENOTSUP && errno != EROFS ? -1 : 0; // pipes, devices
}

/* Make the name itself last. A folder that we may write but not read cannot be synced. */
static int sync_folder(const char *path, struct af_err *err)
{
    char *folder = folder_of(path, err);
    int fd, ret = 0;

    if (!folder)
        return -1;
    fd = open_retry(folder, O_RDONLY, 0);
    if (fd < 0 ? errno != EACCES : fsync_retry(fd))
        ret = af_fail_errno(err, "%s", folder);
    if (fd >= 0)
        close(fd);
    free(folder);
    return ret;
}

int af_rename_durably(int fd, const char *tmp, const char *path, struct af_err *err)
{
    if (fsync_retry(fd) || rename(tmp, path))
        return af_fail_errno(err, "%s", path);
    return sync_folder(path, err);
}

/* Name a nameless file: `path` itself where it is free, or else a temporary one in f->tmp. */
static int give_name(struct af_outfile *f, struct af_err *err)
{
    char proc[40];
    const char *name = f->path;

    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fileno(f->fp));
    for (int i = 0; i < NAMES_MAX; i++) {
        if (!linkat(AT_FDCWD, proc, AT_FDCWD, name, AT_SYMLINK_FOLLOW))
            return 0;
        free(f->tmp);
        f->tmp = NULL;
        if (errno != EEXIST && errno != EINTR)
            break;
        if (!(f->tmp = temporary_name(f->path, i, err)))
            return -1;
        name = f->tmp;
    }
    return af_fail_errno(err, "%s", f->path);
}

static int finish(struct af_outfile *f, struct af_err *err)
{
    if (fflush(f->fp) || fsync_retry(fileno(f->fp)))
        return af_fail_errno(err, "%s", f->path);
    if (ferror(f->fp))
        return af_fail(err, AF_ESYS, "%s: not all could be written", f->path);
    if (f->direct)
        return 0;
    if (!f->tmp && give_name(f, err))
        return -1;
    if (f->tmp && rename(f->tmp, f->path))
        return af_fail_errno(err, "%s", f->path);
    free(f->tmp);
    f->tmp = NULL;
    return sync_folder(f->path, err);
}

int af_outfile_commit(struct af_outfile *f, struct af_err *err)
{
    int ret = finish(f, err);
    FILE *fp = f->fp;

    f->fp = NULL;
    if (fclose(fp) && !ret)
        ret = af_fail_errno(err, "%s", f->path);
    af_outfile_discard(f);
    return ret;
}

void af_outfile_discard(struct af_outfile *f)
{
    if (f->fp)
        fclose(f->fp);
    if (f->tmp)
        unlink(f->tmp);
    free(f->tmp);
    free(f->path);
    *f = (struct af_outfile){0};
}
