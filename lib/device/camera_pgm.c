/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames that another program writes as PGM, into a pipe, a socket or a file. */
#define _GNU_SOURCE // fopencookie
#include "device/camera_driver.h"

#include "base/memory.h"
#include "base/progress.h"
#include "image/pgm.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct stream {
    int fd;
    FILE *fp;
    double deadline_s; // of the frame being read
    bool waited;       // nothing was there when more was wanted
    bool ended;
    struct af_pgm_head head;
    struct af_image first; // read by open, to know size and bits
    struct af_plane first_plane;
    bool has_first;
};

/* read(2) with a deadline, for stdio. */
static ssize_t read_in_time(void *cookie, char *buf, size_t n)
{
    struct stream *s = cookie;
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    int ready = poll(&p, 1, 0);

    if (ready == 0) {
        s->waited = true;
        ready = poll(&p, 1, af_ms_until(s->deadline_s));
    }
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0 ? read(s->fd, buf, n) : -1;
}

static int connect_to(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(at.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(at.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at))) {
        int why = errno;

        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/* O_NONBLOCK, so that a pipe without a writer does not hold us; reads wait by poll. */
static int open_any(const char *path)
{
    struct stat st;

    if (strcmp(path, "-") == 0)
        return dup(STDIN_FILENO);
    if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        return connect_to(path);
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* Whole pixels and what is known of them. 1, 0 at the end, -1. */
static int read_frame(struct af_camera *cam, struct af_image *img, struct af_err *err)
{
    struct stream *s = cam->state;
    int ret = 0;

    if (!s->ended)
        ret = af_pgm_read_head(s->fp, cam->uri, AF_STACK_MAX_PIXELS, &s->head, err);
    if (ret == 1)
        ret = af_pgm_read_body(s->fp, cam->uri, &s->head, img, err) ? -1 : 1;
    s->ended = ret != 1;
    if (ret == -1 && ferror(s->fp) && errno == ETIMEDOUT)
        return af_fail(err, AF_EDEVICE, "%s: no whole frame in %g ms", cam->uri,
                       cam->info.now.timeout_ms);
    return ret;
}

static void begin_wait(struct af_camera *cam)
{
    struct stream *s = cam->state;

    s->deadline_s = af_now_s() + cam->info.now.timeout_ms / 1e3;
    s->waited = false;
}

/* A pipe whose writer has not come yet looks as if it had ended: wait for the first byte. */
static int wait_for_writer(struct af_camera *cam, struct af_err *err)
{
    struct stream *s = cam->state;
    struct pollfd p = {.fd = s->fd, .events = POLLIN};

    if (poll(&p, 1, af_ms_until(s->deadline_s)) < 0)
        return af_fail_errno(err, "%s", cam->uri);
    if (!p.revents)
        return af_fail(err, AF_EDEVICE, "%s: nothing came in %g ms", cam->uri,
                       cam->info.now.timeout_ms);
    return 0;
}

static int settle(struct af_camera *cam, struct af_err *err)
{
    struct stream *s = cam->state;
    struct af_camera_settings *now = &cam->info.now;

    if (now->bits && now->bits != s->first.bits)
        return af_fail(err, AF_EUSAGE, "%s: has %u bits, not %u", cam->uri, s->first.bits,
                       now->bits);
    if (now->w && (now->x + now->w > s->first.w || now->y + now->h > s->first.h))
        return af_fail(err, AF_EUSAGE, "%s: the region %zux%zu at %zu,%zu is not in %zux%zu px",
                       cam->uri, now->w, now->h, now->x, now->y, s->first.w, s->first.h);
    now->bits = s->first.bits;
    now->exposure_ms = s->head.plane.exposure_ms;
    now->gain = NAN;
    cam->info.model = "PGM stream";
    cam->info.sensor_w = s->first.w;
    cam->info.sensor_h = s->first.h;
    return 0;
}

static void pgm_close(struct af_camera *cam)
{
    struct stream *s = cam->state;

    if (s->fp)
        fclose(s->fp);
    if (s->fd >= 0)
        close(s->fd);
    af_image_release(&s->first);
    free(s);
}

static int pgm_open(struct af_camera *cam, const char *rest, struct af_err *err)
{
    struct stream *s = af_calloc(1, sizeof(*s), err);
    struct stat st;
    int ret;

    if (!s)
        return -1;
    cam->state = s;
    if ((s->fd = open_any(rest)) < 0 || fstat(s->fd, &st)) {
        af_fail_errno(err, "%s", cam->uri);
        goto failed;
    }
    cam->info.live = !S_ISREG(st.st_mode);
    if (!(s->fp = fopencookie(s, "r", (cookie_io_functions_t){.read = read_in_time}))) {
        af_fail_errno(err, "%s", cam->uri);
        goto failed;
    }
    begin_wait(cam);
    if ((cam->info.live && wait_for_writer(cam, err)) ||
        (ret = read_frame(cam, &s->first, err)) < 0)
        goto failed;
    if (ret == 0) {
        af_fail(err, AF_EDATA, "%s: ended before its first frame", cam->uri);
        goto failed;
    }
    if (settle(cam, err))
        goto failed;
    s->first_plane = s->head.plane;
    s->has_first = true;
    return 0;
failed:
    pgm_close(cam);
    return -1;
}

/*
 * The next frame whose exposure began after now. What lies in the pipe is older; so may be the
 * frame that comes first afterwards, since it may have been under way: it is passed over too.
 */
static int read_fresh(struct af_camera *cam, struct af_image *img, struct af_err *err)
{
    struct stream *s = cam->state;
    bool drained = false;

    for (;;) {
        int ret;
        bool under_way = !drained;

        s->waited = false;
        if ((ret = read_frame(cam, img, err)) != 1)
            return ret;
        if (!under_way)
            return 1;
        drained = s->waited;
    }
}

static int pgm_grab(struct af_camera *cam, struct af_frame *f, struct af_err *err)
{
    struct stream *s = cam->state;
    bool fresh = cam->info.live && cam->info.now.trigger == AF_TRIGGER_ASKED;
    const struct af_plane *p = &s->head.plane;
    int ret = 1;

    begin_wait(cam);
    f->begun_s = fresh ? af_now_s() : NAN;
    if (fresh) {
        ret = read_fresh(cam, &f->image, err);
    } else if (s->has_first) {
        struct af_image spare = f->image;

        f->image = s->first;
        s->first = spare;
        p = &s->first_plane;
    } else {
        ret = read_frame(cam, &f->image, err);
    }
    s->has_first = false;
    if (ret != 1)
        return ret;
    f->id = s->head.nheads - 1;
    f->stamp_s = p->time_s;
    f->exposure_ms = p->exposure_ms;
    f->gain = NAN;
    f->z_um = p->z_um;
    return 1;
}

const struct af_camera_driver af_camera_pgm = {
    .kind = "pgm",
    .crops = true,
    .open = pgm_open,
    .close = pgm_close,
    .grab = pgm_grab,
};
