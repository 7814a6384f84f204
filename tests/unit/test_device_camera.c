/* SPDX-License-Identifier: BSD-2-Clause */
/* Cameras by their contract: replay, stream, simulated microscope; frames with their place. */
#include "device/camera.h"
#include "base/progress.h"
#include "device/capture.h"
#include "device/simscope.h"
#include "image/pgm.h"
#include "image/stackwrite.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { W = 8, H = 4 };

static void fill(struct af_image *img, unsigned n)
{
    assert_int_equal(af_image_resize(img, W, H, AF_U16, NULL), 0);
    img->bits = 12;
    for (size_t i = 0; i < W * H; i++)
        ((uint16_t *)img->data)[i] = (uint16_t)(n * 100 + i);
}

static unsigned frame_number(const struct af_frame *f)
{
    return ((uint16_t *)f->image.data)[0] / 100;
}

/* Planes 0 to n-1 at z = 10 - 0.5 i. */
static void record(const char *path, unsigned n, bool with_z)
{
    struct af_stack_meta meta = AF_STACK_META_UNKNOWN;
    struct af_stack_writer *w;
    struct af_image img = {0};
    struct af_err err;

    assert_int_equal(af_stack_writer_open(&w, path, &meta, &err), 0);
    for (unsigned i = 0; i < n; i++) {
        struct af_plane p = AF_PLANE_UNKNOWN;

        p.z_um = with_z ? 10 - 0.5 * i : NAN;
        p.exposure_ms = 3;
        fill(&img, i);
        assert_int_equal(af_stack_writer_add(w, &img, &p, &err), 0);
    }
    assert_int_equal(af_stack_writer_commit(w, &err), 0);
    af_image_release(&img);
}

static struct af_camera *open_or_fail(const char *uri, struct af_camera_settings set)
{
    struct af_err err = {AF_OK, ""};
    struct af_camera *cam = NULL;

    if (af_camera_open(&cam, uri, &set, &err))
        fail_msg("%s", err.text);
    return cam;
}

static enum af_kind refusal(const char *uri, struct af_camera_settings set)
{
    struct af_err err = {AF_OK, ""};
    struct af_camera *cam = NULL;

    assert_int_equal(af_camera_open(&cam, uri, &set, &err), -1);
    assert_null(cam);
    assert_true(err.text[0] != '\0');
    return err.kind;
}

/* ---------------------------------------------------------------- replay */

static void a_replay_gives_the_plane_nearest_to_where_the_stage_stands(void **state)
{
    struct af_camera *cam;
    struct af_frame f = {.id = 0};

    (void)state;
    record("r.ome.tif", 11, true);
    cam = open_or_fail("file:r.ome.tif", AF_CAMERA_AS_IT_STANDS);
    assert_false(af_camera_info(cam)->live);
    for (double z = 4; z <= 11; z += 0.3) {
        double nearest = fmin(10, fmax(5, round(z * 2) / 2));

        af_camera_look_at(cam, z);
        assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
        assert_true(fabs(f.z_um - nearest) < 1e-6);
        assert_int_equal(frame_number(&f), (unsigned)lround((10 - nearest) * 2));
        assert_true(f.exposure_ms == 3);
    }
    af_camera_close(cam);
    af_frame_release(&f);
}

static void a_replay_without_a_stage_goes_from_the_first_plane_to_the_last(void **state)
{
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_camera *cam;
    struct af_frame f = {.id = 0};

    (void)state;
    record("r.ome.tif", 3, false);
    set.x = 2, set.y = 1, set.w = 3, set.h = 2;
    cam = open_or_fail("file:r.ome.tif", set);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
        assert_int_equal(f.image.w, 3);
        assert_int_equal(((uint16_t *)f.image.data)[0], i * 100 + W + 2); // the region's corner
        assert_int_equal(((uint16_t *)f.image.data)[5], i * 100 + 2 * W + 4);
    }
    assert_int_equal(af_camera_grab(cam, &f, NULL), 0);
    af_camera_close(cam);
    af_frame_release(&f);
}

static void what_cannot_be_is_refused_by_whose_fault_it_is(void **state)
{
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS, odd;
    struct af_camera *cam;
    struct af_frame f = {.id = 0};
    struct af_err err;
    FILE *fp;

    (void)state;
    record("r.ome.tif", 3, false);
    assert_int_equal(refusal("nosuch:x", set), AF_EUSAGE);
    assert_int_equal(refusal("file", set), AF_EUSAGE);
    assert_int_equal(refusal("file:nowhere.tif", set), AF_ESYS);
    assert_int_equal(refusal("pgm:nowhere", set), AF_ESYS);
    fp = fopen("text", "w");
    fputs("no picture", fp);
    fclose(fp);
    assert_int_equal(refusal("file:text", set), AF_EDATA);
    assert_int_equal(refusal("pgm:text", set), AF_EDATA);
    odd = set, odd.bits = 16;
    assert_int_equal(refusal("file:r.ome.tif", odd), AF_EUSAGE);
    odd = set, odd.w = W, odd.h = H + 1;
    assert_int_equal(refusal("file:r.ome.tif", odd), AF_EUSAGE);
    odd = set, odd.w = 4;
    assert_int_equal(refusal("file:r.ome.tif", odd), AF_EUSAGE);
    odd = set, odd.exposure_ms = -1;
    assert_int_equal(refusal("file:r.ome.tif", odd), AF_EUSAGE);
    odd = set, odd.timeout_ms = 0;
    assert_int_equal(refusal("file:r.ome.tif", odd), AF_EUSAGE);
    odd = set, odd.bits = 9;
    assert_int_equal(refusal("sim:d", odd), AF_EUSAGE);
    odd = set, odd.gain = 0;
    assert_int_equal(refusal("sim:d", odd), AF_EUSAGE);
    assert_int_equal(refusal("sim:d?camera=eye", set), AF_EUSAGE);
    assert_int_equal(refusal("sim:d?nosuch=1", set), AF_EUSAGE);
    cam = open_or_fail("file:r.ome.tif", set);
    af_camera_look_at(cam, 1); // planes that do not say their z
    assert_int_equal(af_camera_grab(cam, &f, &err), -1);
    assert_int_equal(err.kind, AF_EDATA);
    af_camera_close(cam);
    af_frame_release(&f);
}

/* ---------------------------------------------------------------- stream */

static void write_frames(int fd, unsigned first, unsigned n, double each_ms)
{
    FILE *fp = fdopen(fd, "wb");
    struct af_image img = {0};
    struct af_plane p = AF_PLANE_UNKNOWN;

    for (unsigned i = first; i < first + n; i++) {
        p.z_um = i;
        fill(&img, i % 40);
        if (af_pgm_write(fp, &img, &p, NULL))
            break;
        nanosleep(&(struct timespec){0, (long)(each_ms * 1e6)}, NULL);
    }
    fclose(fp);
    af_image_release(&img);
}

static void a_stream_in_a_file_is_given_in_order_with_its_z(void **state)
{
    struct af_camera *cam;
    struct af_frame f = {.id = 0};
    FILE *fp = fopen("s.pgm", "wb");

    (void)state;
    write_frames(dup(fileno(fp)), 0, 5, 0);
    fclose(fp);
    cam = open_or_fail("pgm:s.pgm", AF_CAMERA_AS_IT_STANDS);
    assert_int_equal(af_camera_info(cam)->now.bits, 12);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
        assert_int_equal(frame_number(&f), i);
        assert_true(f.z_um == i);
        assert_int_equal(f.lost, 0);
    }
    assert_int_equal(af_camera_grab(cam, &f, NULL), 0);
    assert_int_equal(af_camera_grab(cam, &f, NULL), 0);
    af_camera_close(cam);
    af_frame_release(&f);
}

/* A program that exposes a frame every 20 ms. */
static pid_t program(int fd)
{
    pid_t pid = fork();

    if (!pid) {
        alarm(60);
        signal(SIGPIPE, SIG_DFL);
        write_frames(fd, 0, 400, 20);
        _exit(0);
    }
    close(fd);
    return pid;
}

static void a_live_stream_gives_no_frame_from_before_the_asking(void **state)
{
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_camera *cam;
    struct af_frame f = {.id = 0};
    char uri[32];
    int ends[2];
    pid_t pid;
    double z;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid = program(ends[1]);
    snprintf(uri, sizeof(uri), "pgm:/dev/fd/%d", ends[0]);
    cam = open_or_fail(uri, set);
    assert_true(af_camera_info(cam)->live);
    assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
    z = f.z_um;
    nanosleep(&(struct timespec){0, 200000000}, NULL); // some ten frames pile up in the pipe
    assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
    // Frames are at least 20 ms apart, however slow the machine: at most as many as there was time
    // for, and none of those that were in the pipe.
    assert_true(f.z_um > z + 3);
    af_camera_close(cam);

    set.trigger = AF_TRIGGER_FREE; // the next, and the next
    cam = open_or_fail(uri, set);
    assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
    z = f.z_um;
    nanosleep(&(struct timespec){0, 100000000}, NULL);
    assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
    assert_true(f.z_um == z + 1);
    af_camera_close(cam);
    close(ends[0]);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    af_frame_release(&f);
}

static void a_program_that_falls_silent_is_reported_in_time(void **state)
{
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_camera *cam = NULL;
    struct af_frame f = {.id = 0};
    struct af_err err;
    int ends[2];
    char uri[32];

    (void)state;
    set.timeout_ms = 50;
    assert_int_equal(mkfifo("empty", 0600), 0);
    assert_int_equal(refusal("pgm:empty", set), AF_EDEVICE); // no writer comes
    assert_int_equal(pipe(ends), 0);
    write_frames(dup(ends[1]), 0, 1, 0);
    assert_int_equal(write(ends[1], "P5\n8 4\n", 7), 7); // and half a header
    snprintf(uri, sizeof(uri), "pgm:/dev/fd/%d", ends[0]);
    set.trigger = AF_TRIGGER_FREE;
    cam = open_or_fail(uri, set);
    assert_int_equal(af_camera_grab(cam, &f, &err), 1);
    assert_int_equal(af_camera_grab(cam, &f, &err), -1);
    assert_int_equal(err.kind, AF_EDEVICE);
    af_camera_close(cam);
    close(ends[0]);
    close(ends[1]);
    af_frame_release(&f);
}

static void a_socket_is_a_stream_too(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "sock"};
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_camera *cam;
    struct af_frame f = {.id = 0};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    pid_t pid;

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 1), 0);
    if (!(pid = fork())) {
        alarm(60);
        write_frames(accept(fd, NULL, NULL), 5, 3, 1);
        _exit(0);
    }
    set.trigger = AF_TRIGGER_FREE;
    cam = open_or_fail("pgm:sock", set);
    assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
    assert_true(f.z_um == 5);
    af_camera_close(cam);
    close(fd);
    waitpid(pid, NULL, 0);
    af_frame_release(&f);
}

/* ----------------------------------------------------------- the microscope */

static void the_simulated_camera_has_what_it_was_set_to(void **state)
{
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_camera *cam;
    struct af_frame f = {.id = 0};
    double begun_s;

    (void)state;
    set.bits = 10, set.exposure_ms = 2;
    set.x = 300, set.y = 220, set.w = 40, set.h = 30;
    cam = open_or_fail("sim:d", set);
    for (unsigned i = 0; i < 3; i++) {
        begun_s = af_now_s();
        assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
        assert_true(f.begun_s >= begun_s);
        assert_int_equal(f.image.w, 40);
        assert_int_equal(f.image.h, 30);
        assert_int_equal(f.image.bits, 10);
        assert_int_equal(f.id, i);
        assert_true(f.exposure_ms == 2);
    }
    af_camera_close(cam);
    cam = open_or_fail("sim:d?camera=beads", AF_CAMERA_AS_IT_STANDS);
    assert_int_equal(af_camera_grab(cam, &f, NULL), 1);
    af_camera_close(cam);
    af_frame_release(&f);
}

/* ----------------------------------------------------------------- a place */

static void a_shot_is_the_mean_of_its_exposures_less_the_dark_frame(void **state)
{
    struct af_rig rig = {.average = 3};
    struct af_shot shot = {0};
    struct af_image dark = {0};
    struct af_err err = {AF_OK, ""};

    (void)state;
    record("r.ome.tif", 6, true);
    record("dark.ome.tif", 1, true); // pixel i has i counts
    assert_int_equal(af_dark_read(&dark, "dark.ome.tif", &err), 0);
    rig.camera = open_or_fail("file:r.ome.tif", AF_CAMERA_AS_IT_STANDS);
    assert_int_equal(af_capture(&rig, &shot, &err), 1);
    for (unsigned i = 0; i < W * H; i++)
        assert_int_equal(((uint16_t *)shot.frame.image.data)[i], 100 + i); // of planes 0, 1, 2
    rig.dark = &dark;
    assert_int_equal(af_capture(&rig, &shot, &err), 1);
    for (unsigned i = 0; i < W * H; i++)
        assert_int_equal(((uint16_t *)shot.frame.image.data)[i], 400); // of planes 3, 4, 5
    assert_int_equal(af_capture(&rig, &shot, &err), 0);
    af_camera_close(rig.camera);
    rig.camera = open_or_fail("file:dark.ome.tif", AF_CAMERA_AS_IT_STANDS);
    rig.average = 1;
    ((float *)dark.data)[3] = 4095; // more than is there: no counts below 0
    assert_int_equal(af_capture(&rig, &shot, &err), 1);
    assert_int_equal(((uint16_t *)shot.frame.image.data)[3], 0);
    af_camera_close(rig.camera);
    af_image_release(&dark);
    af_shot_release(&shot);
}

/* A second handle pushes the stage while the first one takes pictures. */
static void a_frame_during_which_the_stage_moved_is_not_kept(void **state)
{
    struct af_stage_opts so = {.prog = "test"};
    struct af_instrument in;
    struct af_rig rig = {.average = 1};
    struct af_shot shot = {0};
    struct af_simscope *hand;
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_err err = {AF_OK, ""};
    int ret;

    (void)state;
    setenv("AF_LOCK_DIR", ".", 1);
    af_instrument_init(&in);
    if (af_stage_open(&rig.stage, "sim:m", &in, &so, &err))
        fail_msg("%s", err.text);
    set.w = 32, set.h = 32;
    set.exposure_ms = 50;
    rig.camera = open_or_fail("sim:m", set);
    assert_int_equal(af_capture(&rig, &shot, &err), 1);
    assert_true(fabs(shot.plane.z_um - (shot.before_um + shot.after_um) / 2) < 1e-9);
    assert_int_equal(af_simscope_open(&hand, "m", "", &err), 0);
    assert_int_equal(af_simscope_move(hand, AF_SIM_Z, 30, 100, 0, &err), 0); // some 0.3 s
    ret = af_capture(&rig, &shot, &err);
    assert_int_equal(ret, AF_SHOT_MOVED);
    assert_int_equal(err.kind, AF_EDEVICE);
    for (int i = 0; i < 200 && ret == AF_SHOT_MOVED; i++) {
        nanosleep(&(struct timespec){0, 20000000}, NULL);
        ret = af_capture(&rig, &shot, &err);
    }
    assert_int_equal(ret, 1); // at rest again
    assert_true(fabs(shot.plane.z_um - 30) < 0.5);
    af_simscope_close(hand);
    af_camera_close(rig.camera);
    af_stage_close(rig.stage);
    af_instrument_release(&in);
    af_shot_release(&shot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replay_gives_the_plane_nearest_to_where_the_stage_stands),
        cmocka_unit_test(a_replay_without_a_stage_goes_from_the_first_plane_to_the_last),
        cmocka_unit_test(what_cannot_be_is_refused_by_whose_fault_it_is),
        cmocka_unit_test(a_stream_in_a_file_is_given_in_order_with_its_z),
        cmocka_unit_test(a_live_stream_gives_no_frame_from_before_the_asking),
        cmocka_unit_test(a_program_that_falls_silent_is_reported_in_time),
        cmocka_unit_test(a_socket_is_a_stream_too),
        cmocka_unit_test(the_simulated_camera_has_what_it_was_set_to),
        cmocka_unit_test(a_shot_is_the_mean_of_its_exposures_less_the_dark_frame),
        cmocka_unit_test(a_frame_during_which_the_stage_moved_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
