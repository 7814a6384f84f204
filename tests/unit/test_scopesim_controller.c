/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated controllers against what real ones say, byte for byte: tests/expect/stages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "stagerig.h"

struct replay {
    struct rig rig;
    const char *file;
    int line;
    char sent[4096]; // by the device, not yet compared
    size_t nsent;
};

/* "a\r\x05\s" to bytes; returns how many. */
static size_t unescape(const char *s, char *out)
{
    size_t n = 0;
    unsigned byte;

    for (; *s; s++) {
        if (*s != '\\' || !strchr("rnsx", s[1]) || !s[1]) {
            out[n++] = *s;
            continue;
        }
        s++;
        if (*s == 'x' && sscanf(s + 1, "%2x", &byte) == 1) {
            out[n++] = (char)byte;
            s += 2;
        } else {
            out[n++] = *s == 'r' ? '\r' : *s == 'n' ? '\n' : ' ';
        }
    }
    out[n] = '\0';
    return n;
}

static void pass(struct replay *r, double ms)
{
    for (double done = 0; done < ms; done += 1) {
        assert_int_equal(af_simscope_pause(r->rig.scope, fmin(1, ms - done), NULL), 0);
        r->nsent += af_controller_give(r->rig.controller, r->sent + r->nsent,
                                       sizeof(r->sent) - r->nsent, NULL);
    }
}

static void wait_for_rest(struct replay *r)
{
    struct af_sim_truth t;

    do {
        pass(r, 1);
        t = rig_truth(&r->rig);
    } while (t.moving[0] || t.moving[1] || t.moving[2]);
    pass(r, 300); // what is left of the motion dies away
}

static void direct(struct replay *r, const char *text)
{
    char word[16], name;
    double um;

    if (sscanf(text, "step %lf", &um) == 1) {
        pass(r, um);
    } else if (strcmp(text, "wait") == 0) {
        wait_for_rest(r);
    } else if (sscanf(text, "until %c %lf", &name, &um) == 2) {
        for (int i = 0; rig_truth(&r->rig).um[name - 'x'] < um - 2e-4; i++) {
            assert_true(i < 1000000);
            assert_int_equal(af_simscope_pause(r->rig.scope, 1e-3, NULL), 0);
        }
    } else if (sscanf(text, "call %c %lf", &name, &um) == 2) {
        af_controller_call(r->rig.controller, name - 'x', um);
    } else if (sscanf(text, "%c %lf", &name, &um) == 2) {
        assert_int_equal(
            af_simscope_move(r->rig.scope, (enum af_simaxis)(name - 'x'), um, 0, 0, NULL), 0);
        wait_for_rest(r);
    } else {
        fail_msg("%s:%d: what is '%.15s'?", r->file, r->line, strcpy(word, "directive"));
    }
}

/* What the device has said by now, or 100 ms later, begins with these bytes. */
static void expect(struct replay *r, const char *text)
{
    char want[512], got[1024] = "";
    size_t n = unescape(text, want);

    for (int i = 0; i < 100 && r->nsent < n; i++)
        pass(r, 1);
    if (r->nsent >= n && memcmp(r->sent, want, n) == 0) {
        memmove(r->sent, r->sent + n, r->nsent - n);
        r->nsent -= n;
        return;
    }
    for (size_t i = 0, k = 0; i < r->nsent && k < sizeof(got) - 5; i++)
        k += (size_t)snprintf(got + k, 5, r->sent[i] < ' ' ? "\\x%02x" : "%c",
                              (unsigned char)r->sent[i]);
    fail_msg("%s:%d: expected '%s', got '%s'", r->file, r->line, text, got);
}

static void say(struct replay *r, const char *text)
{
    char bytes[512];
    size_t n = unescape(text, bytes);

    if (r->nsent)
        fail_msg("%s:%d: the device said more than expected: '%.*s'", r->file, r->line,
                 (int)r->nsent, r->sent);
    af_controller_take(r->rig.controller, bytes, n);
}

static void replay(const char *protocol)
{
    static char path[512], text[600];
    struct af_controller_opts opts = {.soft_limits = false};
    struct replay r = {.file = path};
    FILE *fp;

    // TANGO, ASI and Prior are sent beyond the plate; the others refuse what is far outside
    opts.soft_limits =
        !strcmp(protocol, "pi") || !strcmp(protocol, "zaber") || !strcmp(protocol, "gcode");
    snprintf(path, sizeof(path), "%s/tests/expect/stages/%s.txt",
             getenv("SRC") ? getenv("SRC") : ".", protocol);
    if (!(fp = fopen(path, "r")))
        fail_msg("%s: cannot be read", path);
    rig_begin(&r.rig, protocol, &opts,
              "clock=virtual&preset=ideal&step=0.1nm&settle=1ms&speed=500um/s&acceleration=5");
    while (fgets(text, sizeof(text), fp)) {
        r.line++;
        text[strcspn(text, "\n")] = '\0';
        if (*text == '>')
            say(&r, text + 2);
        else if (*text == '<')
            expect(&r, text + 2);
        else if (*text == '=')
            direct(&r, text + 2);
    }
    fclose(fp);
    assert_true(r.line > 10);
    rig_end(&r.rig);
}

#define REPLAY(name)                                                                               \
    static void name##_says_what_is_on_record(void **state)                                        \
    {                                                                                              \
        (void)state;                                                                               \
        replay(#name);                                                                             \
    }
REPLAY(tango)
REPLAY(asi)
REPLAY(prior)
REPLAY(pi)
REPLAY(zaber)
REPLAY(gcode)
REPLAY(marlin)

/* Sent alone, so that nothing cuts the reply but the device. */
static void numbers_of_three_hundred_digits_stay_within_a_reply(void **state)
{
    static const struct {
        const char *protocol, *text;
    } sent[] = {
        {"tango", "!pos 1e300 1e300 1e300\r?pos\r?pos z\r"},
        {"asi", "H X=1e300\rH Y=1e300\rH Z=1e300\rW X Y Z\r"},
        {"pi", "SVO 1 1\nMOV 1 1e290\nMOV? 1\nMOV? 1 1 1 1\nMOV?\n"},
        {"prior", "PZ,1e300\rP\rPZ\r"},
        {"marlin", "G0 X1e290 Y1e290 Z1e290\nM114\n"},
        {"gcode", "G0 X1e290 Y1e290 Z1e290\n?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++) {
        const struct af_controller_opts opts = {.soft_limits = false};
        static char said[4096];
        struct rig r;

        rig_begin(&r, sent[i].protocol, &opts, "clock=virtual&preset=ideal");
        af_controller_take(r.controller, sent[i].text, strlen(sent[i].text));
        assert_int_equal(af_simscope_pause(r.scope, 2000, NULL), 0);
        assert_true(af_controller_give(r.controller, said, sizeof(said), NULL) > 10);
        rig_end(&r);
    }
}

/* What the device says to `text` within some ms, as one string. */
static const char *ask(struct rig *r, const struct af_simfaults *f, const char *text, double ms)
{
    static char said[256];
    size_t n = 0;

    af_controller_set_faults(r->controller, f);
    af_controller_take(r->controller, text, strlen(text));
    for (double done = 0; done < ms; done++) {
        assert_int_equal(af_simscope_pause(r->scope, 1, NULL), 0);
        n += af_controller_give(r->controller, said + n, sizeof(said) - 1 - n, NULL);
    }
    said[n] = '\0';
    return said;
}

/* Or the tests that drivers stand them would stand nothing. */
static void faults_of_replies_are_what_they_are_called(void **state)
{
    static const char query[] = "SVO? 1\n";
    const struct af_controller_opts opts = {.soft_limits = false};
    const struct af_simfaults none = {0};
    const char *said;
    int wrong = 0;
    struct rig r;

    (void)state;
    rig_begin(&r, "pi", &opts, "clock=virtual&preset=ideal");
    assert_string_equal(ask(&r, &none, query, 20), "1=0\n");
    assert_string_equal(ask(&r, &(struct af_simfaults){.lost = 1}, query, 2000), "");
    assert_string_equal(ask(&r, &(struct af_simfaults){.repeated = 1}, query, 20), "1=0\n1=0\n");
    assert_string_equal(ask(&r, &(struct af_simfaults){.unasked = 1}, query, 20), "0\n1=0\n");
    assert_string_equal(ask(&r, &(struct af_simfaults){.late = 1}, query, 590), "");
    assert_string_equal(ask(&r, &none, "", 1100), "1=0\n");
    said = ask(&r, &(struct af_simfaults){.corrupted = 1}, query, 20);
    for (int i = 0; i < 4; i++)
        for (unsigned bits = (unsigned char)said[i] ^ (unsigned char)"1=0\n"[i]; bits; bits >>= 1)
            wrong += bits & 1;
    assert_int_equal(wrong, 1);
    assert_true(strlen(ask(&r, &(struct af_simfaults){.split = 1}, query, 15)) < 4);
    ask(&r, &none, "", 200);
    assert_string_not_equal(ask(&r, &(struct af_simfaults){.noise = 1}, query, 20), "1=0\n");
    assert_string_equal(
        ask(&r, &(struct af_simfaults){.unplugged = 2}, "\nSVO? 1\nSVO? 1\nSVO? 1\n", 50),
        "1=0\n1=0\n");
    assert_true(af_controller_is_unplugged(r.controller));
    rig_end(&r);
}

static double z_after(struct rig *r, const struct af_simfaults *f, const char *move)
{
    ask(r, f, move, 3000);
    return rig_truth(r).um[AF_SIM_Z];
}

static void faults_of_moves_are_what_they_are_called(void **state)
{
    const struct af_controller_opts opts = {.soft_limits = false};
    struct rig r;

    (void)state;
    rig_begin(&r, "pi", &opts, "clock=virtual&preset=ideal");
    assert_true(fabs(z_after(&r, &(struct af_simfaults){0}, "SVO 1 1\nMOV 1 0.1\n") - 100) < 0.01);
    assert_true(fabs(z_after(&r, &(struct af_simfaults){.stuck = 1}, "MOV 1 0\n") - 100) < 0.01);
    assert_true(fabs(z_after(&r, &(struct af_simfaults){.limit = 1}, "MOV 1 0\n") - 50) < 0.01);
    assert_int_equal(af_controller_switches(r.controller, AF_SIM_Z), 1);
    assert_true(fabs(z_after(&r, &(struct af_simfaults){.limit = 1}, "MOV 1 0.1\n") - 75) < 0.01);
    assert_int_equal(af_controller_switches(r.controller, AF_SIM_Z), 2);
    af_controller_set_faults(r.controller, &(struct af_simfaults){.stale = 1});
    af_controller_take(r.controller, "MOV 1 0\n", 8);
    assert_int_equal(af_simscope_pause(r.scope, 3000, NULL), 0);
    assert_true(fabs(rig_truth(&r).um[AF_SIM_Z]) < 0.01);
    assert_true(fabs(af_controller_position(r.controller, AF_SIM_Z) - 75) < 0.01);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_of_replies_are_what_they_are_called),
        cmocka_unit_test(faults_of_moves_are_what_they_are_called),
        cmocka_unit_test(numbers_of_three_hundred_digits_stay_within_a_reply),
        cmocka_unit_test(tango_says_what_is_on_record),
        cmocka_unit_test(asi_says_what_is_on_record),
        cmocka_unit_test(prior_says_what_is_on_record),
        cmocka_unit_test(pi_says_what_is_on_record),
        cmocka_unit_test(zaber_says_what_is_on_record),
        cmocka_unit_test(gcode_says_what_is_on_record),
        cmocka_unit_test(marlin_says_what_is_on_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
