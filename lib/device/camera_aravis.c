/* SPDX-License-Identifier: BSD-2-Clause */
/* GenICam cameras, GigE Vision and USB3 Vision, through Aravis. */
#include "device/camera_driver.h"

#include "base/memory.h"
#include "base/progress.h"
#include "device/unpack12.h"
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
    const struct format *format;
    bool running;
    bool gone;   // control was lost: asking the camera for anything waits for seconds
    bool unsure; // a frame did not come: it may still do so
    uint16_t last_block;
    uint64_t count; // of frames, lost ones included; unwraps the 16 bits of last_block
    guint64 last_stamp;
};

static const struct format {
    const char *name;
    unsigned bits;
    enum { WHOLE, PACKED_GEV, PACKED_PFNC } layout;
} formats[] = {
    // of equal bits the first that the camera has
    {"Mono16", 16, WHOLE},        {"Mono14", 14, WHOLE},
    {"Mono12", 12, WHOLE},        {"Mono12Packed", 12, PACKED_GEV},
    {"Mono12p", 12, PACKED_PFNC}, {"Mono10", 10, WHOLE},
    {"Mono8", 8, WHOLE},
};

/* Aravis's error as ours. */
static int fail(const struct af_camera *cam, const char *what, GError *e, struct af_err *err)
{
    af_fail(err, AF_EDEVICE, "%s: %s: %s", cam->uri, what, e ? e->message : "refused");
    g_clear_error(&e);
    return -1;
}

/* ------------------------------------------------------------- settings */

static bool has_format(const char *const *names, guint n, const char *name)
{
    for (guint i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* By bits, or by name where the URI has ?format=NAME. */
static int choose_format(struct af_camera *cam, const char *wanted, struct af_err *err)
{
    struct genicam *s = cam->state;
    GError *e = NULL;
    guint n;
    const char **names = arv_camera_dup_available_pixel_formats_as_strings(s->camera, &n, &e);

    if (e)
        return fail(cam, "pixel formats", e, err);
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats) && !s->format; i++)
        if (has_format(names, n, formats[i].name) &&
            (wanted ? strcmp(wanted, formats[i].name) == 0
                    : !cam->info.now.bits || cam->info.now.bits == formats[i].bits))
            s->format = &formats[i];
    g_free(names);
    if (!s->format && wanted)
        return af_fail(err, AF_EUSAGE, "%s: has no pixel format %s that can be read", cam->uri,
                       wanted);
    if (!s->format)
        return af_fail(err, AF_EUSAGE, "%s: has no gray pixels of %u bits", cam->uri,
                       cam->info.now.bits);
    cam->info.now.bits = s->format->bits;
    arv_camera_set_pixel_format_from_string(s->camera, s->format->name, &e);
    return e ? fail(cam, s->format->name, e, err) : 0;
}

/* Some cameras take no region that lies outside, and some take it and send something else. */
static int set_region(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    struct af_camera_settings *now = &cam->info.now;
    GError *e = NULL;
    gint w, h, x = 0, y = 0, rw, rh;

    arv_camera_get_sensor_size(s->camera, &w, &h, &e);
    if (e)
        return fail(cam, "sensor size", e, err);
    cam->info.sensor_w = (size_t)w;
    cam->info.sensor_h = (size_t)h;
    if (now->w && (now->x + now->w > (size_t)w || now->y + now->h > (size_t)h))
        return af_fail(err, AF_EUSAGE, "%s: the region %zux%zu at %zu,%zu is not in %dx%d px",
                       cam->uri, now->w, now->h, now->x, now->y, w, h);
    if (now->w) {
        w = (gint)now->w, h = (gint)now->h;
        x = (gint)now->x, y = (gint)now->y;
    }
    arv_camera_set_region(s->camera, x, y, w, h, &e);
    if (e)
        return fail(cam, "region", e, err);
    arv_camera_get_region(s->camera, &x, &y, &rw, &rh, &e);
    if (e)
        return fail(cam, "region", e, err);
    if (rw > w || rh > h || rw <= 0 || rh <= 0)
        return af_fail(err, AF_EDEVICE, "%s: was told %dx%d px and says %dx%d", cam->uri, w, h, rw,
                       rh);
    now->x = (size_t)x, now->y = (size_t)y;
    now->w = (size_t)rw, now->h = (size_t)rh;
    return 0;
}

static int set_exposure(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    struct af_camera_settings *now = &cam->info.now;
    GError *e = NULL;

    if (!arv_camera_is_exposure_time_available(s->camera, NULL)) {
        if (!isnan(now->exposure_ms))
            return af_fail(err, AF_EUSAGE, "%s: its exposure cannot be set", cam->uri);
        return 0;
    }
    if (!isnan(now->exposure_ms)) {
        if (arv_camera_is_exposure_auto_available(s->camera, NULL))
            arv_camera_set_exposure_time_auto(s->camera, ARV_AUTO_OFF, &e);
        if (!e)
            arv_camera_set_exposure_time(s->camera, now->exposure_ms * 1e3, &e);
        if (e)
            return fail(cam, "exposure", e, err);
    }
    now->exposure_ms = arv_camera_get_exposure_time(s->camera, &e) / 1e3;
    return e ? fail(cam, "exposure", e, err) : 0;
}

static int set_gain(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    struct af_camera_settings *now = &cam->info.now;
    GError *e = NULL;

    if (!arv_camera_is_gain_available(s->camera, NULL)) {
        if (!isnan(now->gain))
            return af_fail(err, AF_EUSAGE, "%s: its gain cannot be set", cam->uri);
        return 0;
    }
    if (!isnan(now->gain)) {
        if (arv_camera_is_gain_auto_available(s->camera, NULL))
            arv_camera_set_gain_auto(s->camera, ARV_AUTO_OFF, &e);
        if (!e)
            arv_camera_set_gain(s->camera, now->gain, &e);
        if (e)
            return fail(cam, "gain", e, err);
    }
    now->gain = arv_camera_get_gain(s->camera, &e);
    return e ? fail(cam, "gain", e, err) : 0;
}

static int set_trigger(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    GError *e = NULL;

    if (cam->info.now.trigger == AF_TRIGGER_FREE)
        arv_camera_clear_triggers(s->camera, &e);
    else
        arv_camera_set_trigger(
            s->camera, cam->info.now.trigger == AF_TRIGGER_ASKED ? "Software" : "Line1", &e);
    if (!e)
        arv_camera_set_acquisition_mode(s->camera, ARV_ACQUISITION_MODE_CONTINUOUS, &e);
    return e ? fail(cam, "trigger", e, err) : 0;
}

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
    return e ? fail(cam, "packet size", e, err) : 0;
}

static int start(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    GError *e = NULL;

    arv_camera_start_acquisition(s->camera, &e);
    s->running = !e;
    return e ? fail(cam, "start", e, err) : 0;
}

static int open_stream(struct af_camera *cam, struct af_err *err)
{
    struct genicam *s = cam->state;
    GError *e = NULL;

    s->payload = arv_camera_get_payload(s->camera, &e);
    if (e)
        return fail(cam, "payload", e, err);
    if (s->payload < cam->info.now.w * cam->info.now.h * (s->format->bits > 8 ? 12 : 8) / 8)
        return af_fail(err, AF_EDEVICE, "%s: sends %zu bytes for %zux%zu px", cam->uri, s->payload,
                       cam->info.now.w, cam->info.now.h);
    s->stream = arv_camera_create_stream(s->camera, NULL, NULL, &e);
    if (e || !s->stream)
        return fail(cam, "stream", e, err);
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
    return take_control(cam, err) || set_region(cam, err) || choose_format(cam, format, err) ||
                   set_exposure(cam, err) || set_gain(cam, err) || set_trigger(cam, err) ||
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
        return fail(cam, "stop", e, err);
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
    size_t n = w * h, size, need;
    const uint8_t *in = arv_buffer_get_data(b, &size);

    need = s->format->layout == WHOLE ? n * (s->format->bits > 8 ? 2 : 1) : (n * 12 + 7) / 8;
    if (w != cam->info.now.w || h != cam->info.now.h || size < need)
        return af_fail(err, AF_EDEVICE, "%s: sent %zux%zu px in %zu bytes, not %zux%zu", cam->uri,
                       w, h, size, cam->info.now.w, cam->info.now.h);
    if (af_image_resize(img, w, h, s->format->bits > 8 ? AF_U16 : AF_U8, err))
        return -1;
    img->bits = s->format->bits;
    if (s->format->layout != WHOLE)
        af_unpack12(in, n, s->format->layout == PACKED_PFNC, img->data);
    else if (s->format->bits == 8)
        memcpy(img->data, in, n);
    else
        af_unpack16le(in, n, img->data);
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
    double wait_ms = cam->info.now.timeout_ms;
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
        return fail(cam, "trigger", e, err);
    }
    do {
        if (!(b = wait_buffer(cam, af_now_s() + wait_ms / 1e3, err))) {
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
