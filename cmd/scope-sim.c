/* SPDX-License-Identifier: BSD-2-Clause */
/* scope-sim: the simulated microscope behind real protocols, in the background as ssh-agent is. */
#include "base/memory.h"
#include "base/outfile.h"
#include "cli/cli.h"
#include "cli/option.h"
#include "device/gigesim.h"
#include "optics/params.h"
#include "scopesim/simline.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROG "scope-sim"

enum { PROTOCOLS = 8 };
enum { CAMERA_SIM, CAMERA_GIGE };

struct opts {
    bool protocol[PROTOCOLS]; // in the order of af_protocol_at()
    int camera;
    const char *address, *camera_faults;
    const char *dir; // NULL: one of its own, removed at the end
    const char *sim; // "seed=3&preset=rough"
    const char *faults;
    int64_t tcp; // port, -1: a pseudo-terminal
    bool foreground, kill, late;
};

#define PROTOCOL(n, name, help)                                                                    \
    {                                                                                              \
        0, name, AF_OPT_FLAG, offsetof(struct opts, protocol) + (n) * sizeof(bool), NULL, help     \
    }
static const struct af_option options[] = {
    {0, "address", AF_OPT_TEXT, offsetof(struct opts, address), "IP",
     "of the GigE camera, in 127.0.0.0/8 [127.0.0.1]"},
    PROTOCOL(1, "asi", "stage: ASI MS-2000 and Tiger"),
    {0, "camera", AF_OPT_CHOICE, offsetof(struct opts, camera), "KIND",
     "sim, or gige: GigE Vision on loopback [sim]", "sim|gige"},
    {0, "camera-faults", AF_OPT_TEXT, offsetof(struct opts, camera_faults), "LIST",
     "what goes wrong in it: drop=0.01,gone=100 ..."},
    {0, "dir", AF_OPT_FILE, offsetof(struct opts, dir), "DIR",
     "of the microscope's state [a temporary folder]"},
    {0, "faults", AF_OPT_TEXT, offsetof(struct opts, faults), "LIST",
     "what goes wrong in a stage: lost=0.05,stuck=0.1 ..."},
    {0, "foreground", AF_OPT_FLAG, offsetof(struct opts, foreground), NULL,
     "do not go to the background"},
    PROTOCOL(5, "gcode", "stage: GRBL"),
    {'k', "kill", AF_OPT_FLAG, offsetof(struct opts, kill), NULL,
     "end the one that $SCOPE_SIM_PID names"},
    {0, "late-answer", AF_OPT_FLAG, offsetof(struct opts, late), NULL,
     "moves are answered at their end (--prior)"},
    PROTOCOL(6, "marlin", "stage: Marlin"),
    PROTOCOL(3, "pi", "stage: PI GCS 2.0"),
    PROTOCOL(2, "prior", "stage: Prior ProScan"),
    {0, "sim", AF_OPT_TEXT, offsetof(struct opts, sim), "KEY=VALUE&...",
     "parameters of the microscope, as behind sim:"},
    PROTOCOL(0, "tango", "stage: Marzhauser TANGO"),
    {0, "tcp", AF_OPT_INT, offsetof(struct opts, tcp), "PORT",
     "port of 127.0.0.1, 0: any [a pseudo-terminal]", NULL, 0, 65535},
    PROTOCOL(4, "zaber", "stage: Zaber ASCII"),
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    PROG,
    "",
    "Put the simulated microscope behind a real protocol, in the background, and print the "
    "environment to use: eval \"$(scope-sim --tango)\".",
    options,
};

struct running {
    const struct af_protocol *protocol; // NULL: the stage is sim: too
    char *dir, *conf, *gone;            // gone: what dir is called while it is removed
    bool own_dir;
    char *stage, *camera; // URIs
    struct af_simscope *scope, *camera_scope;
    struct af_controller *controller;
    struct af_simline *line;
    struct af_gigesim *gige;
    struct af_err gige_err;
};

static int parse_args(int argc, char **argv, struct opts *o)
{
    int operand, status, n = 0;

    *o = (struct opts){.tcp = -1, .address = "127.0.0.1"};
    status = af_cli_parse(&tool, argc, argv, o, &operand);
    if (status >= 0)
        return status;
    for (int i = 0; i < PROTOCOLS; i++)
        n += o->protocol[i];
    if (n > 1)
        return af_cli_usage(&tool, "one stage at a time: %d protocols are given", n);
    if (n == 0 && (o->tcp >= 0 || o->faults))
        return af_cli_usage(&tool, "--tcp and --faults need a protocol, as --tango");
    if (o->camera_faults && o->camera != CAMERA_GIGE)
        return af_cli_usage(&tool, "--camera-faults needs --camera gige");
    return -1;
}

/* ---- setting up ---- */

static int write_axis(FILE *fp, struct af_simscope *scope, int i, const struct af_protocol *p,
                      struct af_err *err)
{
    struct af_simaxis_facts f;
    double range_um;

    if (af_simscope_axis(scope, (enum af_simaxis)i, &f, err))
        return -1;
    range_um = f.hi_um - f.lo_um;
    fprintf(fp,
            "\n[%c]\nmin = %.9gum\nmax = %.9gum\nmax_step = %.9gum\nmax_travel = %.9gum\nspeed = "
            "%.9gum\n",
            "xyz"[i], f.lo_um, f.hi_um, range_um, range_um, f.speed_um_s);
    if (p && p->unit_um > 0)
        fprintf(fp, "unit = %.9gum\n", p->unit_um);
    if (i != AF_SIM_Z)
        fprintf(fp, "tolerance = 2um\n");
    else if (p && p->tolerance_um > 0)
        fprintf(fp, "tolerance = %.9gum\n", p->tolerance_um);
    return 0;
}

/* The instrument file of this microscope: a driver needs limits and units. */
static int write_conf(struct running *r, struct af_err *err)
{
    struct af_sim_sensor sensor;
    struct af_outfile f = {0};

    if (af_simscope_sensor(r->scope, false, &sensor, err) || af_outfile_open(&f, r->conf, err))
        return -1;
    fprintf(
        f.fp,
        "; made by scope-sim\n[camera]\nuri = %s\nsensor_pixel_size = %.9gum\npixel_size = %.9gum\n"
        "\n[stage]\nuri = %s\n",
        r->camera, sensor.pixel_um, sensor.sample_um, r->stage);
    for (int i = 0; i < AF_SIM_NAXES; i++)
        if (write_axis(f.fp, r->scope, i, r->protocol, err)) {
            af_outfile_discard(&f);
            return -1;
        }
    return af_outfile_commit(&f, err);
}

static int make_dir(struct running *r, const struct opts *o, struct af_err *err)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = o->dir ? af_strdup(o->dir, err)
                       : af_format(err, "%s/" PROG ".XXXXXX", tmp && *tmp ? tmp : "/tmp");

    if (!dir)
        return -1;
    if (!o->dir && !mkdtemp(dir)) {
        af_fail_errno(err, "%s", dir);
        free(dir);
        return -1;
    }
    r->own_dir = !o->dir;
    r->dir = dir;
    r->gone = af_format(err, "%s.gone", dir);
    return r->gone ? 0 : -1;
}

static int refuse_virtual(const char *where, struct af_err *err)
{
    return af_fail(err, AF_EUSAGE,
                   "%s: the clock is virtual, but lines and cameras take real time: clock=real",
                   where);
}

/* What is asked for is judged before anything is made or changed; what a folder has, once open. */
static int open_scope(struct running *r, const struct opts *o, struct af_err *err)
{
    struct af_sim_params p;
    bool is_virtual;

    af_sim_params_preset(&p, AF_PRESET_PAPER);
    if (af_sim_params_set(&p, o->sim, err))
        return -1;
    if (p.clock == AF_CLOCK_VIRTUAL)
        return refuse_virtual("--sim", err);
    if (make_dir(r, o, err) || af_simscope_open(&r->scope, r->dir, o->sim, err) ||
        af_simscope_clock(r->scope, &is_virtual, err))
        return -1;
    return is_virtual ? refuse_virtual(r->dir, err) : 0;
}

static int set_up_stage(struct running *r, const struct opts *o, struct af_err *err)
{
    struct af_controller_opts co = {.soft_limits = true, .late_answer = o->late};
    char *real;

    if ((real = realpath(r->dir, NULL))) { // the environment holds in any folder
        free(r->dir);
        free(r->gone);
        r->dir = real;
        if (!(r->gone = af_format(err, "%s.gone", real)))
            return -1;
    }
    for (int i = 0; i < PROTOCOLS; i++)
        if (o->protocol[i])
            r->protocol = af_protocol_at((size_t)i);
    if (!r->protocol)
        return (r->stage = af_format(err, "sim:%s", r->dir)) ? 0 : -1;
    if ((o->faults && af_simfaults_parse(&co.faults, o->faults, err)) ||
        af_simline_open(&r->line, (int)o->tcp, err) ||
        af_controller_new(&r->controller, r->protocol, r->scope, &co, err))
        return -1;
    r->stage =
        af_format(err, "%s:%s%s", r->protocol->scheme, af_simline_name(r->line), r->protocol->keys);
    return r->stage ? 0 : -1;
}

static int set_up_camera(struct running *r, const struct opts *o, struct af_err *err)
{
    struct af_gigesim_opts g = {.address = o->address, .expose = af_gigesim_expose_scope};
    struct af_sim_sensor sensor;

    if (o->camera == CAMERA_SIM)
        return (r->camera = af_format(err, "sim:%s", r->dir)) ? 0 : -1;
    if ((o->camera_faults && af_gigesim_faults_parse(&g.faults, o->camera_faults, err)) ||
        af_simscope_open(&r->camera_scope, r->dir, NULL, err) ||
        af_simscope_sensor(r->camera_scope, false, &sensor, err))
        return -1;
    g.ctx = r->camera_scope;
    g.w = sensor.w;
    g.h = sensor.h;
    if (af_gigesim_open(&r->gige, &g, err))
        return -1;
    // In its own depth, as sim: is: a model is of one camera.
    r->camera = af_format(err, "aravis:%s?format=Mono%u", o->address, sensor.bits);
    return r->camera ? 0 : -1;
}

static int set_up(struct running *r, const struct opts *o, struct af_err *err)
{
    if (open_scope(r, o, err) || set_up_stage(r, o, err) || set_up_camera(r, o, err) ||
        !(r->conf = af_format(err, "%s/instrument.conf", r->dir)))
        return -1;
    return write_conf(r, err);
}

/* Gone at once by name, so that whoever waits for that need not see it half empty. */
static void remove_dir(const char *dir, const char *gone)
{
    pid_t pid = rename(dir, gone) ? -1 : fork();

    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", gone, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
}

static void tear_down(struct running *r, bool last)
{
    af_gigesim_close(r->gige);
    af_simline_close(r->line);
    af_controller_free(r->controller);
    af_simscope_close(r->camera_scope);
    af_simscope_close(r->scope);
    if (last && r->own_dir && r->gone)
        remove_dir(r->dir, r->gone);
    else if (last && r->conf)
        unlink(r->conf); // of what does not run
    free(r->dir);
    free(r->gone);
    free(r->conf);
    free(r->stage);
    free(r->camera);
}

/* ---- running ---- */

static void *serve_camera(void *ctx)
{
    struct running *r = ctx;

    while (!af_cli_stopped())
        if (af_gigesim_serve(r->gige, 20, &r->gige_err)) {
            kill(getpid(), SIGTERM); // the stage ends with it
            break;
        }
    return NULL;
}

static int serve(struct running *r, struct af_err *err)
{
    pthread_t camera;
    int ret = 0, why;

    if (r->gige && (why = pthread_create(&camera, NULL, serve_camera, r))) {
        errno = why;
        return af_fail_errno(err, "thread");
    }
    if (r->line)
        ret = af_simline_serve(r->line, r->controller, af_cli_stopped, err);
    else
        while (!af_cli_stopped())
            poll(NULL, 0, 100);
    if (r->gige) {
        if (ret)
            kill(getpid(), SIGTERM);
        pthread_join(camera, NULL);
        if (!ret && r->gige_err.kind != AF_OK) {
            *err = r->gige_err;
            ret = -1;
        }
    }
    return ret;
}

/* 'it'\''s' */
static void put_quoted(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%s='", name);
    for (; *value; value++)
        fprintf(out, *value == '\'' ? "'\\''" : "%c", *value);
    fprintf(out, "'; export %s;\n", name);
}

static void put_environment(FILE *out, const struct running *r, long pid)
{
    char number[24];

    snprintf(number, sizeof(number), "%ld", pid);
    put_quoted(out, "AF_STAGE", r->stage);
    put_quoted(out, "AF_CAMERA", r->camera);
    put_quoted(out, "AF_INSTRUMENT", r->conf);
    put_quoted(out, "SCOPE_SIM_DIR", r->dir);
    put_quoted(out, "SCOPE_SIM_PID", number);
}

/* The child goes on alone, without our terminal, folder and streams. */
static int go_to_background(struct running *r, FILE *out, struct af_err *err)
{
    pid_t pid = fork();
    int null;

    if (pid < 0)
        return af_fail_errno(err, "fork");
    if (pid > 0) {
        put_environment(out, r, (long)pid);
        return 1;
    }
    setsid();
    if (chdir("/")) // cannot fail; a folder in use could not be unmounted
        _exit(1);
    null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    return 0;
}

static int end_other(FILE *out, struct af_err *err)
{
    const char *text = getenv("SCOPE_SIM_PID"), *conf = getenv("AF_INSTRUMENT");
    long pid = text ? strtol(text, NULL, 10) : 0;

    if (pid <= 1)
        return af_fail(err, AF_EUSAGE, "SCOPE_SIM_PID is not set: nothing to end");
    if (kill((pid_t)pid, SIGTERM))
        return af_fail_errno(err, "pid %ld", pid);
    for (int i = 0; i < 400 && kill((pid_t)pid, 0) == 0 && (!conf || access(conf, F_OK) == 0); i++)
        poll(NULL, 0, 5); // 2 s
    fprintf(out, "unset AF_STAGE AF_CAMERA AF_INSTRUMENT SCOPE_SIM_DIR SCOPE_SIM_PID;\n");
    return 0;
}

static int run(const struct opts *o, FILE *out, struct af_err *err)
{
    struct running r = {.gige_err = {AF_OK, ""}};
    int ret = -1, away = 0;

    if (o->kill)
        return end_other(out, err);
    if (set_up(&r, o, err))
        goto done;
    if (o->foreground) {
        put_environment(out, &r, (long)getpid());
        if (fflush(out)) {
            af_fail_errno(err, "standard output");
            goto done;
        }
    } else if ((away = go_to_background(&r, out, err)) != 0) {
        ret = away < 0 ? -1 : 0;
        goto done;
    }
    af_cli_catch_signals();
    ret = serve(&r, err);
done:
    tear_down(&r, away <= 0);
    return ret;
}

int main(int argc, char **argv)
{
    struct af_err err = {AF_OK, ""};
    struct opts o;
    int status = parse_args(argc, argv, &o);

    if (status < 0)
        status = run(&o, stdout, &err) ? af_cli_fail(PROG, &err) : 0;
    return af_cli_close_stdout(PROG, status);
}
