/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of wells that have been focused: what is read predicts every well with an error above 0.
 */
#include "plate/heights.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const struct af_heights *h, const struct af_plate *p)
{
    struct af_surface_prior prior = {14380, 113380, 11240, 74240, 250, 9000};
    struct af_surface s;
    struct af_err err;

    if (h->n > p->n || af_surface_fit(&s, h->at, h->n, &prior, &err))
        abort();
    for (size_t i = 0; i < p->n; i++) {
        double z, e;

        if (h->focused[i] && !h->tried[i])
            abort();
        af_surface_at(&s, p->well[i].x_um, p->well[i].y_um, &z, &e);
        if (h->n ? !(isfinite(z) && e > 0 && isfinite(e)) : !isnan(z))
            abort();
    }
    af_surface_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    FILE *fp = n ? fmemopen((void *)data, n, "r") : NULL;
    struct af_err err = {AF_OK, ""};
    struct af_plate p = {0};
    struct af_heights h;

    if (!fp)
        return 0;
    if (af_plate_standard(&p, 96, &err))
        abort();
    if (af_heights_read(&h, &p, fp, "fuzz", &err) == 0)
        use(&h, &p);
    else if (err.kind == AF_OK)
        abort();
    af_heights_release(&h);
    af_plate_release(&p);
    fclose(fp);
    return 0;
}
