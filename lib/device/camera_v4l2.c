/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Video devices of the kernel. They have no software trigger: a frame that is asked for is one
 * whose exposure began after the asking, by its time stamp; the others are thrown away.
 */
#include "device/camera_v4l2.h"
#include "device/camera_driver.h"

#include "base/memory.h"
#include "base/progress.h"
#include "device/unpack12.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NBUFFERS = 2 }; // few: each may hold a frame that is too old
#define EXPOSURE_UNIT_MS 0.1

/* How gray pixels lie in a buffer: `bytes` for each, counts of `bits` low byte first. */
static const struct layout {
    uint32_t format;
    unsigned bits, bytes;
    bool luma_first; // YUYV: every other byte is the gray one
} layouts[] = {
    // of equal bits the first that the device has
    {V4L2_PIX_FMT_Y16, 16, 2, false}, {V4L2_PIX_FMT_Y14, 14, 2, false},
    {V4L2_PIX_FMT_Y12, 12, 2, false}, {V4L2_PIX_FMT_Y10, 10, 2, false},
    {V4L2_PIX_FMT_GREY, 8, 1, false}, {V4L2_PIX_FMT_YUYV, 8, 2, true},
};
enum { NLAYOUTS = sizeof(layouts) / sizeof(*layouts) };

struct video {
    const struct af_v4l2_calls *sys;
    int fd;
    const struct layout *layout;
    size_t w, h, stride;
    struct {
        uint8_t *p;
        size_t n;
    } buffer[NBUFFERS];
    unsigned nbuffers;
    bool streaming;
    char model[80];
    uint64_t count; // of frames, lost ones included; unwraps the 32 bits of `sequence`
    uint32_t last_sequence;
    bool any;
};

/* ------------------------------------------------------------ system calls */

static int real_open(const char *path, int flags)
{
    return open(path, flags);
}

static int real_ioctl(int fd, unsigned long request, void *arg)
{
    return ioctl(fd, request, arg);
}

static void *real_map(size_t n, int fd, long offset)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

    return p == MAP_FAILED ? NULL : p;
}

static int real_poll(struct pollfd *p, int timeout_ms)
{
    return poll(p, 1, timeout_ms);
}

static const struct af_v4l2_calls kernel = {real_open, close,  real_ioctl,
                                            real_map,  munmap, real_poll};

static int ask(struct video *v, unsigned long request, void *arg)
{
    int ret;

    while ((ret = v->sys->ioctl(v->fd, request, arg)) < 0 && errno == EINTR)
        ;
    return ret;
}

static int refused(const struct af_camera *cam, const char *what, struct af_err *err)
{
    return af_fail(err, errno == EBUSY ? AF_EBUSY : AF_EDEVICE, "%s: %s: %s", cam->uri, what,
                   strerror(errno));
}

/* ------------------------------------------------------------- negotiation */

static int identify(struct af_camera *cam, struct af_err *err)
{
    struct video *v = cam->state;
    struct v4l2_capability cap = {.capabilities = 0};
    uint32_t can;

    if (ask(v, VIDIOC_QUERYCAP, &cap))
        return af_fail(err, AF_EDEVICE, "%s: is no video device", cam->uri);
    can = cap.capabilities & V4L2_CAP_DEVICE_CAPS ? cap.device_caps : cap.capabilities;
    if (!(can & V4L2_CAP_VIDEO_CAPTURE) || !(can & V4L2_CAP_STREAMING))
        return af_fail(err, AF_EUSAGE, "%s: gives no stream of frames", cam->uri);
    snprintf(v->model, sizeof(v->model), "%.32s", (const char *)cap.card);
    cam->info.model = v->model;
    cam->info.live = true;
    if (cam->info.now.trigger == AF_TRIGGER_LINE)
        return af_fail(err, AF_EUSAGE, "%s: v4l2 has no line to be triggered by", cam->uri);
    return 0;
}

static int choose_layout(struct af_camera *cam, struct af_err *err)
{
    struct video *v = cam->state;
    bool has[NLAYOUTS] = {false};
    struct v4l2_fmtdesc d = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};

    for (; !ask(v, VIDIOC_ENUM_FMT, &d); d.index++)
        for (size_t i = 0; i < NLAYOUTS; i++)
            has[i] = has[i] || layouts[i].format == d.pixelformat;
    for (size_t i = 0; i < NLAYOUTS && !v->layout; i++)
        if (has[i] && (!cam->info.now.bits || cam->info.now.bits == layouts[i].bits))
            v->layout = &layouts[i];
    if (v->layout)
        return 0;
    if (cam->info.now.bits)
        return af_fail(err, AF_EUSAGE, "%s: has no gray pixels of %u bits", cam->uri,
                       cam->info.now.bits);
    return af_fail(err, AF_EUSAGE, "%s: has no pixels that can be read as gray", cam->uri);
}

/* The driver may choose another size or format than it was asked for. */
static int set_format(struct af_camera *cam, struct af_err *err)
{
    struct video *v = cam->state;
    const struct af_camera_settings *now = &cam->info.now;
    struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};

    if (ask(v, VIDIOC_G_FMT, &f))
        return refused(cam, "format", err);
    f.fmt.pix.pixelformat = v->layout->format;
    f.fmt.pix.field = V4L2_FIELD_NONE;
    f.fmt.pix.bytesperline = f.fmt.pix.sizeimage = 0;
    if (ask(v, VIDIOC_S_FMT, &f))
        return refused(cam, "format", err);
    if (f.fmt.pix.pixelformat != v->layout->format)
        return af_fail(err, AF_EDEVICE, "%s: offers %u bits and gives another format", cam->uri,
                       v->layout->bits);
    v->w = f.fmt.pix.width;
    v->h = f.fmt.pix.height;
    v->stride = f.fmt.pix.bytesperline ? f.fmt.pix.bytesperline : v->w * v->layout->bytes;
    if (!v->w || !v->h || v->stride < v->w * v->layout->bytes)
        return af_fail(err, AF_EDEVICE, "%s: says %zux%zu px in rows of %zu bytes", cam->uri, v->w,
                       v->h, v->stride);
    if (now->w && (now->x + now->w > v->w || now->y + now->h > v->h))
        return af_fail(err, AF_EUSAGE, "%s: the region %zux%zu at %zu,%zu is not in %zux%zu px",
                       cam->uri, now->w, now->h, now->x, now->y, v->w, v->h);
    cam->info.sensor_w = v->w;
    cam->info.sensor_h = v->h;
    cam->info.now.bits = v->layout->bits;
    return 0;
}

static bool has_control(struct video *v, uint32_t id)
{
    struct v4l2_queryctrl q = {.id = id};

    return !ask(v, VIDIOC_QUERYCTRL, &q) && !(q.flags & V4L2_CTRL_FLAG_DISABLED);
}

/* Set a control, if wanted (not NaN), and read it back into *value. */
static int set_control(struct af_camera *cam, uint32_t id, double unit, double *value,
                       const char *what, struct af_err *err)
{
    struct video *v = cam->state;
    struct v4l2_control c = {.id = id, .value = isnan(*value) ? 0 : (int32_t)lround(*value / unit)};

    if (!has_control(v, id)) {
        if (isnan(*value))
            return 0;
        return af_fail(err, AF_EUSAGE, "%s: its %s cannot be set", cam->uri, what);
    }
    if (!isnan(*value) && ask(v, VIDIOC_S_CTRL, &c))
        return errno == ERANGE || errno == EINVAL
                   ? af_fail(err, AF_EUSAGE, "%s: takes no %s of %g", cam->uri, what, *value)
                   : refused(cam, what, err);
    if (ask(v, VIDIOC_G_CTRL, &c))
        return refused(cam, what, err);
    *value = c.value * unit;
    return 0;
}

/* Whatever sets exposure and gain by itself is turned off where one of them is given. */
static void turn_off(struct video *v, uint32_t id, int32_t off)
{
    struct v4l2_control c = {.id = id, .value = off};

    if (has_control(v, id))
        ask(v, VIDIOC_S_CTRL, &c);
}

static int set_controls(struct af_camera *cam, struct af_err *err)
{
    struct video *v = cam->state;
    struct af_camera_settings *now = &cam->info.now;
    uint32_t gain = has_control(v, V4L2_CID_GAIN) ? V4L2_CID_GAIN : V4L2_CID_ANALOGUE_GAIN;

    if (!isnan(now->exposure_ms))
        turn_off(v, V4L2_CID_EXPOSURE_AUTO, V4L2_EXPOSURE_MANUAL);
    if (!isnan(now->gain))
        turn_off(v, V4L2_CID_AUTOGAIN, 0);
    return set_control(cam, V4L2_CID_EXPOSURE_ABSOLUTE, EXPOSURE_UNIT_MS, &now->exposure_ms,
                       "exposure", err) ||
                   set_control(cam, gain, 1, &now->gain, "gain", err)
               ? -1
               : 0;
}

/* ----------------------------------------------------------------- buffers */

static int queue(struct af_camera *cam, uint32_t index, struct af_err *err)
{
    struct video *v = cam->state;
    struct v4l2_buffer b = {
        .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP, .index = index};

    return ask(v, VIDIOC_QBUF, &b) ? refused(cam, "buffer", err) : 0;
}

static int map_buffers(struct af_camera *cam, struct af_err *err)
{
    struct video *v = cam->state;
    struct v4l2_requestbuffers r = {
        .count = NBUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};

    if (ask(v, VIDIOC_REQBUFS, &r))
        return refused(cam, "buffers", err);
    if (!r.count)
        return af_fail(err, AF_EDEVICE, "%s: gives no buffers", cam->uri);
    for (uint32_t i = 0; i < r.count && i < NBUFFERS; i++) {
        struct v4l2_buffer b = {
            .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP, .index = i};

        if (ask(v, VIDIOC_QUERYBUF, &b))
            return refused(cam, "buffer", err);
        if (b.length < v->stride * v->h)
            return af_fail(err, AF_EDEVICE, "%s: a buffer of %u bytes for %zux%zu px", cam->uri,
                           b.length, v->w, v->h);
        if (!(v->buffer[i].p = v->sys->map(b.length, v->fd, (long)b.m.offset)))
            return refused(cam, "buffer", err);
        v->buffer[i].n = b.length;
        v->nbuffers = i + 1;
        if (queue(cam, i, err))
            return -1;
    }
    return 0;
}

static int start(struct af_camera *cam, struct af_err *err)
{
    struct video *v = cam->state;
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

    if (ask(v, VIDIOC_STREAMON, &type))
        return refused(cam, "start", err);
    v->streaming = true;
    return 0;
}

static void v4l2_close(struct af_camera *cam)
{
    struct video *v = cam->state;
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

    if (v->streaming)
        ask(v, VIDIOC_STREAMOFF, &type);
    for (unsigned i = 0; i < v->nbuffers; i++)
        v->sys->unmap(v->buffer[i].p, v->buffer[i].n);
    if (v->fd >= 0)
        v->sys->close(v->fd);
    free(v);
}

static int v4l2_open(struct af_camera *cam, const char *rest, struct af_err *err)
{
    struct video *v = af_calloc(1, sizeof(*v), err);

    if (!v)
        return -1;
    cam->state = v;
    v->sys = cam->seam ? cam->seam : &kernel;
    v->fd = v->sys->open(rest, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (v->fd < 0)
        af_fail(err, errno == EBUSY ? AF_EBUSY : AF_EDEVICE, "%s: %s", cam->uri, strerror(errno));
    else if (!identify(cam, err) && !choose_layout(cam, err) && !set_format(cam, err) &&
             !set_controls(cam, err) && !map_buffers(cam, err) && !start(cam, err))
        return 0;
    v4l2_close(cam);
    return -1;
}

/* ------------------------------------------------------------------ frames */

static int decode(struct af_camera *cam, const struct v4l2_buffer *b, struct af_image *img,
                  struct af_err *err)
{
    struct video *v = cam->state;
    const struct layout *l = v->layout;

    if (af_image_resize(img, v->w, v->h, l->bits > 8 ? AF_U16 : AF_U8, err))
        return -1;
    img->bits = l->bits;
    for (size_t y = 0; y < v->h; y++) {
        const uint8_t *in = v->buffer[b->index].p + y * v->stride;

        if (l->bits > 8) {
            af_unpack16le(in, v->w, (uint16_t *)img->data + y * v->w);
            continue;
        }
        for (size_t x = 0; x < v->w; x++)
            ((uint8_t *)img->data)[y * v->w + x] = in[x * l->bytes];
    }
    return 0;
}

/* When the exposure began, clock of af_now_s(); NaN where the stamp is of another clock. */
static double begun_s(const struct af_camera *cam, const struct v4l2_buffer *b)
{
    double s = (double)b->timestamp.tv_sec + (double)b->timestamp.tv_usec / 1e6;

    if ((b->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC)
        return NAN;
    if ((b->flags & V4L2_BUF_FLAG_TSTAMP_SRC_MASK) == V4L2_BUF_FLAG_TSTAMP_SRC_SOE)
        return s;
    return s - cam->info.now.exposure_ms / 1e3; // NaN where the exposure is not known
}

/* Wait for a filled buffer: 1; or -1. */
static int take_buffer(struct af_camera *cam, double end_s, struct v4l2_buffer *b,
                       struct af_err *err)
{
    struct video *v = cam->state;
    bool late = false;

    for (;;) {
        struct pollfd p = {.fd = v->fd, .events = POLLIN};
        int ready = v->sys->poll(&p, af_ms_until(end_s));

        if (ready < 0)
            return af_fail_errno(err, "%s", cam->uri);
        if (ready == 0 || late)
            return af_fail(err, AF_EDEVICE, "%s: no frame in %g ms", cam->uri,
                           cam->info.now.timeout_ms);
        *b = (struct v4l2_buffer){.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
        if (ask(v, VIDIOC_DQBUF, b) == 0)
            break;
        if (errno != EAGAIN)
            return errno == ENODEV ? af_fail(err, AF_EDEVICE, "%s: the camera has gone", cam->uri)
                                   : refused(cam, "frame", err);
        late = af_now_s() >= end_s; // ready again and again, and nothing there
    }
    if (b->index >= v->nbuffers)
        return af_fail(err, AF_EDEVICE, "%s: gives buffer %u of %u", cam->uri, b->index,
                       v->nbuffers);
    v->count += v->any ? (uint32_t)(b->sequence - v->last_sequence) : 0;
    v->last_sequence = b->sequence;
    v->any = true;
    return 1;
}

static int v4l2_grab(struct af_camera *cam, struct af_frame *f, struct af_err *err)
{
    struct video *v = cam->state;
    bool fresh = cam->info.now.trigger == AF_TRIGGER_ASKED;
    double now_s = af_now_s(), begun = NAN;
    double exposure_s = isnan(cam->info.now.exposure_ms) ? 0 : cam->info.now.exposure_ms / 1e3;
    double end_s = now_s + cam->info.now.timeout_ms / 1e3 + exposure_s;
    unsigned old = 0; // frames without a stamp that may be too old
    struct v4l2_buffer b;
    bool good;
    int ret;

    do {
        if ((ret = take_buffer(cam, end_s, &b, err)) != 1)
            return ret;
        begun = begun_s(cam, &b);
        good = !(b.flags & V4L2_BUF_FLAG_ERROR);
        if (fresh)
            good = good && (isnan(begun) ? old++ > v->nbuffers : begun >= now_s);
        if (good && decode(cam, &b, &f->image, err))
            ret = -1;
        if (queue(cam, b.index, err))
            ret = -1;
    } while (ret == 1 && !good && af_now_s() < end_s);
    if (ret == 1 && !good)
        return af_fail(err, AF_EDEVICE, "%s: no whole frame that began after the asking in %g ms",
                       cam->uri, cam->info.now.timeout_ms);
    f->id = v->count;
    f->begun_s = isnan(begun) && fresh ? now_s : begun;
    f->stamp_s = (double)b.timestamp.tv_sec + (double)b.timestamp.tv_usec / 1e6;
    f->exposure_ms = cam->info.now.exposure_ms;
    f->gain = cam->info.now.gain;
    f->z_um = NAN;
    return ret;
}

const struct af_camera_driver af_camera_v4l2 = {
    .kind = "v4l2",
    .crops = true,
    .open = v4l2_open,
    .close = v4l2_close,
    .grab = v4l2_grab,
};
