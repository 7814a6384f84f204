/* SPDX-License-Identifier: BSD-2-Clause */
/* GenICam cameras, GigE Vision and USB3 Vision, through Aravis. */
#include "device/camera_driver.h"

#include "base/memory.h"
#include "base/progress.h"
#include "device/genicam.h"
#include "device/uri.h"
#include <arpa/inet.h>
#include <arv.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    NBUFFERS = 8,
    SOCKET_BUFFER = 8 << 20, // a frame comes in one burst; the kernel may give less
    LOOPBACK_PACKET = 9000,
    CONTROL_WAIT_MS = 4000, // a client that was killed keeps control for as long as its heartbeat
    ANSWER_MS = 300,        // for one packet of control, tried three times
    QUIET_MS = 30,          // after a stop, until what was on its way has come
};

struct genicam {
    ArvCamera *camera;
    ArvStream *stream;
    size_t payload;
    const struct af_genicam_format *format;
    bool running;
    bool gone;   // control was lost: asking the camera for anything waits for seconds
    bool unsure; // a frame did not come: it may still do so
    uint16_t last_block;
    uint64_t count; // of frames, lost ones included; unwraps the 16 bits of last_block
    guint64 last_stamp;
};

/* --------------------------------------------------------------- stream */

static bool on_loopback(ArvDevice *device)
{
    GInetSocketAddress *at =
        G_INET_SOCKET_ADDRESS(arv_gv_device_get_device_address(ARV_GV_DEVICE(device)));

    return g_inet_address_get_is_loopback(g_inet_socket_address_get_address(at));
}

/*
 * On the loopback interface a raw packet socket, which Aravis prefers where it may, gets nothing.
 */
static int set_network(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    ArvDevice *device = arv_camera_get_device(s->camera);
    GError *e = NULL;

    if (!arv_camera_is_gv_device(s->camera))
        return 0;
    if (on_loopback(device)) {
        arv_camera_gv_set_stream_options(s->camera, ARV_GV_STREAM_OPTION_PACKET_SOCKET_DISABLED);
        arv_camera_gv_set_packet_size(s->camera, LOOPBACK_PACKET, &e);
    } else {
        arv_camera_gv_auto_packet_size(s->camera, &e);
    }
    return e ? af_genicam_fail(cam, "packet size", e, err) : 0;
}

static int start(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    GError *e = NULL;

    arv_camera_start_acquisition(s->camera, &e);
    s->running = !e;
    return e ? af_genicam_fail(cam, "start", e, err) : 0;
}

static int open_stream(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    GError *e = NULL;

    s->payload = arv_camera_get_payload(s->camera, &e);
    if (e)
        return af_genicam_fail(cam, "payload", e, err);
    if (s->payload < af_genicam_bytes(s->format, cam->info.now.w * cam->info.now.h))
        return af_fail(err, AF_EDEVICE, "%s: sends %zu bytes for %zux%zu px", cam->uri, s->payload,
                       cam->info.now.w, cam->info.now.h);
    s->stream = arv_camera_create_stream(s->camera, NULL, NULL, &e);
    if (e || !s->stream)
        return af_genicam_fail(cam, "stream", e, err);
    if (ARV_IS_GV_STREAM(s->stream))
        g_object_set(s->stream, "socket-buffer", ARV_GV_STREAM_SOCKET_BUFFER_FIXED,
                     "socket-buffer-size", SOCKET_BUFFER, NULL);
    for (int i = 0; i < NBUFFERS; i++)
        arv_stream_push_buffer(s->stream, arv_buffer_new(s->payload, NULL));
    return start(cam, err);
}

/* ----------------------------------------------------------- open, close */

static void on_control_lost(ArvDevice *device, void *state)
{
    (void)device;
    ((struct genicam *)state)->gone = true;
}

/* A client that was killed holds the camera until its heartbeat lapses. */
static int take_control(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    ArvDevice *device = arv_camera_get_device(s->camera);
    double end_s = af_now_s() + CONTROL_WAIT_MS / 1e3;

    if (!arv_camera_is_gv_device(s->camera))
        return 0;
    while (!arv_gv_device_is_controller(ARV_GV_DEVICE(device))) {
        if (af_now_s() >= end_s)
            return af_fail(err, AF_EBUSY, "%s: another program controls it", cam->uri);
        nanosleep(&(struct timespec){0, 100000000}, NULL);
        arv_gv_device_take_control(ARV_GV_DEVICE(device), NULL);
    }
    return 0;
}

/*
 * Choice: what belongs to a camera that has gone is kept until the process ends, since
 * Aravis would ask it to stop and wait 7.5 s for the answer.
 */
static void aravis_close(struct af_camera *cam)
{
    struct genicam *s = cam->state;

    if (s->camera && !s->gone) {
        g_signal_handlers_disconnect_by_data(arv_camera_get_device(s->camera), s);
        if (s->running)
            arv_camera_stop_acquisition(s->camera, NULL);
        g_clear_object(&s->stream);
        g_clear_object(&s->camera);
    }
    if (s->gone)
        return;
    free(s);
}

static int set_up(struct af_camera *cam, const char *format, struct af_err *err)
{
    struct genicam *s = cam->state;

    g_signal_connect(arv_camera_get_device(s->camera), "control-lost", G_CALLBACK(on_control_lost),
                     s);
    cam->info.live = true;
    cam->info.model = arv_camera_get_model_name(s->camera, NULL);
    return take_control(cam, err) || af_genicam_set_up(cam, s->camera, format, &s->format, err) ||
                   set_network(cam, err) || open_stream(cam, err)
               ? -1
               : 0;
}

static bool is_address(const char *name)
{
    struct in_addr address;

    return inet_pton(AF_INET, name, &address) == 1;
}

/*
 * Does the GigE Vision camera at this address answer? It is asked for what it is, which it tells
 * anybody, three times. Aravis itself would take some 10 s to say no.
 */
static bool answers(const char *name)
{
    static const uint8_t ask[8] = {0x42, 0x01, 0, 2, 0, 0, 0, 1}; // GVCP discovery
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(3956)};
    struct pollfd p = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), .events = POLLIN};
    uint8_t reply[512];
    bool heard = p.fd < 0; // cannot be told: let Aravis try

    inet_pton(AF_INET, name, &to.sin_addr);
    for (int i = 0; i < 3 && !heard; i++) {
        (void)!sendto(p.fd, ask, sizeof(ask), 0, (struct sockaddr *)&to, sizeof(to));
        heard = poll(&p, 1, ANSWER_MS) > 0 && recv(p.fd, reply, sizeof(reply), 0) > 0;
    }
    if (p.fd >= 0)
        close(p.fd);
    return heard;
}

/* The same for the camera at hand; one that is not on a network is there as far as we know. */
static bool still_there(struct genicam *s)
{
    GInetSocketAddress *at;
    char *name;
    bool there;

    if (!arv_camera_is_gv_device(s->camera))
        return true;
    at = G_INET_SOCKET_ADDRESS(
        arv_gv_device_get_device_address(ARV_GV_DEVICE(arv_camera_get_device(s->camera))));
    name = g_inet_address_to_string(g_inet_socket_address_get_address(at));
    there = answers(name);
    g_free(name);
    return there;
}

static int aravis_open(struct af_camera *cam, const char *rest, struct af_err *err)
{
    struct genicam *s = af_calloc(1, sizeof(*s), err);
    struct af_uri uri = {.text = NULL};
    GError *e = NULL;
    int ret = -1;

    (void)rest;
    if (!s)
        return -1;
    cam->state = s;
    if (af_uri_parse(&uri, cam->uri, err) || af_uri_check(&uri, "format", err) ||
        (is_address(uri.path) && !answers(uri.path) &&
         af_fail(err, AF_EDEVICE, "%s: no camera answers at this address", cam->uri)))
        goto done;
    s->camera = arv_camera_new(*uri.path ? uri.path : NULL, &e);
    if (!s->camera || e) {
        af_fail(err, AF_EDEVICE, "%s: %s", cam->uri,
                e ? e->message : "no such camera; arv-tool-0.8 lists what there is");
        g_clear_error(&e);
        goto done;
    }
    ret = set_up(cam, af_uri_get(&uri, "format"), err);
done:
    af_uri_release(&uri);
    if (ret)
        aravis_close(cam);
    return ret;
}

/* --------------------------------------------------------------- frames */

/* All that has come without being asked for is old. */
static void drain(struct genicam *s)
{
    ArvBuffer *b;

    while ((b = arv_stream_try_pop_buffer(s->stream))) {
        arv_stream_push_buffer(s->stream, b);
    }
}

/* After a frame that did not come: nothing that was asked for before may come later. */
static int make_sure(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    GError *e = NULL;

    arv_camera_stop_acquisition(s->camera, &e);
    if (e)
        return af_genicam_fail(cam, "stop", e, err);
    s->running = false;
    nanosleep(&(struct timespec){0, QUIET_MS * 1000000}, NULL);
    drain(s);
    s->last_block = 0; // cameras may count anew
    s->unsure = false;
    return start(cam, err);
}

static const char *status_text(ArvBufferStatus status)
{
    switch (status) {
    case ARV_BUFFER_STATUS_TIMEOUT: return "did not come whole in time";
    case ARV_BUFFER_STATUS_MISSING_PACKETS: return "lacks packets";
    case ARV_BUFFER_STATUS_WRONG_PACKET_ID: return "has packets in disorder";
    case ARV_BUFFER_STATUS_SIZE_MISMATCH: return "has another size than was said";
    default: return "was given up";
    }
}

static int decode(struct af_camera *cam, ArvBuffer *b, struct af_image *img, struct af_err *err)
{
    struct genicam *s = cam->state;
    size_t w = (size_t)arv_buffer_get_image_width(b), h = (size_t)arv_buffer_get_image_height(b);
    size_t size;
    const uint8_t *in = arv_buffer_get_data(b, &size);

    if (w != cam->info.now.w || h != cam->info.now.h || size < af_genicam_bytes(s->format, w * h))
        return af_fail(err, AF_EDEVICE, "%s: sent %zux%zu px in %zu bytes, not %zux%zu", cam->uri,
                       w, h, size, cam->info.now.w, cam->info.now.h);
    if (af_image_resize(img, w, h, s->format->bits > 8 ? AF_U16 : AF_U8, err))
        return -1;
    img->bits = s->format->bits;
    af_genicam_unpack(s->format, in, img);
    return 0;
}

/* The camera's count without its wrap: 16 bits, 65535 is followed by 1. */
static void count_on(struct genicam *s, uint16_t block)
{
    uint16_t step = (uint16_t)(block - s->last_block);

    if (block < s->last_block)
        step--; // there is no 0
    s->count += s->last_block ? step : 1;
    s->last_block = block;
}

static int take(struct af_camera *cam, ArvBuffer *b, struct af_frame *f, struct af_err *err)
{
    struct genicam *s = cam->state;
    ArvBufferStatus status = arv_buffer_get_status(b);
    guint64 stamp = arv_buffer_get_timestamp(b);

    if (status != ARV_BUFFER_STATUS_SUCCESS) {
        af_fail(err, AF_EDEVICE, "%s: a frame %s", cam->uri, status_text(status));
        return AF_GRAB_AGAIN;
    }
    count_on(s, (uint16_t)arv_buffer_get_frame_id(b));
    if (decode(cam, b, &f->image, err))
        return -1;
    s->last_stamp = stamp;
    f->id = s->count;
    f->stamp_s = (double)stamp / 1e9;
    f->exposure_ms = cam->info.now.exposure_ms;
    f->gain = cam->info.now.gain;
    f->z_um = NAN;
    return 1;
}

/* Wait for a buffer; NULL with err: none came. */
static ArvBuffer *wait_buffer(struct af_camera *cam, double end_s, struct af_err *err)
{
    struct genicam *s = cam->state;

    while (!s->gone && af_now_s() < end_s) {
        guint64 us = (guint64)af_ms_until(end_s) * 1000;
        ArvBuffer *b = arv_stream_timeout_pop_buffer(s->stream, us < 100000 ? us : 100000);

        if (b)
            return b;
    }
    if (s->gone)
        af_fail(err, AF_EDEVICE, "%s: the camera has gone", cam->uri);
    else
        af_fail(err, AF_EDEVICE, "%s: no frame in %g ms", cam->uri,
                cam->info.now.timeout_ms + cam->info.now.exposure_ms);
    return NULL;
}

static int aravis_grab(struct af_camera *cam, struct af_frame *f, struct af_err *err)
{
    struct genicam *s = cam->state;
    bool asked = cam->info.now.trigger == AF_TRIGGER_ASKED;
    double wait_ms = cam->info.now.timeout_ms, end_s;
    GError *e = NULL;
    ArvBuffer *b;
    int ret;

    if (!isnan(cam->info.now.exposure_ms))
        wait_ms += cam->info.now.exposure_ms;
    if (asked && s->unsure && make_sure(cam, err))
        return -1;
    if (asked)
        drain(s);
    f->begun_s = asked ? af_now_s() : NAN;
    if (asked)
        arv_camera_software_trigger(s->camera, &e);
    if (e) {
        s->gone = !still_there(s);
        return af_genicam_fail(cam, "trigger", e, err);
    }
    end_s = af_now_s() + wait_ms / 1e3;
    do {
        if (!(b = wait_buffer(cam, end_s, err))) {
            s->unsure = true;
            s->gone = s->gone || !still_there(s);
            return asked && !s->gone ? AF_GRAB_AGAIN : -1;
        }
        // The same exposure once more, under a number of its own.
        ret = s->last_stamp && arv_buffer_get_timestamp(b) == s->last_stamp &&
                      arv_buffer_get_status(b) == ARV_BUFFER_STATUS_SUCCESS
                  ? 0
                  : take(cam, b, f, err);
        if (ret == 0)
            count_on(s, (uint16_t)arv_buffer_get_frame_id(b));
        arv_stream_push_buffer(s->stream, b);
    } while (ret == 0);
    s->unsure = ret != 1;
    return ret;
}

const struct af_camera_driver af_camera_aravis = {
    .kind = "aravis",
    .open = aravis_open,
    .close = aravis_close,
    .grab = aravis_grab,
};
