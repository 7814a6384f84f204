/* SPDX-License-Identifier: BSD-2-Clause */
/* The v4l2: driver against a stand-in for the kernel: negotiation, old frames, errors. */
#include "device/camera_v4l2.h"
#include "base/progress.h"
#include "device/camera_driver.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#ifdef __linux__
#include <linux/videodev2.h>

enum { W = 6, H = 3, PAD = 5, MOST = 4 };

/* The device, as the kernel would show it. */
static struct device {
    uint32_t capabilities, formats[4], nformats, format;
    int32_t exposure, exposure_auto, gain; // exposure in 100 us
    bool has_exposure, refuses_format, broken, no_stamp, gone;
    uint8_t *memory[MOST];
    uint32_t queued[MOST], nqueued, nbuffers;
    uint32_t sequence, skip, bad; // skip: frames lost before the next; bad: flagged with an error
    double ahead_s;               // frames are so much older than now
    unsigned open, maps, streaming;
} dev;

static uint32_t bytes_per_px(void)
{
    return dev.format == V4L2_PIX_FMT_GREY ? 1 : 2;
}

static uint32_t stride(void)
{
    return W * bytes_per_px() + PAD;
}

static int fake_open(const char *path, int flags)
{
    (void)flags;
    if (strcmp(path, "/dev/video0")) {
        errno = ENOENT;
        return -1;
    }
    dev.open++;
    return 100;
}

static int fake_close(int fd)
{
    assert_int_equal(fd, 100);
    dev.open--;
    return 0;
}

static void *fake_map(size_t n, int fd, long offset)
{
    (void)fd;
    dev.maps++;
    return dev.memory[offset / 4096] = calloc(1, n);
}

static int fake_unmap(void *p, size_t n)
{
    (void)n;
    dev.maps--;
    free(p);
    return 0;
}

static int fake_poll(struct pollfd *p, int timeout_ms)
{
    (void)timeout_ms;
    p->revents = POLLIN;
    return dev.broken ? 0 : 1;
}

/* Pixel x, y of frame n as a count of 16 bits. */
static unsigned pixel(uint32_t n, size_t x, size_t y)
{
    return (unsigned)(n * 100 + y * 10 + x);
}

static int dequeue(struct v4l2_buffer *b)
{
    double t = af_now_s() - dev.ahead_s;
    uint8_t *p;

    if (!dev.nqueued || dev.gone) {
        errno = dev.gone ? ENODEV : EAGAIN;
        return -1;
    }
    b->index = dev.queued[0];
    memmove(dev.queued, dev.queued + 1, --dev.nqueued * sizeof(*dev.queued));
    dev.sequence += 1 + dev.skip;
    dev.skip = 0;
    dev.ahead_s = dev.ahead_s > 0 ? dev.ahead_s - 0.1 : 0;
    b->sequence = dev.sequence;
    b->timestamp.tv_sec = (time_t)t;
    b->timestamp.tv_usec = (suseconds_t)((t - (double)(time_t)t) * 1e6) + 1;
    b->flags = dev.no_stamp ? 0 : V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_TSTAMP_SRC_SOE;
    if (dev.bad) {
        dev.bad--;
        b->flags |= V4L2_BUF_FLAG_ERROR;
    }
    p = dev.memory[b->index];
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < W; x++) {
            unsigned v = pixel(dev.sequence, x, y);

            p[y * stride() + x * bytes_per_px()] = (uint8_t)v;
            if (bytes_per_px() == 2)
                p[y * stride() + x * 2 + 1] =
                    dev.format == V4L2_PIX_FMT_YUYV ? 128 : (uint8_t)(v >> 8);
        }
    return 0;
}

static int control(uint32_t id, int32_t **value)
{
    *value = id == V4L2_CID_EXPOSURE_ABSOLUTE && dev.has_exposure ? &dev.exposure
             : id == V4L2_CID_EXPOSURE_AUTO && dev.has_exposure   ? &dev.exposure_auto
             : id == V4L2_CID_GAIN                                ? &dev.gain
                                                                  : NULL;
    errno = EINVAL;
    return *value ? 0 : -1;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
    int32_t *value;

    assert_int_equal(fd, 100);
    switch (request) {
    case VIDIOC_QUERYCAP:
        ((struct v4l2_capability *)arg)->capabilities = dev.capabilities;
        strcpy((char *)((struct v4l2_capability *)arg)->card, "Fake Cam");
        return 0;
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *d = arg;

        errno = EINVAL;
        if (d->index >= dev.nformats)
            return -1;
        d->pixelformat = dev.formats[d->index];
        return 0;
    }
    case VIDIOC_S_FMT:
        dev.format = dev.refuses_format ? V4L2_PIX_FMT_MJPEG
                                        : ((struct v4l2_format *)arg)->fmt.pix.pixelformat;
        /* fall through */
    case VIDIOC_G_FMT: {
        struct v4l2_pix_format *p = &((struct v4l2_format *)arg)->fmt.pix;

        p->width = W, p->height = H;
        p->pixelformat = dev.format;
        p->bytesperline = stride();
        p->sizeimage = stride() * H;
        return 0;
    }
    case VIDIOC_QUERYCTRL: return control(((struct v4l2_queryctrl *)arg)->id, &value);
    case VIDIOC_S_CTRL:
        if (control(((struct v4l2_control *)arg)->id, &value))
            return -1;
        if (((struct v4l2_control *)arg)->value > 10000) {
            errno = ERANGE;
            return -1;
        }
        *value = ((struct v4l2_control *)arg)->value;
        return 0;
    case VIDIOC_G_CTRL:
        if (control(((struct v4l2_control *)arg)->id, &value))
            return -1;
        ((struct v4l2_control *)arg)->value = *value;
        return 0;
    case VIDIOC_REQBUFS: dev.nbuffers = ((struct v4l2_requestbuffers *)arg)->count; return 0;
    case VIDIOC_QUERYBUF:
        ((struct v4l2_buffer *)arg)->length = stride() * H;
        ((struct v4l2_buffer *)arg)->m.offset = ((struct v4l2_buffer *)arg)->index * 4096;
        return 0;
    case VIDIOC_QBUF: dev.queued[dev.nqueued++] = ((struct v4l2_buffer *)arg)->index; return 0;
    case VIDIOC_DQBUF: return dequeue(arg);
    case VIDIOC_STREAMON: dev.streaming = 1; return 0;
    case VIDIOC_STREAMOFF: dev.streaming = 0; return 0;
    default: errno = ENOTTY; return -1;
    }
}

static const struct af_v4l2_calls fake = {fake_open, fake_close, fake_ioctl,
                                          fake_map,  fake_unmap, fake_poll};

/* A device of these formats, and it opened. */
static struct af_camera *plug(const uint32_t *formats, uint32_t n, struct af_camera_settings set,
                              struct af_err *err)
{
    struct af_camera *cam;

    dev = (struct device){.capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING,
                          .nformats = n,
                          .has_exposure = true,
                          .exposure = 50};
    memcpy(dev.formats, formats, n * sizeof(*formats));
    af_camera_open_with(&cam, "v4l2:/dev/video0", &set, &fake, err);
    return cam;
}

static void unplug(struct af_camera *cam)
{
    af_camera_close(cam);
    assert_int_equal(dev.open, 0);
    assert_int_equal(dev.maps, 0);
    assert_int_equal(dev.streaming, 0);
}

static void check(const struct af_frame *f, uint32_t n)
{
    double row[W];

    for (size_t y = 0; y < f->image.h; y++) {
        af_image_row_f64(&f->image, y, row);
        for (size_t x = 0; x < f->image.w; x++)
            assert_int_equal((unsigned)row[x],
                             f->image.type == AF_U8 ? pixel(n, x, y) & 255 : pixel(n, x, y));
    }
}

static void every_gray_format_is_decoded_and_rows_may_be_padded(void **state)
{
    static const struct {
        uint32_t format;
        unsigned bits;
    } known[] = {{V4L2_PIX_FMT_GREY, 8},
                 {V4L2_PIX_FMT_Y10, 10},
                 {V4L2_PIX_FMT_Y12, 12},
                 {V4L2_PIX_FMT_Y16, 16},
                 {V4L2_PIX_FMT_YUYV, 8}};
    struct af_err err = {AF_OK, ""};

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        struct af_camera *cam = plug(&known[i].format, 1, AF_CAMERA_AS_IT_STANDS, &err);
        struct af_frame f = {.id = 0};

        assert_non_null(cam);
        assert_int_equal(af_camera_grab(cam, &f, &err), 1);
        assert_int_equal(f.image.bits, known[i].bits);
        check(&f, dev.sequence);
        af_frame_release(&f);
        unplug(cam);
    }
}

static void the_deepest_format_is_chosen_unless_bits_are_asked_for(void **state)
{
    const uint32_t formats[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_GREY, V4L2_PIX_FMT_Y12};
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_err err = {AF_OK, ""};
    struct af_camera *cam;

    (void)state;
    cam = plug(formats, 3, set, &err);
    assert_int_equal(dev.format, V4L2_PIX_FMT_Y12);
    unplug(cam);
    set.bits = 8;
    cam = plug(formats, 3, set, &err);
    assert_int_equal(dev.format, V4L2_PIX_FMT_GREY);
    unplug(cam);
    set.bits = 10;
    assert_null(plug(formats, 3, set, &err));
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(dev.open, 0);
}

static void exposure_and_gain_are_set_and_read_back(void **state)
{
    const uint32_t format = V4L2_PIX_FMT_GREY;
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_err err = {AF_OK, ""};
    struct af_camera *cam;

    (void)state;
    set.exposure_ms = 12.34, set.gain = 7;
    cam = plug(&format, 1, set, &err);
    assert_int_equal(dev.exposure, 123);
    assert_int_equal(dev.exposure_auto, V4L2_EXPOSURE_MANUAL);
    assert_int_equal(dev.gain, 7);
    assert_true(fabs(af_camera_info(cam)->now.exposure_ms - 12.3) < 1e-9);
    unplug(cam);
    set.exposure_ms = 5000;
    assert_null(plug(&format, 1, set, &err));
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(dev.open, 0);
    cam = plug(&format, 1, AF_CAMERA_AS_IT_STANDS, &err);
    assert_true(fabs(af_camera_info(cam)->now.exposure_ms - 5) < 1e-9); // as it stood
    unplug(cam);
}

static void a_frame_that_is_asked_for_began_after_the_asking(void **state)
{
    const uint32_t format = V4L2_PIX_FMT_Y16;
    struct af_err err = {AF_OK, ""};
    struct af_camera *cam = plug(&format, 1, AF_CAMERA_AS_IT_STANDS, &err);
    struct af_frame f = {.id = 0};
    double now_s;

    (void)state;
    dev.ahead_s = 0.25; // three frames were under way
    now_s = af_now_s();
    assert_int_equal(af_camera_grab(cam, &f, &err), 1);
    assert_true(f.begun_s >= now_s);
    assert_int_equal(dev.sequence, 4);
    check(&f, 4);

    dev.no_stamp = true; // as many as may be old are thrown away
    assert_int_equal(af_camera_grab(cam, &f, &err), 1);
    assert_in_range(dev.sequence, 4 + dev.nbuffers + 1, 10);
    af_frame_release(&f);
    unplug(cam);
}

static void lost_frames_are_counted_and_bad_ones_are_passed_over(void **state)
{
    const uint32_t format = V4L2_PIX_FMT_GREY;
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_err err = {AF_OK, ""};
    struct af_frame f = {.id = 0};
    struct af_camera *cam;

    (void)state;
    set.trigger = AF_TRIGGER_FREE;
    cam = plug(&format, 1, set, &err);
    assert_int_equal(af_camera_grab(cam, &f, &err), 1);
    assert_int_equal(f.lost, 0);
    dev.skip = 3;
    assert_int_equal(af_camera_grab(cam, &f, &err), 1);
    assert_int_equal(f.lost, 3);
    dev.bad = 2;
    assert_int_equal(af_camera_grab(cam, &f, &err), 1);
    assert_int_equal(f.lost, 2);
    check(&f, dev.sequence);
    af_frame_release(&f);
    unplug(cam);
}

/* Stamps of a clock that is off, a device that is ready and has nothing: neither is waited for for
 * ever. */
static void what_never_gives_a_good_frame_times_out(void **state)
{
    const uint32_t format = V4L2_PIX_FMT_GREY;
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;

    (void)state;
    set.timeout_ms = 50;
    alarm(60);
    for (int i = 0; i < 3; i++) {
        struct af_err err = {AF_OK, ""};
        struct af_camera *cam = plug(&format, 1, set, &err);
        struct af_frame f = {.id = 0};

        dev.ahead_s = i == 0 ? 1e8 : 0;
        dev.bad = i == 1 ? UINT32_MAX : 0;
        dev.nqueued = i == 2 ? 0 : dev.nqueued;
        assert_int_equal(af_camera_grab(cam, &f, &err), -1);
        assert_int_equal(err.kind, AF_EDEVICE);
        assert_non_null(strstr(err.text, " in 50 ms"));
        af_frame_release(&f);
        unplug(cam);
    }
    alarm(0);
}

static void faults_of_the_device_are_told_apart(void **state)
{
    const uint32_t formats[] = {V4L2_PIX_FMT_GREY, V4L2_PIX_FMT_MJPEG};
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_err err = {AF_OK, ""};
    struct af_frame f = {.id = 0};
    struct af_camera *cam = plug(formats, 1, set, &err);

    (void)state;
    dev.broken = true;
    assert_int_equal(af_camera_grab(cam, &f, &err), -1);
    assert_int_equal(err.kind, AF_EDEVICE);
    dev.broken = false, dev.gone = true;
    assert_int_equal(af_camera_grab(cam, &f, &err), -1);
    assert_int_equal(err.kind, AF_EDEVICE);
    assert_non_null(strstr(err.text, "gone"));
    unplug(cam);
    assert_null(plug(formats + 1, 1, set, &err)); // nothing gray
    assert_int_equal(err.kind, AF_EUSAGE);
    set.w = W, set.h = H, set.x = 1;
    assert_null(plug(formats, 1, set, &err));
    assert_int_equal(err.kind, AF_EUSAGE);
    set.x = set.w = set.h = 0;
    set.trigger = AF_TRIGGER_LINE;
    assert_null(plug(formats, 1, set, &err));
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(af_camera_open(&cam, "v4l2:/nowhere/video7", &set, &err), -1);
    assert_int_equal(err.kind, AF_EDEVICE);
    assert_int_equal(af_camera_open(&cam, "v4l2:/dev/null", &set, &err), -1);
    assert_int_equal(err.kind, AF_EDEVICE);
    af_frame_release(&f);
}

static void a_region_is_cut_out(void **state)
{
    const uint32_t format = V4L2_PIX_FMT_Y16;
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_err err = {AF_OK, ""};
    struct af_frame f = {.id = 0};
    struct af_camera *cam;

    (void)state;
    set.x = 2, set.y = 1, set.w = 3, set.h = 2;
    cam = plug(&format, 1, set, &err);
    for (int i = 0; i < 3; i++) { // again and again into the same memory
        assert_int_equal(af_camera_grab(cam, &f, &err), 1);
        assert_int_equal(f.image.w, 3);
        for (size_t y = 0; y < 2; y++)
            for (size_t x = 0; x < 3; x++)
                assert_int_equal(((uint16_t *)f.image.data)[y * 3 + x],
                                 pixel(dev.sequence, x + 2, y + 1));
    }
    af_frame_release(&f);
    unplug(cam);
}
#endif

static void a_real_device_gives_a_frame(void **state)
{
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    const char *uri = getenv("AF_TEST_V4L2"); // v4l2:/dev/video0
    struct af_camera *cam;
    struct af_frame f = {.id = 0};
    struct af_err err = {AF_OK, ""};

    (void)state;
    if (!uri) {
        print_message("AF_TEST_V4L2 names no device\n");
        skip();
    }
    if (af_camera_open(&cam, uri, &set, &err) || af_camera_grab(cam, &f, &err) != 1)
        fail_msg("%s", err.text);
    af_frame_release(&f);
    af_camera_close(cam);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef __linux__
        cmocka_unit_test(every_gray_format_is_decoded_and_rows_may_be_padded),
        cmocka_unit_test(the_deepest_format_is_chosen_unless_bits_are_asked_for),
        cmocka_unit_test(exposure_and_gain_are_set_and_read_back),
        cmocka_unit_test(a_frame_that_is_asked_for_began_after_the_asking),
        cmocka_unit_test(lost_frames_are_counted_and_bad_ones_are_passed_over),
        cmocka_unit_test(what_never_gives_a_good_frame_times_out),
        cmocka_unit_test(faults_of_the_device_are_told_apart),
        cmocka_unit_test(a_region_is_cut_out),
#endif
        cmocka_unit_test(a_real_device_gives_a_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
