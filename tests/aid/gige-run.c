/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gige-run FRAMES WIDTH HEIGHT [FAULTS]: frames of the simulated GigE Vision camera through the
 * driver of real ones, while the stage goes up and down. The camera writes the frame's number and
 * the true z at its exposure into the first pixels; what was read off the stage must be the same.
 *
 * Prints "N frames, L lost, D duplicated, M mislabelled, R retaken; F frames/s"; ends with 0 where
 * L, D and M are 0, with 77 where the library was built without Aravis.
 */
#include "base/progress.h"
#include "device/capture.h"
#include "device/gigesim.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCOPE "scope"
#define SAME_UM 0.03    // 10 times the noise of the readback and its resolution
enum { PER_PLACE = 5 }; // frames before the stage moves on

/* What stands in the first pixels of a frame. */
struct stamp {
    uint32_t number;
    int32_t z_nm;
};

static int expose(void *scope, const struct af_sim_exposure *e, struct af_image *img,
                  struct af_err *err)
{
    struct af_sim_shot shot;
    struct stamp s;

    if (af_simscope_frame(scope, e, img, &shot, err))
        return -1;
    s = (struct stamp){(uint32_t)shot.number, (int32_t)lround(shot.z_um * 1e3)};
    memcpy(img->data, &s, sizeof(s));
    return 0;
}

static const char *address(void)
{
    static char text[32];

    snprintf(text, sizeof(text), "127.%d.%d.%d", 128 + (int)(getpid() >> 16 & 63),
             (int)(getpid() >> 8 & 255), 1 + (int)(getpid() & 127));
    return text;
}

static int complain(const struct af_err *err)
{
    fprintf(stderr, "gige-run: %s\n", err->text);
    return 1;
}

/* The camera, until it is killed; a byte on `ready` when it listens. */
static int serve(struct af_gigesim_opts *o, int ready)
{
    struct af_err err = {AF_OK, ""};
    struct af_simscope *scope;
    struct af_gigesim *g;

    o->expose = expose;
    if (af_simscope_open(&scope, SCOPE, NULL, &err))
        return complain(&err);
    o->ctx = scope;
    if (af_gigesim_open(&g, o, &err) || write(ready, "", 1) != 1)
        return complain(&err);
    while (!af_gigesim_serve(g, 1000, &err) && getppid() != 1)
        ;
    return complain(&err);
}

struct count {
    unsigned long lost, duplicated, mislabelled, retaken;
    uint32_t next; // number that the next frame should have
};

static void judge(const struct af_shot *shot, struct count *c)
{
    struct stamp s;

    memcpy(&s, shot->frame.image.data, sizeof(s));
    c->duplicated += s.number < c->next;
    // Frames that were asked for again are missing between the numbers, and said to be.
    c->lost += s.number > c->next + shot->lost ? s.number - c->next - shot->lost : 0;
    c->mislabelled += !(fabs(s.z_nm / 1e3 - shot->plane.z_um) < SAME_UM);
    c->retaken += shot->lost;
    c->next = s.number + 1;
}

static int take(const struct af_rig *rig, unsigned long n, struct count *c, struct af_err *err)
{
    struct af_shot shot = {0};
    int ret = 0;

    for (unsigned long i = 0; i < n && !ret; i++) {
        double z_um = (double)(i / PER_PLACE * 7 % 41) - 20;

        if (i % PER_PLACE == 0 && af_stage_move(rig->stage, AF_Z, z_um, NULL, err))
            ret = -1;
        else if (af_capture(rig, &shot, err) != 1)
            ret = -1;
        else
            judge(&shot, c);
    }
    af_shot_release(&shot);
    return ret;
}

static int run(unsigned long n, uint64_t taken, double timeout_ms, struct af_err *err)
{
    struct af_camera_settings set = AF_CAMERA_AS_IT_STANDS;
    struct af_stage_opts so = {.prog = "gige-run"};
    struct af_instrument in;
    struct af_rig rig = {.average = 1};
    struct count c = {.next = (uint32_t)taken};
    char uri[64];
    double begun_s;

    af_instrument_init(&in);
    snprintf(uri, sizeof(uri), "aravis:%s", address());
    set.bits = 16, set.exposure_ms = 2;
    set.timeout_ms = timeout_ms;
    if (af_camera_open(&rig.camera, uri, &set, err) ||
        af_stage_open(&rig.stage, "sim:" SCOPE, &in, &so, err))
        return -1;
    begun_s = af_now_s();
    if (take(&rig, n, &c, err))
        return -1;
    printf("%lu frames, %lu lost, %lu duplicated, %lu mislabelled, %lu retaken; %.0f frames/s\n", n,
           c.lost, c.duplicated, c.mislabelled, c.retaken, (double)n / (af_now_s() - begun_s));
    af_stage_close(rig.stage);
    af_camera_close(rig.camera);
    af_instrument_release(&in);
    return c.lost || c.duplicated || c.mislabelled ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct af_gigesim_opts o = {.address = address()};
    struct af_err err = {AF_OK, ""};
    struct af_sim_truth truth;
    struct af_simscope *scope;
    char options[128], c;
    int ready[2], ret;
    pid_t pid;

#ifndef AF_ARAVIS
    return 77;
#endif
    if (argc < 4) {
        fprintf(stderr, "usage: gige-run FRAMES WIDTH HEIGHT [FAULTS]\n");
        return 2;
    }
    o.w = strtoul(argv[2], NULL, 10), o.h = strtoul(argv[3], NULL, 10);
    snprintf(options, sizeof(options), "clock=virtual&width=%zu&height=%zu", o.w, o.h);
    if (af_simscope_open(&scope, SCOPE, options, &err) || af_simscope_truth(scope, &truth, &err) ||
        (argc > 4 && af_gigesim_faults_parse(&o.faults, argv[4], &err)) || pipe(ready))
        return complain(&err);
    af_simscope_close(scope);
    if (!(pid = fork()))
        _exit(serve(&o, ready[1]));
    close(ready[1]);
    if (read(ready[0], &c, 1) != 1)
        return 1;
    ret =
        run(strtoul(argv[1], NULL, 10), truth.frames, argc > 4 ? 300 : AF_CAMERA_TIMEOUT_MS, &err);
    if (ret < 0)
        complain(&err);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return ret ? 1 : 0;
}
