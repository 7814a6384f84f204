/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device/gvcp.h"
#include <string.h>

/* Packets as GigE Vision has them, written out: key, flags, command, length, id, then words. */
enum { READ = 0x80, WRITE = 0x82, READ_MEMORY = 0x84 };
enum { CONTROL = 0xa00, WIDTH = 0x10000, TRIGGER = 0x10030 };

static struct af_gvcp camera;
static uint8_t reply[AF_GV_PACKET_MOST];

static uint32_t word(size_t at)
{
    return (uint32_t)reply[at] << 24 | (uint32_t)reply[at + 1] << 16 |
           (uint32_t)reply[at + 2] << 8 | reply[at + 3];
}

/* Send a command of nwords words; returns the status of its answer. */
static unsigned tell(uint64_t client, double now_s, unsigned id, unsigned command, size_t nwords,
                     ...)
{
    uint8_t packet[64] = {
        0x42, 1, 0, (uint8_t)command, 0, (uint8_t)(4 * nwords), (uint8_t)(id >> 8), (uint8_t)id};
    va_list ap;

    va_start(ap, nwords);
    for (size_t i = 0; i < nwords; i++) {
        uint32_t v = va_arg(ap, uint32_t);

        for (int k = 0; k < 4; k++)
            packet[8 + 4 * i + (size_t)k] = (uint8_t)(v >> (24 - 8 * k));
    }
    va_end(ap);
    assert_true(af_gvcp_answer(&camera, packet, 8 + 4 * nwords, client, now_s, reply) >= 8);
    assert_int_equal(reply[3], command + 1);
    assert_int_equal(reply[6] << 8 | reply[7], id);
    return (unsigned)(reply[0] << 8 | reply[1]);
}

static int plug(void **state)
{
    (void)state;
    af_gvcp_init(&camera, "S1", 0x7f000001, 640, 480);
    return 0;
}

static void anybody_may_ask_what_it_is(void **state)
{
    uint8_t ask[8] = {0x42, 1, 0, 2, 0, 0, 0, 9};

    (void)state;
    assert_int_equal(af_gvcp_answer(&camera, ask, sizeof(ask), 5, 0, reply), 8 + 0xf8);
    assert_int_equal(reply[3], 3);
    assert_string_equal((char *)reply + 8 + 0x68, "SimScope");
    assert_string_equal((char *)reply + 8 + 0xd8, "S1");
    assert_int_equal(word(8 + 0x24), 0x7f000001);
}

static void one_client_controls_until_it_is_silent_for_the_heartbeat(void **state)
{
    (void)state;
    assert_int_equal(tell(1, 0, 1, WRITE, 2, CONTROL, 2u), 0);
    assert_int_equal(tell(2, 1, 1, WRITE, 2, CONTROL, 2u), 0x8006);
    assert_int_equal(tell(2, 1, 2, WRITE, 2, WIDTH, 64u), 0x8006);
    assert_int_equal(tell(1, 2, 2, READ, 1, CONTROL), 0); // it is there
    assert_int_equal(tell(2, 4.9, 3, WRITE, 2, CONTROL, 2u), 0x8006);
    assert_int_equal(tell(2, 5.1, 4, WRITE, 2, CONTROL, 2u), 0);
    assert_int_equal(tell(1, 5.2, 3, WRITE, 2, WIDTH, 64u), 0x8006);
}

static void a_command_whose_answer_was_lost_is_not_done_twice(void **state)
{
    (void)state;
    tell(1, 0, 1, WRITE, 2, CONTROL, 2u);
    tell(1, 0, 2, WRITE, 2, 0x10024u, 1u); // runs
    tell(1, 0, 3, WRITE, 2, 0x10028u, 1u); // by triggers
    assert_int_equal(tell(1, 0, 4, WRITE, 2, TRIGGER, 1u), 0);
    assert_int_equal(tell(1, 0, 4, WRITE, 2, TRIGGER, 1u), 0);
    assert_int_equal(camera.triggers, 1);
    assert_int_equal(tell(1, 0, 5, WRITE, 2, TRIGGER, 1u), 0);
    assert_int_equal(camera.triggers, 2);
}

static void what_it_has_not_is_refused(void **state)
{
    (void)state;
    assert_int_equal(tell(1, 0, 1, WRITE, 2, WIDTH, 641u), 0x8002);
    assert_int_equal(tell(1, 0, 2, WRITE, 2, 0x10018u, 0x01080009u), 0x8002); // a colour
    assert_int_equal(tell(1, 0, 3, WRITE, 2, 0x48u, 0u), 0x8004);             // its maker
    assert_int_equal(tell(1, 0, 4, READ, 1, 0x77770000u), 0x8003);
    assert_int_equal(tell(1, 0, 5, READ_MEMORY, 2, 0u, 537u), 0x8002);
    assert_int_equal(tell(1, 0, 6, 0x99, 0), 0x8001);
    assert_int_equal(tell(1, 0, 7, READ, 1, WIDTH), 0);
    assert_int_equal(word(8), 640);
}

static void the_payload_follows_size_and_format(void **state)
{
    static const struct {
        uint32_t format, bytes;
    } known[] = {{AF_GV_MONO8, 33 * 7},
                 {AF_GV_MONO16, 33 * 7 * 2},
                 {AF_GV_MONO12PACKED, (33 * 7 * 12 + 7) / 8}};

    (void)state;
    tell(1, 0, 1, WRITE, 2, WIDTH, 33u);
    tell(1, 0, 2, WRITE, 2, WIDTH + 4, 7u);
    for (unsigned i = 0; i < 3; i++) {
        tell(1, 0, 3 + 2 * i, WRITE, 2, 0x10018u, known[i].format);
        tell(1, 0, 4 + 2 * i, READ, 1, 0x1001cu);
        assert_int_equal(word(8), known[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(anybody_may_ask_what_it_is, plug),
        cmocka_unit_test_setup(one_client_controls_until_it_is_silent_for_the_heartbeat, plug),
        cmocka_unit_test_setup(a_command_whose_answer_was_lost_is_not_done_twice, plug),
        cmocka_unit_test_setup(what_it_has_not_is_refused, plug),
        cmocka_unit_test_setup(the_payload_follows_size_and_format, plug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
