/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/gvcp.h"

#include <stdio.h>
#include <string.h>

enum { // commands; an answer is one more
    DISCOVERY = 0x0002,
    RESEND = 0x0040,
    READ_REGISTER = 0x0080,
    WRITE_REGISTER = 0x0082,
    READ_MEMORY = 0x0084,
    WRITE_MEMORY = 0x0086,
};
enum { // statuses
    OK = 0,
    NOT_IMPLEMENTED = 0x8001,
    INVALID_PARAMETER = 0x8002,
    INVALID_ADDRESS = 0x8003,
    WRITE_PROTECT = 0x8004,
    ACCESS_DENIED = 0x8006,
};
enum { // bootstrap registers that mean something here
    ADDRESS = 0x24,
    DISCOVERY_SIZE = 0xf8,
    XML_URL = 0x200,
    NINTERFACES = 0x600,
    NSTREAMS = 0x904,
    CAPABILITY = 0x934,
    HEARTBEAT_MS = 0x938,
    TICKS_LOW = 0x940,
    CONTROL = 0xa00,
    STREAM_PORT = 0xd00,
    PACKET_SIZE = 0xd04,
    PACKET_DELAY = 0xd08,
    STREAM_ADDRESS = 0xd18,
};
#define FIRE_TEST 0x80000000u
enum { HEAD = 8, MEMORY_MOST = 536 };

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint32_t float_bits(float f)
{
    uint32_t v;

    memcpy(&v, &f, sizeof(v));
    return v;
}

float af_gv_float(const struct af_gvcp *g, enum af_gv_reg r)
{
    float f;

    memcpy(&f, &g->reg[r], sizeof(f));
    return f;
}

unsigned af_gv_format_bits(uint32_t format, unsigned *significant)
{
    static const struct {
        uint32_t format;
        unsigned bits, significant;
    } known[] = {{AF_GV_MONO8, 8, 8},
                 {AF_GV_MONO10, 16, 10},
                 {AF_GV_MONO12, 16, 12},
                 {AF_GV_MONO16, 16, 16},
                 {AF_GV_MONO12PACKED, 12, 12}};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (known[i].format == format) {
            *significant = known[i].significant;
            return known[i].bits;
        }
    return 0;
}

void af_gvcp_init(struct af_gvcp *g, const char *serial, uint32_t address, size_t w, size_t h)
{
    *g = (struct af_gvcp){.controlled = false};
    put32(g->boot, 0x00010002);     // version 1.2
    put32(g->boot + 4, 0x80000001); // big-endian, UTF-8
    put32(g->boot + 8, 0x0200);     // MAC: locally administered, then the address
    put32(g->boot + 12, address);
    put32(g->boot + 0x10, 4); // IP by link-local
    put32(g->boot + 0x14, 4);
    put32(g->boot + ADDRESS, address);
    put32(g->boot + 0x34, 0xff000000);
    snprintf((char *)g->boot + 0x48, 32, "aftools");
    snprintf((char *)g->boot + 0x68, 32, "SimScope");
    snprintf((char *)g->boot + 0x88, 32, "%s", AF_VERSION);
    snprintf((char *)g->boot + 0xd8, 16, "%s", serial);
    g->nxml = af_gv_xml(g->xml, sizeof(g->xml));
    snprintf((char *)g->boot + XML_URL, 64, "Local:simscope.xml;%x;%zx", AF_GV_XML, g->nxml);
    put32(g->boot + NINTERFACES, 1);
    put32(g->boot + NSTREAMS, 1);
    put32(g->boot + CAPABILITY, 1u << 30 | 1u << 2 | 1u << 1 | 1); // serial, resend, memory, many
    put32(g->boot + HEARTBEAT_MS, 3000);
    put32(g->boot + TICKS_LOW, 1000000000);
    put32(g->boot + PACKET_SIZE, 1400);
    g->reg[AF_GV_WIDTH] = g->reg[AF_GV_SENSOR_WIDTH] = (uint32_t)w;
    g->reg[AF_GV_HEIGHT] = g->reg[AF_GV_SENSOR_HEIGHT] = (uint32_t)h;
    g->reg[AF_GV_PIXEL_FORMAT] = AF_GV_MONO8;
    g->reg[AF_GV_EXPOSURE_US] = float_bits(5000);
    g->reg[AF_GV_RATE_HZ] = float_bits(25);
}

uint32_t af_gvcp_stream_address(const struct af_gvcp *g)
{
    return get32(g->boot + STREAM_ADDRESS);
}

uint16_t af_gvcp_stream_port(const struct af_gvcp *g)
{
    return get16(g->boot + STREAM_PORT + 2);
}

size_t af_gvcp_packet_size(const struct af_gvcp *g)
{
    return get16(g->boot + PACKET_SIZE + 2);
}

uint32_t af_gvcp_packet_delay_ns(const struct af_gvcp *g)
{
    return get32(g->boot + PACKET_DELAY);
}

/* ------------------------------------------------------------ registers */

/* The byte at an address, as memory is read; -1: there is none. */
static int byte_at(const struct af_gvcp *g, uint32_t address)
{
    size_t n = g->nxml, own = address - AF_GV_OWN;

    if (address < AF_GV_BOOT_SIZE)
        return g->boot[address];
    if (address >= AF_GV_OWN && own < 4 * AF_GV_NREGS)
        return (int)(g->reg[own / 4] >> (24 - 8 * (own % 4)) & 0xff);
    if (address >= AF_GV_XML && address - AF_GV_XML < (n + 3) / 4 * 4)
        return address - AF_GV_XML < n ? (uint8_t)g->xml[address - AF_GV_XML] : 0;
    return -1;
}

static bool in_range(uint32_t v, uint32_t from, uint32_t offset, uint32_t to)
{
    return v >= from && v <= to && offset <= to - v;
}

static void set_payload(struct af_gvcp *g)
{
    unsigned significant, bits = af_gv_format_bits(g->reg[AF_GV_PIXEL_FORMAT], &significant);
    uint64_t px = (uint64_t)g->reg[AF_GV_WIDTH] * g->reg[AF_GV_HEIGHT];

    g->reg[AF_GV_PAYLOAD] = (uint32_t)((px * bits + 7) / 8);
}

static unsigned write_own(struct af_gvcp *g, enum af_gv_reg r, uint32_t v)
{
    unsigned significant;
    float f;

    memcpy(&f, &v, sizeof(f));
    switch (r) {
    case AF_GV_WIDTH:
    case AF_GV_HEIGHT:
        if (!in_range(v, 1, 0, g->reg[r - AF_GV_WIDTH + AF_GV_SENSOR_WIDTH]))
            return INVALID_PARAMETER;
        break;
    case AF_GV_OFFSET_X:
    case AF_GV_OFFSET_Y:
        if (v >= g->reg[r - AF_GV_OFFSET_X + AF_GV_SENSOR_WIDTH])
            return INVALID_PARAMETER;
        break;
    case AF_GV_PIXEL_FORMAT:
        if (!af_gv_format_bits(v, &significant))
            return INVALID_PARAMETER;
        break;
    case AF_GV_EXPOSURE_US:
        if (!(f >= 10 && f <= 1e7f))
            return INVALID_PARAMETER;
        break;
    case AF_GV_GAIN_DB:
        if (!(f >= 0 && f <= 48))
            return INVALID_PARAMETER;
        break;
    case AF_GV_RATE_HZ:
        if (!(f >= 0.1f && f <= 1000))
            return INVALID_PARAMETER;
        break;
    case AF_GV_TRIGGER_SOFTWARE:
        g->triggers += v == 1 && g->reg[AF_GV_ACQUISITION] && g->reg[AF_GV_TRIGGER_MODE];
        return OK;
    case AF_GV_ACQUISITION: g->triggers = 0; break;
    case AF_GV_SENSOR_WIDTH:
    case AF_GV_SENSOR_HEIGHT:
    case AF_GV_PAYLOAD: return WRITE_PROTECT;
    default: break;
    }
    g->reg[r] = v;
    set_payload(g);
    return OK;
}

static unsigned write_register(struct af_gvcp *g, uint32_t address, uint32_t v, uint64_t client)
{
    if (address % 4)
        return INVALID_ADDRESS;
    if (address >= AF_GV_OWN && address - AF_GV_OWN < 4 * AF_GV_NREGS)
        return write_own(g, (enum af_gv_reg)((address - AF_GV_OWN) / 4), v);
    switch (address) {
    case CONTROL:
        g->controlled = v & 3;
        g->client = client;
        if (!g->controlled)
            g->reg[AF_GV_ACQUISITION] = 0;
        break;
    case PACKET_SIZE:
        g->test_packet = v & FIRE_TEST;
        v &= ~FIRE_TEST;
        break;
    case HEARTBEAT_MS:
    case STREAM_PORT:
    case PACKET_DELAY:
    case STREAM_ADDRESS: break;
    default: return address < AF_GV_BOOT_SIZE ? WRITE_PROTECT : INVALID_ADDRESS;
    }
    put32(g->boot + address, v);
    return OK;
}

/* ------------------------------------------------------------- commands */

static unsigned read_registers(const struct af_gvcp *g, const uint8_t *data, size_t n, uint8_t *out,
                               size_t *nout)
{
    for (size_t at = 0; at + 4 <= n; at += 4) {
        uint32_t address = get32(data + at);

        if (address % 4 || byte_at(g, address) < 0)
            return INVALID_ADDRESS;
        for (uint32_t i = 0; i < 4; i++)
            out[at + i] = (uint8_t)byte_at(g, address + i);
        *nout = at + 4;
    }
    return OK;
}

static unsigned write_registers(struct af_gvcp *g, const uint8_t *data, size_t n, uint64_t client,
                                uint8_t *out, size_t *nout)
{
    unsigned status = OK, done = 0;

    for (size_t at = 0; at + 8 <= n && status == OK; at += 8) {
        status = write_register(g, get32(data + at), get32(data + at + 4), client);
        done += status == OK;
    }
    put32(out, done);
    *nout = 4;
    return status;
}

static unsigned read_memory(const struct af_gvcp *g, const uint8_t *data, size_t n, uint8_t *out,
                            size_t *nout)
{
    uint32_t address, count;

    if (n < 8)
        return INVALID_PARAMETER;
    address = get32(data);
    count = get16(data + 6);
    if (count > MEMORY_MOST)
        return INVALID_PARAMETER;
    put32(out, address);
    for (uint32_t i = 0; i < count; i++) {
        int byte = byte_at(g, address + i);

        if (byte < 0)
            return INVALID_ADDRESS;
        out[4 + i] = (uint8_t)byte;
    }
    *nout = 4 + count;
    return OK;
}

static unsigned write_memory(struct af_gvcp *g, const uint8_t *data, size_t n, uint64_t client,
                             uint8_t *out, size_t *nout)
{
    unsigned status = OK;
    uint32_t address = n >= 4 ? get32(data) : 0;

    if (n < 4 || n % 4)
        return INVALID_PARAMETER;
    for (size_t at = 4; at + 4 <= n && status == OK; at += 4)
        status = write_register(g, address + (uint32_t)at - 4, get32(data + at), client);
    put32(out, status == OK ? (uint32_t)n - 4 : 0);
    *nout = 4;
    return status;
}

/* May this client write? Whoever was not heard of for the time of the heartbeat has lost control.
 */
static bool may_write(struct af_gvcp *g, uint64_t client, double now_s)
{
    if (g->controlled && g->client != client &&
        now_s - g->heard_s > get32(g->boot + HEARTBEAT_MS) / 1e3) {
        g->controlled = false;
        put32(g->boot + CONTROL, 0);
        g->reg[AF_GV_ACQUISITION] = 0;
    }
    return !g->controlled || g->client == client;
}

static void note_resend(struct af_gvcp *g, const uint8_t *data, size_t n)
{
    if (n < 12)
        return;
    g->resend.wanted = true;
    g->resend.block = get16(data + 2);
    g->resend.first = get32(data + 4) & 0xffffff;
    g->resend.last = get32(data + 8) & 0xffffff;
}

size_t af_gvcp_answer(struct af_gvcp *g, const uint8_t *in, size_t n, uint64_t client, double now_s,
                      uint8_t *out)
{
    unsigned command, status = OK, id;
    size_t nout = 0, length;
    const uint8_t *data = in + HEAD;
    uint8_t *reply = out + HEAD;
    bool writer, again;

    if (n < HEAD || in[0] != 0x42 || n > AF_GV_PACKET_MOST)
        return 0;
    command = get16(in + 2);
    length = get16(in + 4);
    id = get16(in + 6);
    if (length > n - HEAD)
        return 0;
    writer = may_write(g, client, now_s);
    again = g->controlled && g->client == client && g->last_id == id;
    if (g->controlled && g->client == client) {
        g->heard_s = now_s;
        g->last_id = (uint16_t)id;
    }
    switch (command) {
    case DISCOVERY: memcpy(reply, g->boot, nout = DISCOVERY_SIZE); break;
    case RESEND: note_resend(g, data, length); return 0;
    case READ_REGISTER: status = read_registers(g, data, length, reply, &nout); break;
    case READ_MEMORY: status = read_memory(g, data, length, reply, &nout); break;
    case WRITE_REGISTER:
    case WRITE_MEMORY:
        if (!writer)
            status = ACCESS_DENIED;
        else if (again) // its answer was lost or late: done already
            put32(reply, (uint32_t)(command == WRITE_MEMORY ? length - 4 : length / 8)), nout = 4;
        else
            status = (command == WRITE_REGISTER ? write_registers : write_memory)(
                g, data, length, client, reply, &nout);
        if (writer && !again && g->controlled)
            g->heard_s = now_s, g->last_id = (uint16_t)id;
        break;
    default: status = NOT_IMPLEMENTED; break;
    }
    if (status != OK)
        nout = 0;
    put16(out, status);
    put16(out + 2, command + 1);
    put16(out + 4, (unsigned)nout);
    put16(out + 6, id);
    return HEAD + nout;
}
