/* SPDX-License-Identifier: BSD-2-Clause */
/* A stage, its driver, a simulated controller and a microscope in one process, in virtual time. */
#ifndef AF_TEST_STAGERIG_H
#define AF_TEST_STAGERIG_H
#include <cmocka.h>

#include "device/stageparts.h"
#include "scopesim/controller.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rig {
    struct af_simscope *scope;
    struct af_controller *controller;
    struct af_stage *st;
    struct af_instrument in;
    char uri[80];
    struct af_stage_opts opts;
};

/* Tighter than the microscope's own -300 to 300 um and 0 to some 80000 um, whose hard stops lie
 * just outside. */
static void rig_limits(struct af_instrument *in, const struct af_protocol *p)
{
    af_instrument_init(in);
    for (int i = 0; i < AF_NAXES; i++) {
        struct af_axis_conf *a = &in->axis[i];
        bool z = i == AF_Z;

        a->min_um = z ? -250 : 2000;
        a->max_um = z ? 250 : 60000;
        a->max_step_um = z ? 200 : 30000;
        a->max_toward_um = z ? 120 : NAN;
        a->max_travel_um = z ? 450 : 60000;
        a->tolerance_um = z ? p->tolerance_um > 0 ? p->tolerance_um : 0.1 : 2;
        a->speed_um_s = z ? 1000 : 20000;
        a->settle_ms = 30;
        if (p->unit_um > 0)
            a->unit_um = p->unit_um;
    }
    in->motion_log = strdup("/dev/null");
}

__attribute__((unused)) static int rig_open_stage(struct rig *r, struct af_err *err)
{
    struct af_port *port;

    af_stage_close(r->st);
    r->st = NULL;
    af_controller_reset_line(r->controller);
    if (af_controller_port(&port, r->controller, err))
        return -1;
    return af_stage_open_port(&r->st, r->uri, port, NULL, &r->in, &r->opts, err);
}

static void rig_begin(struct rig *r, const char *protocol, const struct af_controller_opts *opts,
                      const char *sim)
{
    const struct af_protocol *p = af_protocol_find(protocol);
    struct af_err err = {AF_OK, ""};

    *r = (struct rig){.opts = {.prog = "test"}};
    assert_non_null(p);
    rig_limits(&r->in, p);
    snprintf(r->uri, sizeof(r->uri), "%s:simulated%s", p->scheme, p->keys);
    if (af_simscope_open(&r->scope, NULL, sim, &err) ||
        af_simscope_move(r->scope, AF_SIM_X, 10000, 0, 0, &err) ||
        af_simscope_move(r->scope, AF_SIM_Y, 10000, 0, 0, &err) ||
        af_simscope_pause(r->scope, 5000, &err) ||
        af_controller_new(&r->controller, p, r->scope, opts, &err))
        fail_msg("%s: %s", protocol, err.text);
}

static void rig_end(struct rig *r)
{
    af_stage_close(r->st);
    af_controller_free(r->controller);
    af_simscope_close(r->scope);
    af_instrument_release(&r->in);
}

static struct af_sim_truth rig_truth(struct rig *r)
{
    struct af_sim_truth t;

    assert_int_equal(af_simscope_truth(r->scope, &t, NULL), 0);
    return t;
}

#endif
