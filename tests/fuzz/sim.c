/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters of the simulated microscope: the input as options, and as the text of a folder. What
 * is taken is written and read again, and must be the same.
 */
#include "optics/params.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_kept(const struct af_sim_params *p)
{
    static char text[1 << 16];
    struct af_sim_params q;
    FILE *fp = fmemopen(text, sizeof text, "w+");

    if (!fp || af_sim_params_write(p, fp, NULL))
        abort();
    rewind(fp);
    if (af_sim_params_read(&q, fp, "fuzz", NULL) || memcmp(p, &q, sizeof q) != 0)
        abort();
    fclose(fp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct af_sim_params p;
    struct af_err err = {AF_OK, ""};
    char *text = malloc(n + 1);
    FILE *fp;

    if (!text)
        return 0;
    memcpy(text, data, n);
    text[n] = 0;
    af_sim_params_preset(&p, AF_PRESET_PAPER);
    if (af_sim_params_set(&p, text, &err)) {
        if (err.kind != AF_EUSAGE)
            abort();
    } else {
        check_kept(&p);
    }
    if (n && (fp = fmemopen(text, n, "r"))) {
        if (!af_sim_params_read(&p, fp, "fuzz", &err))
            check_kept(&p);
        fclose(fp);
    }
    free(text);
    return 0;
}
