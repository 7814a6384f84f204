/* SPDX-License-Identifier: BSD-2-Clause */
/* The control side of a simulated GigE Vision camera: its registers, and answers to packets. */
#ifndef AF_DEVICE_GVCP_H
#define AF_DEVICE_GVCP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers of our own, by index; their address is AF_GV_OWN + 4 * index. The XML names them. */
enum af_gv_reg {
    AF_GV_WIDTH,
    AF_GV_HEIGHT,
    AF_GV_OFFSET_X,
    AF_GV_OFFSET_Y,
    AF_GV_SENSOR_WIDTH,
    AF_GV_SENSOR_HEIGHT,
    AF_GV_PIXEL_FORMAT,
    AF_GV_PAYLOAD,
    AF_GV_ACQUISITION_MODE,
    AF_GV_ACQUISITION, // 1: running
    AF_GV_TRIGGER_MODE,
    AF_GV_TRIGGER_SOURCE,
    AF_GV_TRIGGER_SOFTWARE, // written: a frame is asked for
    AF_GV_TRIGGER_SELECTOR,
    AF_GV_EXPOSURE_US, // float
    AF_GV_GAIN_DB,     // float
    AF_GV_RATE_HZ,     // float
    AF_GV_TL_LOCKED,
    AF_GV_NREGS
};
#define AF_GV_OWN 0x10000u
#define AF_GV_XML 0x100000u
enum { AF_GV_BOOT_SIZE = 0xe00, AF_GV_PACKET_MOST = 576, AF_GV_PORT = 3956 };

/* Pixel formats, as PFNC numbers them. */
#define AF_GV_MONO8 0x01080001u
#define AF_GV_MONO10 0x01100003u
#define AF_GV_MONO12 0x01100005u
#define AF_GV_MONO16 0x01100007u
#define AF_GV_MONO12PACKED 0x010c0006u

struct af_gvcp {
    uint8_t boot[AF_GV_BOOT_SIZE]; // bootstrap registers, big-endian
    uint32_t reg[AF_GV_NREGS];
    char xml[12288];
    size_t nxml;
    bool controlled;   // a client has the control channel
    uint64_t client;   // who: address and port, as the caller tells
    double heard_s;    // from it, last
    uint16_t last_id;  // of its last command, against repeated ones
    unsigned triggers; // asked for and not yet served; the caller counts down
    bool test_packet;  // one of packet size shall be sent; the caller clears it
    struct {
        bool wanted;
        uint16_t block;
        uint32_t first, last; // packets
    } resend;                 // the caller clears it
};

void af_gvcp_init(struct af_gvcp *g, const char *serial, uint32_t address, size_t w, size_t h);

/*
 * Answer a packet of n bytes that `client` has sent at now_s: bytes in out (AF_GV_PACKET_MOST), 0
 * for no answer. Any packet is survived; what is no GVCP is passed over.
 */
size_t af_gvcp_answer(struct af_gvcp *g, const uint8_t *in, size_t n, uint64_t client, double now_s,
                      uint8_t *out);

/* Bootstrap registers of the stream, as the client has set them. */
uint32_t af_gvcp_stream_address(const struct af_gvcp *g); // 0: none
uint16_t af_gvcp_stream_port(const struct af_gvcp *g);
size_t af_gvcp_packet_size(const struct af_gvcp *g); // IP and UDP headers included
uint32_t af_gvcp_packet_delay_ns(const struct af_gvcp *g);

/* Bits of a pixel, in the stream and significant; 0 for a format that we have not. */
unsigned af_gv_format_bits(uint32_t format, unsigned *significant);

float af_gv_float(const struct af_gvcp *g, enum af_gv_reg r);

/* GenICam description, into out; returns its length. */
size_t af_gv_xml(char *out, size_t size);

#endif
