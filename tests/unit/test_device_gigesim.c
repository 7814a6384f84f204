/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated GigE Vision camera, and the driver of real ones (Aravis) against it. */
#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#include "device/gigesim.h"

#include "base/progress.h"
#include "device/camera.h"
#include "device/unpack12.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#ifdef AF_ARAVIS

enum { W = 64, H = 48 };

/* What the camera sees, shared with it: a number that stands in every picture. */
static volatile uint32_t *seen;

/* Pixel i is a function of what is seen, of its place on the sensor and of the depth. */
static unsigned pixel(uint32_t what, size_t x, size_t y, unsigned bits)
{
    return (unsigned)((what * 977 + x * 31 + y * 7) & ((1u << bits) - 1));
}

static int expose(void *ctx, const struct af_sim_exposure *e, struct af_image *img,
                  struct af_err *err)
{
    uint32_t what = *seen;

    (void)ctx;
    if (af_image_resize(img, e->w, e->h, e->bits > 8 ? AF_U16 : AF_U8, err))
        return -1;
    for (size_t y = 0; y < e->h; y++)
        for (size_t x = 0; x < e->w; x++) {
            unsigned v = pixel(what, x + e->x, y + e->y, e->bits);

            if (e->bits > 8)
                ((uint16_t *)img->data)[y * e->w + x] = (uint16_t)v;
            else
                ((uint8_t *)img->data)[y * e->w + x] = (uint8_t)v;
        }
    return 0;
}

/* An address of the loopback interface that no other test has. */
static const char *address(void)
{
    static char text[32];

    snprintf(text, sizeof(text), "127.%d.%d.%d", 64 + (int)(getpid() >> 16 & 63),
             (int)(getpid() >> 8 & 255), 1 + (int)(getpid() & 127));
    return text;
}

/* A camera in a process of its own, until it is killed. */
static pid_t serve(const struct af_gigesim_faults *faults)
{
    struct af_gigesim_opts o = {
        .address = address(), .w = W, .h = H, .expose = expose, .faults = *faults};
    int ready[2];
    pid_t pid;
    char c;

    assert_int_equal(pipe(ready), 0);
    if (!(pid = fork())) {
        struct af_err err = {AF_OK, ""};
        struct af_gigesim *g;

        if (af_gigesim_open(&g, &o, &err)) {
            fprintf(stderr, "%s\n", err.text);
            _exit(1);
        }
        close(ready[1]);
        close(ready[0]);
        alarm(120);
        while (!af_gigesim_serve(g, 1000, &err))
            ;
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 0); // closed: it listens
    close(ready[0]);
    return pid;
}

static void stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static struct af_camera *client(const char *query, struct af_camera_settings set)
{
    struct af_err err = {AF_OK, ""};
    struct af_camera *cam = NULL;
    char uri[96];

    snprintf(uri, sizeof(uri), "aravis:%s%s", address(), query);
    if (af_camera_open(&cam, uri, &set, &err))
        fail_msg("%s", err.text);
    return cam;
}

static void check_frame(const struct af_frame *f, uint32_t what, size_t x0, size_t y0)
{
    double row[W];

    for (size_t y = 0; y < f->image.h; y++) {
        af_image_row_f64(&f->image, y, row);
        for (size_t x = 0; x < f->image.w; x++)
            assert_int_equal((unsigned)row[x], pixel(what, x + x0, y + y0, f->image.bits));
    }
}

static void every_pixel_format_arrives_as_it_was_sent(void **state)
{
    static const struct {
        const char *query;
        unsigned bits, expect;
    } format[] = {{"", 8, 8},   {"", 10, 10}, {"", 12, 12}, {"?format=Mono12Packed", 0, 12},
                  {"", 16, 16}, {"", 0, 16}};
    pid_t pid = serve(&(struct af_gigesim_faults){.drop = 0});
    struct af_frame f = {.id = 0};

    (void)state;
    for (size_t i = 0; i < sizeof(format) / sizeof(*format); i++) {
        struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
        struct af_camera *cam;

        set.bits = format[i].bits;
        cam = client(format[i].query, set);
        for (uint32_t n = 0; n < 3; n++) {
            *seen = 1000 + n;
            assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
            assert_int_equal(f.image.bits, format[i].expect);
            assert_int_equal(f.image.w, W);
            check_frame(&f, 1000 + n, 0, 0);
        }
        af_camera_close(cam);
    }
    af_frame_release(&f);
    stop(pid);
}

static void settings_are_read_back_and_a_region_is_cut_by_the_camera(void **state)
{
    pid_t pid = serve(&(struct af_gigesim_faults){.drop = 0});
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_camera *cam;
    struct af_frame f = {.id = 0};
    struct af_err err = {AF_OK, ""};

    (void)state;
    set.exposure_ms = 1.5, set.gain = 6;
    set.x = 10, set.y = 20, set.w = 31, set.h = 17;
    cam = client("", set);
    assert_true(fabs(af_camera_info(cam)->now.exposure_ms - 1.5) < 1e-3); // a float of us
    assert_true(fabs(af_camera_info(cam)->now.gain - 6) < 1e-3);
    *seen = 5;
    assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
    assert_int_equal(f.image.w, 31);
    assert_int_equal(f.image.h, 17);
    check_frame(&f, 5, 10, 20);
    af_camera_close(cam);
    set.w = W;
    {
        char uri[64];

        snprintf(uri, sizeof(uri), "aravis:%s", address());
        assert_int_equal(af_camera_open(&cam, uri, &set, &err), -1);
        assert_int_equal(err.kind, AF_EUSAGE);
        set.w = 31, set.bits = 14;
        assert_int_equal(af_camera_open(&cam, uri, &set, &err), -1);
        assert_int_equal(err.kind, AF_EUSAGE);
    }
    af_frame_release(&f);
    stop(pid);
}

/* Frames that are asked for under a fault: each shows what was seen when it was asked for. */
static void ask(const struct af_gigesim_faults *faults, uint32_t n, uint64_t *lost)
{
    pid_t pid = serve(faults);
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_camera *cam;
    struct af_frame f = {.id = 0};
    struct af_err err = {AF_OK, ""};

    set.timeout_ms = faults->drop > 0 ? 400 : 10000;
    cam = client("", set);
    *lost = 0;
    for (uint32_t i = 0; i < n; i++) {
        *seen = i;
        if (af_camera_grab(cam, &f, &err) != 1)
            fail_msg("frame %u: %s", i, err.text);
        check_frame(&f, i, 0, 0);
        *lost += f.lost;
    }
    af_camera_close(cam);
    af_frame_release(&f);
    stop(pid);
}

static void a_frame_that_is_asked_for_is_never_older_than_the_asking(void **state)
{
    uint64_t lost;

    (void)state;
    ask(&(struct af_gigesim_faults){.drop = 0}, 300, &lost);
}

static void dropped_and_torn_frames_are_asked_for_again_and_counted(void **state)
{
    uint64_t lost;

    (void)state;
    ask(&(struct af_gigesim_faults){.drop = 0.1, .seed = 1}, 40, &lost);
    assert_in_range(lost, 1, 20);
    ask(&(struct af_gigesim_faults){.tear = 0.2, .seed = 2}, 40, &lost);
    assert_in_range(lost, 1, 20);
}

static void repeated_frames_are_not_taken_for_new_ones(void **state)
{
    uint64_t lost;

    (void)state;
    ask(&(struct af_gigesim_faults){.repeat = 0.5, .seed = 3}, 100, &lost);
}

static void free_running_frames_come_in_order_and_gaps_are_counted(void **state)
{
    pid_t pid = serve(&(struct af_gigesim_faults){.drop = 0.2, .repeat = 0.2, .seed = 5});
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_camera *cam;
    struct af_frame f = {.id = 0};
    uint64_t last = 0, lost = 0;
    double stamp = 0;

    (void)state;
    set.trigger = AF_TRIGGER_FREE;
    cam = client("", set);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
        assert_true(i == 0 || f.id == last + 1 + f.lost);
        assert_true(f.stamp_s > stamp); // a repeated frame has the stamp of the one before
        last = f.id, stamp = f.stamp_s;
        lost += f.lost;
    }
    assert_in_range(lost, 1, 40);
    af_camera_close(cam);
    af_frame_release(&f);
    stop(pid);
}

static void a_camera_that_has_gone_is_reported_in_time(void **state)
{
    pid_t pid = serve(&(struct af_gigesim_faults){.gone_after = 3});
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_camera *cam;
    struct af_frame f = {.id = 0};
    struct af_err err = {AF_OK, ""};
    int ret = 1;

    (void)state;
    set.timeout_ms = 200;
    cam = client("", set);
    for (int i = 0; i < 10 && ret == 1; i++)
        ret = af_camera_grab(cam, &f, &err);
    assert_int_equal(ret, -1);
    assert_int_equal(err.kind, AF_EDEVICE);
    af_frame_release(&f);
    stop(pid);
    af_camera_close(cam);
}

static void nobody_there_is_no_camera(void **state)
{
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_camera *cam;
    struct af_err err = {AF_OK, ""};

    (void)state;
    assert_int_equal(af_camera_open(&cam, "aravis:127.77.77.77", &set, &err), -1);
    assert_int_equal(err.kind, AF_EDEVICE);
}
#endif

static void packing_by_twelve_bits_comes_back(void **state)
{
    static const uint8_t lsb[] = {0x23, 0x61, 0x45}; // 0x123, 0x456 as PFNC has them
    uint16_t in[9], out[9];
    uint8_t packed[15];

    (void)state;
    for (unsigned i = 0; i < 9; i++)
        in[i] = (uint16_t)(i * 455 + 1);
    for (size_t n = 1; n <= 9; n++) {
        memset(out, 0xff, sizeof(out));
        af_pack12(in, n, packed);
        af_unpack12(packed, n, false, out);
        assert_memory_equal(in, out, n * sizeof(*in));
    }
    af_unpack12(lsb, 2, true, out);
    assert_int_equal(out[0], 0x123);
    assert_int_equal(out[1], 0x456);
}

static void faults_are_shares_and_counts(void **state)
{
    struct af_gigesim_faults f = {.drop = 0};
    struct af_err err;

    (void)state;
    assert_int_equal(af_gigesim_faults_parse(&f, "drop=0.25,tear=1,gone=7,seed=3", &err), 0);
    assert_true(f.drop == 0.25 && f.tear == 1 && f.gone_after == 7 && f.seed == 3);
    assert_int_equal(af_gigesim_faults_parse(&f, "drop=2", &err), -1);
    assert_int_equal(err.kind, AF_EUSAGE);
    assert_int_equal(af_gigesim_faults_parse(&f, "drop", &err), -1);
    assert_int_equal(af_gigesim_faults_parse(&f, "melt=0.5", &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_by_twelve_bits_comes_back),
        cmocka_unit_test(faults_are_shares_and_counts),
#ifdef AF_ARAVIS
        cmocka_unit_test(every_pixel_format_arrives_as_it_was_sent),
        cmocka_unit_test(settings_are_read_back_and_a_region_is_cut_by_the_camera),
        cmocka_unit_test(a_frame_that_is_asked_for_is_never_older_than_the_asking),
        cmocka_unit_test(dropped_and_torn_frames_are_asked_for_again_and_counted),
        cmocka_unit_test(repeated_frames_are_not_taken_for_new_ones),
        cmocka_unit_test(free_running_frames_come_in_order_and_gaps_are_counted),
        cmocka_unit_test(nobody_there_is_no_camera),
        cmocka_unit_test(a_camera_that_has_gone_is_reported_in_time),
#endif
    };

#ifdef AF_ARAVIS
    seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
