/* SPDX-License-Identifier: BSD-2-Clause */
/* Plate definitions of every kind: what is read can be chosen from, ordered and found again by
 * name. */
#include "plate/plate.h"
#include "plate/poslist.h"
#include "plate/sites.h"
#include "plate/wellname.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const struct af_plate *p, const char *text)
{
    bool *chosen = calloc(p->n, sizeof *chosen);
    size_t *indices = calloc(p->n, sizeof *indices), count;
    struct af_err err;

    if (!chosen || !indices || !p->n)
        abort();
    for (size_t i = 0; i < p->n; i++)
        if (!isfinite(p->well[i].x_um) || (i < 50 && af_plate_find(p, p->well[i].name) > i))
            abort();
    af_wells_choose(p, text, chosen, &err);
    memset(chosen, 1, p->n * sizeof *chosen);
    for (int order = 0; order <= AF_ORDER_LISTED; order++)
        if (af_wells_order(p, chosen, (enum af_order)order, indices, &count, &err) == 0 &&
            count != p->n)
            abort();
    free(chosen);
    free(indices);
}

/* A list for Micro-Manager is read as the wells that were written. */
static void write_and_read(const struct af_plate *p)
{
    struct af_site *sites = calloc(p->n, sizeof *sites);
    struct af_plate again;
    struct af_err err;
    char *text = NULL;
    size_t n = 0;
    FILE *fp = open_memstream(&text, &n);

    if (!sites || !fp)
        abort();
    for (size_t i = 0; i < p->n; i++)
        sites[i] = (struct af_site){&p->well[i], 0, 1, p->well[i].x_um, p->well[i].y_um, NAN, NAN};
    if (af_poslist_write(sites, p->n, "XY", "Z", fp, &err)) {
        fclose(fp);
    } else {
        if (fclose(fp) || !(fp = fmemopen(text, n, "r")) ||
            af_plate_read(&again, fp, "again", NULL, &err) || again.n != p->n)
            abort();
        fclose(fp);
        af_plate_release(&again);
    }
    free(text);
    free(sites);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    FILE *fp = n ? fmemopen((void *)data, n, "r") : NULL;
    struct af_err err = {AF_OK, ""};
    struct af_plate p;
    char text[64] = {0};

    if (!fp)
        return 0;
    memcpy(text, data, n < sizeof text ? n : sizeof text - 1);
    if (af_plate_read(&p, fp, "fuzz", n % 2 ? "96" : NULL, &err) == 0) {
        if (p.n <= 2000) {
            use(&p, text);
            write_and_read(&p);
        }
        af_plate_release(&p);
    } else if (err.kind == AF_OK) {
        abort();
    }
    fclose(fp);
    return 0;
}
