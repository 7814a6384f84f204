/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "optics/params.h"
#include <stdlib.h>
#include <string.h>

static struct af_err err;

static void written_parameters_are_read_the_same(void **state)
{
    (void)state;
    for (int preset = 0; preset < 3; preset++) {
        struct af_sim_params p, q;
        FILE *fp = tmpfile();
        assert_non_null(fp);
        af_sim_params_preset(&p, preset);
        assert_int_equal(
            af_sim_params_set(&p, "seed=77&drift=20nm/min&size=320x200&clock=virtual", &err), 0);
        assert_int_equal(af_sim_params_write(&p, fp, &err), 0);
        rewind(fp);
        assert_int_equal(af_sim_params_read(&q, fp, "kept", &err), 0);
        assert_memory_equal(&p, &q, sizeof p);
        fclose(fp);
    }
}

static void values_carry_their_units(void **state)
{
    struct af_sim_params p;

    (void)state;
    af_sim_params_preset(&p, AF_PRESET_PAPER);
    assert_int_equal(af_sim_params_set(&p,
                                       "drift=20nm/min&coverslip=0.17mm&settle=1s&speed=2mm/s"
                                       "&size=320x200&bits=8",
                                       &err),
                     0);
    assert_float_equal(p.drift_um_s, 0.02 / 60, 1e-15);
    assert_float_equal(p.coverslip_um, 170, 1e-12);
    assert_float_equal(p.settle_ms, 1000, 1e-12);
    assert_float_equal(p.speed_um_s, 2000, 1e-9);
    assert_true(p.width == 320 && p.height == 200 && p.bits == 8);
}

static void preset_comes_before_the_keys_that_stand_with_it(void **state)
{
    struct af_sim_params p, rough;

    (void)state;
    af_sim_params_preset(&p, AF_PRESET_PAPER);
    af_sim_params_preset(&rough, AF_PRESET_ROUGH);
    assert_int_equal(af_sim_params_set(&p, "dust=0.5&preset=rough", &err), 0);
    assert_true(p.dust == 0.5 && p.spherical == rough.spherical);
    /* The preset that holds already changes nothing. */
    assert_int_equal(af_sim_params_set(&p, "preset=rough", &err), 0);
    assert_true(p.dust == 0.5);
}

static void refused_options_change_nothing(void **state)
{
    static const char *const bad[] = {"dust=2",      "dust=1&dust=1",  "nonsense=1", "dust",
                                      "=1",          "preset=x",       "bits=11",    "lo=400",
                                      "na=1.6",      "seed=1.5",       "drift=1/x",  "size=10x",
                                      "dust=0.1&&x", "clock=imaginary"};
    struct af_sim_params p, q;

    (void)state;
    af_sim_params_preset(&p, AF_PRESET_PAPER);
    q = p;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(af_sim_params_set(&p, bad[i], &err), -1);
        assert_int_equal(err.kind, AF_EUSAGE);
        assert_memory_equal(&p, &q, sizeof p);
    }
}

static void damaged_files_are_data_errors_with_their_line(void **state)
{
    static const char *const text[] = {"# begin\nseed\n", "seed = x\n", "nonsense = 1\n",
                                       "preset = paper\nlo = 400\n"};
    struct af_sim_params p;

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        FILE *fp = tmpfile();
        assert_non_null(fp);
        fputs(text[i], fp);
        rewind(fp);
        assert_int_equal(af_sim_params_read(&p, fp, "kept", &err), -1);
        assert_int_equal(err.kind, AF_EDATA);
        assert_non_null(strstr(err.text, "kept"));
        fclose(fp);
    }
}

/* Each key is an item of the manual, with its default in `paper`. */
static void manual_names_every_parameter(void **state)
{
    char path[4096], line[1000], key[64], item[100];
    static char page[200000];
    struct af_sim_params p;
    FILE *fp, *man;

    (void)state;
    snprintf(path, sizeof path, "%s/man/aftools-sim.5", getenv("SRC"));
    assert_non_null(man = fopen(path, "r"));
    assert_true(fread(page, 1, sizeof page - 1, man) > 1000);
    fclose(man);
    assert_non_null(fp = tmpfile());
    af_sim_params_preset(&p, AF_PRESET_PAPER);
    assert_int_equal(af_sim_params_write(&p, fp, &err), 0);
    rewind(fp);
    while (fgets(line, sizeof line, fp)) {
        if (*line == '#')
            continue;
        assert_int_equal(sscanf(line, "%63s", key), 1);
        snprintf(item, sizeof item, ".It %s ", key);
        if (!strstr(page, item))
            fail_msg("man/aftools-sim.5 has no '%s'", item);
    }
    fclose(fp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_parameters_are_read_the_same),
        cmocka_unit_test(values_carry_their_units),
        cmocka_unit_test(preset_comes_before_the_keys_that_stand_with_it),
        cmocka_unit_test(refused_options_change_nothing),
        cmocka_unit_test(damaged_files_are_data_errors_with_their_line),
        cmocka_unit_test(manual_names_every_parameter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
