/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/gigesim.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/progress.h"
#include "base/random.h"
#include "device/gvcp.h"
#include "device/unpack12.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { KEPT = 4, UDP_HEADERS = 28, GVSP_HEAD = 8, LEAST_PACKET = 64 };
enum { LEADER = 1, TRAILER = 2, PAYLOAD = 3 };
#define UNAVAILABLE 0x800c

/* A frame as it was sent, kept for a while, so that packets can be sent again. */
struct sent {
    uint16_t block; // 0: none
    bool torn;
    uint64_t stamp_ns;
    uint32_t format, w, h, x, y;
    uint8_t *bytes;
    size_t n, room;
};

struct af_gigesim {
    struct af_gigesim_opts o;
    struct af_gvcp control;
    struct af_random random;
    int control_fd, stream_fd;
    struct sent sent[KEPT];
    size_t slot;    // of `sent`, the latest
    uint16_t block; // number of the latest frame
    uint64_t nframes;
    double next_s; // of a frame that nobody asks for
    struct af_image image;
};

/* --------------------------------------------------------------- faults */

static int set_fault(struct af_gigesim_faults *f, const char *word, const char *text,
                     struct af_err *err)
{
    double v;

    if (af_parse_real(text, &v, err))
        return -1;
    if (strcmp(word, "gone") == 0 || strcmp(word, "seed") == 0) {
        if (!(v >= 0 && v < 1e15))
            return af_fail(err, AF_EUSAGE, "%s=%s: not a count", word, text);
        *(strcmp(word, "gone") == 0 ? &f->gone_after : &f->seed) = (uint64_t)v;
        return 0;
    }
    if (!(v >= 0 && v <= 1))
        return af_fail(err, AF_EUSAGE, "%s=%s: a share is 0 to 1", word, text);
    if (strcmp(word, "drop") == 0)
        f->drop = v;
    else if (strcmp(word, "tear") == 0)
        f->tear = v;
    else if (strcmp(word, "repeat") == 0)
        f->repeat = v;
    else if (strcmp(word, "lose") == 0)
        f->lose = v;
    else
        return af_fail(err, AF_EUSAGE, "no such fault of a camera: '%s'", word);
    return 0;
}

int af_gigesim_faults_parse(struct af_gigesim_faults *f, const char *text, struct af_err *err)
{
    char *copy = af_strdup(text, err), *rest = copy, *word;
    int ret = copy ? 0 : -1;

    while (!ret && (word = strtok_r(rest, ",", &rest))) {
        char *value = strchr(word, '=');

        if (value)
            *value++ = '\0';
        ret = value ? set_fault(f, word, value, err)
                    : af_fail(err, AF_EUSAGE, "'%s' is no fault=SHARE", word);
    }
    free(copy);
    return ret;
}

static bool happens(struct af_gigesim *g, double share)
{
    return share > 0 && af_random_uniform(&g->random) < share;
}

/* ----------------------------------------------------------------- open */

static int bind_to(struct af_gigesim *g, int *fd, in_addr_t address, uint16_t port,
                   struct af_err *err)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = address};

    *fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return af_fail_errno(err, "gige camera: socket");
    if (bind(*fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return 0;
    if (errno == EADDRINUSE)
        return af_fail(err, AF_EBUSY, "gige camera: another one is at %s", g->o.address);
    if (errno == EADDRNOTAVAIL)
        return af_fail(err, AF_EUSAGE, "gige camera: %s is not an address of this machine",
                       g->o.address);
    return af_fail_errno(err, "gige camera: %s", g->o.address);
}

int af_gigesim_open(struct af_gigesim **out, const struct af_gigesim_opts *o, struct af_err *err)
{
    struct af_gigesim *g = af_calloc(1, sizeof(*g), err);
    struct in_addr address;
    int room = 4 << 20; // a frame is sent in one go

    *out = NULL;
    if (!g)
        return -1;
    g->o = *o;
    g->control_fd = g->stream_fd = -1;
    af_random_init(&g->random, o->faults.seed, "gige faults");
    if (inet_pton(AF_INET, o->address, &address) != 1) {
        af_fail(err, AF_EUSAGE, "gige camera: '%s' is not an IPv4 address", o->address);
        goto failed;
    }
    if (bind_to(g, &g->control_fd, address.s_addr, AF_GV_PORT, err) ||
        bind_to(g, &g->stream_fd, address.s_addr, 0, err))
        goto failed;
    setsockopt(g->stream_fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)); // as much as is allowed
    fcntl(g->stream_fd, F_SETFL, 0); // waits where the buffer is full
    af_gvcp_init(&g->control, o->serial ? o->serial : "AF01", ntohl(address.s_addr), o->w, o->h);
    *out = g;
    return 0;
failed:
    af_gigesim_close(g);
    return -1;
}

void af_gigesim_close(struct af_gigesim *g)
{
    if (!g)
        return;
    if (g->control_fd >= 0)
        close(g->control_fd);
    if (g->stream_fd >= 0)
        close(g->stream_fd);
    for (size_t i = 0; i < KEPT; i++)
        free(g->sent[i].bytes);
    af_image_release(&g->image);
    free(g);
}

/* -------------------------------------------------------------- packets */

static void put32(uint8_t *p, uint32_t v)
{
    v = htonl(v);
    memcpy(p, &v, 4);
}

static void put16(uint8_t *p, uint16_t v)
{
    v = htons(v);
    memcpy(p, &v, 2);
}

static void send_packet(struct af_gigesim *g, unsigned status, uint16_t block, int kind,
                        uint32_t packet, const uint8_t *data, size_t n)
{
    uint8_t head[GVSP_HEAD];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(af_gvcp_stream_port(&g->control)),
                             .sin_addr.s_addr = htonl(af_gvcp_stream_address(&g->control))};
    struct iovec part[2] = {{head, sizeof(head)}, {(void *)(uintptr_t)data, n}};
    struct msghdr msg = {
        .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = part, .msg_iovlen = n ? 2 : 1};
    uint32_t delay = af_gvcp_packet_delay_ns(&g->control);

    put16(head, (uint16_t)status);
    put16(head + 2, block);
    put32(head + 4, (uint32_t)kind << 24 | packet);
    (void)!sendmsg(g->stream_fd, &msg, MSG_NOSIGNAL); // whoever is not there does not hear it
    if (delay)
        nanosleep(&(struct timespec){delay / 1000000000, (long)(delay % 1000000000)}, NULL);
}

/* Bytes of pixels in a packet of the size that the client has set. */
static size_t packet_room(const struct af_gigesim *g)
{
    size_t size = af_gvcp_packet_size(&g->control);

    return (size < LEAST_PACKET ? LEAST_PACKET : size) - UDP_HEADERS - GVSP_HEAD;
}

static uint32_t packets_of(const struct af_gigesim *g, const struct sent *s)
{
    return (uint32_t)((s->n + packet_room(g) - 1) / packet_room(g)) + 2; // with leader and trailer
}

/* Packet i of a frame: 0 the leader, the last the trailer, pixels between. */
static void send_part(struct af_gigesim *g, const struct sent *s, uint32_t i)
{
    size_t room = packet_room(g), at = (size_t)(i - 1) * room;
    uint8_t data[36] = {0};

    if (i == 0) {
        put16(data + 2, 1); // an image
        put32(data + 4, (uint32_t)(s->stamp_ns >> 32));
        put32(data + 8, (uint32_t)s->stamp_ns);
        put32(data + 12, s->format);
        put32(data + 16, s->w);
        put32(data + 20, s->h);
        put32(data + 24, s->x);
        put32(data + 28, s->y);
        send_packet(g, 0, s->block, LEADER, 0, data, 36);
    } else if (i + 1 == packets_of(g, s)) {
        put16(data + 2, 1);
        put32(data + 4, s->h);
        send_packet(g, 0, s->block, TRAILER, i, data, 8);
    } else {
        send_packet(g, 0, s->block, PAYLOAD, i, s->bytes + at, s->n - at < room ? s->n - at : room);
    }
}

static void send_frame(struct af_gigesim *g, struct sent *s)
{
    uint32_t n = packets_of(g, s),
             torn = s->torn ? 1 + (uint32_t)af_random_below(&g->random, n - 2) : n;

    for (uint32_t i = 0; i < n; i++) {
        bool pixels = i > 0 && i + 1 < n;

        if (i != torn && !(pixels && happens(g, g->o.faults.lose)))
            send_part(g, s, i);
    }
}

static void send_again(struct af_gigesim *g)
{
    uint32_t last = g->control.resend.last;

    g->control.resend.wanted = false;
    for (size_t i = 0; i < KEPT; i++) {
        struct sent *s = &g->sent[i];

        if (!s->block || s->block != g->control.resend.block)
            continue;
        if (last >= packets_of(g, s))
            last = packets_of(g, s) - 1;
        for (uint32_t k = g->control.resend.first; k <= last; k++) {
            if (s->torn)
                send_packet(g, UNAVAILABLE, s->block, PAYLOAD, k, NULL, 0);
            else
                send_part(g, s, k);
        }
    }
}

/* Answers nothing to a packet size that the way does not take, as a camera does. */
static void send_test(struct af_gigesim *g)
{
    size_t n = packet_room(g);
    uint8_t *zeros = af_calloc(n, 1, NULL);

    g->control.test_packet = false;
    if (zeros)
        send_packet(g, 0, 0, 0, 0, zeros, n);
    free(zeros);
}

/* --------------------------------------------------------------- frames */

static void encode(const struct af_image *img, uint32_t format, uint8_t *out)
{
    size_t n = img->w * img->h;
    const uint8_t *narrow = img->data;
    const uint16_t *wide = img->data;

    if (format == AF_GV_MONO12PACKED) {
        af_pack12(wide, n, out);
    } else if (format == AF_GV_MONO8) {
        memcpy(out, narrow, n);
    } else {
        for (size_t i = 0; i < n; i++) { // low byte first, on any machine
            out[2 * i] = (uint8_t)wide[i];
            out[2 * i + 1] = (uint8_t)(wide[i] >> 8);
        }
    }
}

static int take_picture(struct af_gigesim *g, struct sent *s, struct af_err *err)
{
    const uint32_t *reg = g->control.reg;
    struct af_sim_exposure e = {.exposure_ms = af_gv_float(&g->control, AF_GV_EXPOSURE_US) / 1e3,
                                .gain = pow(10, af_gv_float(&g->control, AF_GV_GAIN_DB) / 20),
                                .x = reg[AF_GV_OFFSET_X],
                                .y = reg[AF_GV_OFFSET_Y],
                                .w = reg[AF_GV_WIDTH],
                                .h = reg[AF_GV_HEIGHT]};
    struct timespec now;

    // A region beyond the sensor is moved back, as cameras do that let themselves be set in any
    // order.
    if (e.x + e.w > g->o.w)
        e.x = g->o.w - e.w;
    if (e.y + e.h > g->o.h)
        e.y = g->o.h - e.h;
    clock_gettime(CLOCK_MONOTONIC, &now);
    s->stamp_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    s->format = reg[AF_GV_PIXEL_FORMAT];
    af_gv_format_bits(s->format, &e.bits);
    s->w = (uint32_t)e.w;
    s->h = (uint32_t)e.h;
    s->x = (uint32_t)e.x;
    s->y = (uint32_t)e.y;
    if (g->o.expose(g->o.ctx, &e, &g->image, err))
        return -1;
    if (g->image.w != e.w || g->image.h != e.h ||
        af_sample_size(g->image.type) != (e.bits > 8 ? 2 : 1))
        return af_fail(err, AF_EDATA, "gige camera: was given a picture of another kind");
    s->n = reg[AF_GV_PAYLOAD];
    if (af_grow((void **)&s->bytes, &s->room, s->n, 1, err))
        return -1;
    encode(&g->image, s->format, s->bytes);
    return 0;
}

static uint16_t next_block(struct af_gigesim *g)
{
    g->block = g->block == UINT16_MAX ? 1 : (uint16_t)(g->block + 1);
    return g->block;
}

static int take_frame(struct af_gigesim *g, struct af_err *err)
{
    struct sent *s;

    g->slot = (g->slot + 1) % KEPT;
    s = &g->sent[g->slot];
    s->block = 0;
    if (take_picture(g, s, err))
        return -1;
    g->nframes++;
    s->block = next_block(g);
    if (happens(g, g->o.faults.drop)) {
        s->block = 0;
        return 0;
    }
    s->torn = happens(g, g->o.faults.tear);
    send_frame(g, s);
    if (happens(g, g->o.faults.repeat)) {
        s->block = next_block(g);
        send_frame(g, s);
    }
    return 0;
}

/* Is it time for a frame? */
static bool due(struct af_gigesim *g, double now_s)
{
    const struct af_gvcp *c = &g->control;

    if (!c->reg[AF_GV_ACQUISITION] || !af_gvcp_stream_port(c))
        return false;
    if (c->reg[AF_GV_TRIGGER_MODE])
        return c->triggers > 0;
    return now_s >= g->next_s;
}

static bool runs_freely(const struct af_gigesim *g)
{
    return g->control.reg[AF_GV_ACQUISITION] && !g->control.reg[AF_GV_TRIGGER_MODE];
}

static void answer(struct af_gigesim *g)
{
    uint8_t in[AF_GV_PACKET_MOST], out[AF_GV_PACKET_MOST];
    struct sockaddr_in from;
    socklen_t nfrom = sizeof(from);
    ssize_t n;

    while ((n = recvfrom(g->control_fd, in, sizeof(in), 0, (struct sockaddr *)&from, &nfrom)) >=
           0) {
        uint64_t client = (uint64_t)from.sin_addr.s_addr << 16 | from.sin_port;
        size_t nout = af_gvcp_answer(&g->control, in, (size_t)n, client, af_now_s(), out);

        if (nout)
            (void)!sendto(g->control_fd, out, nout, 0, (struct sockaddr *)&from, nfrom);
        if (g->control.resend.wanted)
            send_again(g);
        if (g->control.test_packet)
            send_test(g);
        nfrom = sizeof(from);
    }
}

int af_gigesim_serve(struct af_gigesim *g, int timeout_ms, struct af_err *err)
{
    double end_s = af_now_s() + timeout_ms / 1e3;
    struct pollfd p = {.fd = g->control_fd, .events = POLLIN};

    for (;;) {
        double now_s = af_now_s(), until_s = end_s;

        if (g->o.faults.gone_after && g->nframes >= g->o.faults.gone_after)
            p.fd = -1; // hears nothing any more
        else if (due(g, now_s)) {
            double period_s = 1 / (double)af_gv_float(&g->control, AF_GV_RATE_HZ);

            if (g->control.triggers)
                g->control.triggers--;
            g->next_s = now_s - g->next_s > period_s ? now_s + period_s : g->next_s + period_s;
            if (take_frame(g, err))
                return -1;
            until_s = now_s;
        } else if (runs_freely(g) && g->next_s < until_s) {
            until_s = g->next_s;
        }
        now_s = af_now_s();
        if (poll(&p, 1, until_s > now_s ? (int)ceil((until_s - now_s) * 1e3) : 0) < 0 &&
            errno != EINTR)
            return af_fail_errno(err, "gige camera");
        if (p.fd >= 0)
            answer(g);
        if (af_now_s() >= end_s)
            return 0;
    }
}

int af_gigesim_expose_scope(void *ctx, const struct af_sim_exposure *e, struct af_image *img,
                            struct af_err *err)
{
    return af_simscope_frame(ctx, e, img, NULL, err);
}
