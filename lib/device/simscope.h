/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated microscope that `sim:` devices and scope-sim share. */
#ifndef AF_DEVICE_SIMSCOPE_H
#define AF_DEVICE_SIMSCOPE_H
#include "image/image.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * One microscope: a stage of three axes, an autofocus camera that sees the laser's reflection, and
 * an imaging camera that sees fluorescent beads. Its state (positions, motions, time, day, damage)
 * lies in a folder, or in memory where there is none. Processes, and several handles of
 * one process, that open the same folder share one microscope; each call locks it for
 * microseconds. A handle serves one thread.
 *
 * All functions return 0, or -1 with AF_ESYS (files, memory), AF_EDEVICE (the lock is held
 * for longer than 5 s; the state cannot be read) or AF_EUSAGE (arguments).
 */
struct af_simscope; // opaque

enum af_simaxis { AF_SIM_X, AF_SIM_Y, AF_SIM_Z, AF_SIM_NAXES };

/*
 * Open the microscope of folder `dir`, which is made if it is not there; those above it are not.
 *
 * dir:     NULL: one in memory, of this handle alone. "": $XDG_STATE_HOME/aftools/sim
 *          (~/.local/state/aftools/sim), so that camera and stage of a plain `sim:` are one
 * options: "key=value&key=value", NULL or "" for none; aftools-sim(5) lists the keys. What is
 *          given is kept in the folder and holds for all who have it open; what is not
 *          given stays as the folder has it. A day that is not the folder's begins anew at 0 s.
 *
 * AF_EUSAGE: an unknown key, a value out of range, a new folder with the = or & of keys in its
 * name.
 */
int af_simscope_open(struct af_simscope **s, const char *dir, const char *options,
                     struct af_err *err);
/* What follows `sim:` in a URI: "[DIR][?key=value&...]". */
int af_simscope_open_uri(struct af_simscope **s, const char *rest, struct af_err *err);

/* The folder that such a URI means, the same name for all who mean it once it is there; to be
 * freed. */
char *af_simscope_folder(const char *rest, struct af_err *err);
void af_simscope_close(struct af_simscope *s); // accepts NULL; the folder stays

/* ---- the stage; lengths in um, z positive deeper into the sample ---- */

struct af_simaxis_facts {
    double lo_um, hi_um;            // limits: inside the hard stops
    double stop_lo_um, stop_hi_um;  // hard stops: touching one damages the stage
    double home_um;                 // where the home switch is
    double speed_um_s, accel_um_s2; // in use
    double step_um;                 // resolution of the readback
};
/* -1 with AF_ESYS (the state cannot be read or written), as all that follow. */
int af_simscope_axis(struct af_simscope *s, enum af_simaxis a, struct af_simaxis_facts *f,
                     struct af_err *err);

/*
 * Start a motion to target_um, which the controller does not judge: beyond a hard stop it runs
 * into it. A motion under way is braked first. speed_um_s, accel_um_s2: 0 for the axis's own.
 * AF_EUSAGE: not a number, or beyond 1 km.
 */
int af_simscope_move(struct af_simscope *s, enum af_simaxis a, double target_um, double speed_um_s,
                     double accel_um_s2, struct af_err *err);
int af_simscope_halt(struct af_simscope *s, enum af_simaxis a, struct af_err *err); // brakes
int af_simscope_home(struct af_simscope *s, enum af_simaxis a, struct af_err *err); // to home_um

/* Readback now, with its noise and resolution; moving until the commanded motion has ended. */
int af_simscope_position(struct af_simscope *s, enum af_simaxis a, double *um, bool *moving,
                         struct af_err *err);

/*
 * Wait: sleeps where the clock is real, advances the time where it is virtual. With a
 * virtual clock each readback takes 1 ms, each frame its exposure, nothing else anything.
 */
int af_simscope_clock(struct af_simscope *s, bool *is_virtual, struct af_err *err);
int af_simscope_pause(struct af_simscope *s, double ms, struct af_err *err);

/* ---- the cameras ---- */

struct af_sim_exposure {
    double exposure_ms; // > 0
    double gain;        // > 0; 1: a full well is full scale
    size_t x, y, w, h;  // px, region; w or h 0: all of the sensor
    unsigned bits;      // 8, 10, 12, 16; 0: as configured
};

/* What the microscope knows of a frame it took. */
struct af_sim_shot {
    uint64_t number;         // of the frame, counted over all processes
    double time_s;           // since the day began, middle of the exposure
    double x_um, y_um, z_um; // true position then
    double defocus_um;       // true: z_um less the z of focus
    bool moved;              // an axis was moving during the exposure
};

/* Sensor of the autofocus camera, and of the imaging one. */
struct af_sim_sensor {
    size_t w, h;      // px
    unsigned bits;    // as configured
    double pixel_um;  // on the chip
    double sample_um; // px size in the sample
};
int af_simscope_sensor(struct af_simscope *s, bool imaging, struct af_sim_sensor *sensor,
                       struct af_err *err);

/*
 * Take a frame of the laser spot, or of the beads. Returns when the exposure has ended.
 * img: resized; U8 or U16. shot: may be NULL.
 */
int af_simscope_frame(struct af_simscope *s, const struct af_sim_exposure *e, struct af_image *img,
                      struct af_sim_shot *shot, struct af_err *err);
int af_simscope_beads(struct af_simscope *s, const struct af_sim_exposure *e, struct af_image *img,
                      struct af_sim_shot *shot, struct af_err *err);

/* ---- the truth, for tests and for whom a microscope cannot be asked ---- */

struct af_sim_truth {
    double um[AF_SIM_NAXES]; // true positions
    bool moving[AF_SIM_NAXES];
    double focus_um; // z of zero defocus here and now
    double laser_um; // z where the autofocus light comes to its focus: it walks against focus_um
    double time_s;   // since the day began
    int64_t day;
    uint64_t frames;   // taken
    uint64_t motions;  // started
    uint64_t touched;  // hard stops run into; 0 as long as the stage is whole
    double touched_um; // where last
};
int af_simscope_truth(struct af_simscope *s, struct af_sim_truth *t, struct af_err *err);

/* Go on to a day, at its beginning; alignment has walked since. */
int af_simscope_set_day(struct af_simscope *s, int64_t day, struct af_err *err);

#endif
