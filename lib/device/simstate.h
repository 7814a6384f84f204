/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of a simulated microscope, in a folder that processes share or in memory. */
#ifndef AF_DEVICE_SIMSTATE_H
#define AF_DEVICE_SIMSTATE_H
#include "base/err.h"
#include "device/simmotion.h"
#include "optics/params.h"
#include <stdbool.h>

/* Real numbers throughout, counts too, so that one table writes them; s since the day began. */
struct af_simstate {
    double generation; // of the parameters: another one, read them again
    double origin_s;   // real clock, when the day began
    double time_s;     // latest time anyone saw
    double day;
    double frames, motions, readbacks; // counted
    double touched, touched_um;        // hard stops run into, where last
    struct af_simstate_axis {
        struct af_simmotion motion;
        double at_um;   // where the motor was when last looked at
        double play_um; // load less motor, -backlash to 0
        double lag_um;  // what settles after the motion
    } axis[3];
};

/*
 * Where it lies. The folder holds `state`, text of fixed length that is also the lock, and
 * `microscope`, the parameters. All-zero is the empty store.
 */
struct af_simstore {
    char *dir;                // NULL: in memory
    int fd;                   // of DIR/state
    double generation;        // of params
    struct af_simstate state; // as last loaded
    struct af_sim_params params;
};

/*
 * Open the folder, made where it is not there, or memory (dir NULL), and apply options.
 * fresh() fills a new microscope's state; it is also called, with the old state in place,
 * for a day that begins and for another clock.
 * -1 with AF_ESYS, AF_EDEVICE, AF_EUSAGE; the store is empty then.
 */
int af_simstore_open(struct af_simstore *st, const char *dir, const char *options,
                     void (*fresh)(struct af_simstate *s, const struct af_sim_params *p),
                     struct af_err *err);
int af_simstore_set(struct af_simstore *st, const char *options,
                    void (*fresh)(struct af_simstate *s, const struct af_sim_params *p),
                    struct af_err *err); // options for an open one
void af_simstore_close(struct af_simstore *st);

/*
 * Lock and load state and parameters; then store, or not, and unlock. Between the two nobody
 * else moves the microscope. -1 with AF_EDEVICE: locked for 5 s, or no state; AF_ESYS.
 */
int af_simstore_lock(struct af_simstore *st, struct af_err *err);
int af_simstore_unlock(struct af_simstore *st, bool store, struct af_err *err);

#endif
