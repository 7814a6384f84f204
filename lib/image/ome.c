/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/ome.h"

#include "base/memory.h"
#include "base/number.h"
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/threads.h>
#include <libxml/tree.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool af_ome_is(const char *text)
{
    const char *root;

    if (!text)
        return false;
    text += strspn(text, " \t\r\n\xef\xbb\xbf");
    root = *text == '<' ? strstr(text, "OME") : NULL;
    return root && strstr(root, "Image");
}

/* --------------------------------------------------- places in a stack */

/* Extent of a dimension letter. */
static size_t extent(const struct af_ome_image *im, char d)
{
    return d == 'Z' ? im->nz : d == 'C' ? im->nc : im->nt;
}

size_t af_ome_index(const struct af_ome_image *im, size_t c, size_t t, size_t z)
{
    size_t i = 0;

    if (c >= im->nc || t >= im->nt || z >= im->nz)
        return im->nc * im->nt * im->nz;
    for (int d = 4; d >= 2; d--)
        i = i * extent(im, im->order[d]) + (im->order[d] == 'Z' ? z : im->order[d] == 'C' ? c : t);
    return i;
}

void af_ome_place(const struct af_ome_image *im, size_t i, size_t *c, size_t *t, size_t *z)
{
    for (int d = 2; d <= 4; d++) {
        size_t n = extent(im, im->order[d]);

        *(im->order[d] == 'Z' ? z : im->order[d] == 'C' ? c : t) = i % n;
        i /= n;
    }
}

/* ---------------------------------------------------------- attributes */

static bool is(const xmlNode *n, const char *name)
{
    return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

static xmlNode *child(const xmlNode *n, const char *name)
{
    for (xmlNode *k = n->children; k; k = k->next)
        if (is(k, name))
            return k;
    return NULL;
}

/* Copy of an attribute; NULL where there is none (or no memory: then *err is set). */
static char *attribute(const xmlNode *n, const char *name, struct af_err *err)
{
    const xmlAttr *a = xmlHasProp(n, (const xmlChar *)name);
    xmlChar *v = a ? xmlNodeListGetString(n->doc, a->children, 1) : NULL;
    char *copy = v ? af_strdup((const char *)v, err) : NULL;

    if (v)
        xmlFree(v);
    return copy;
}

/* A number, finite and whole; false where the attribute is missing or anything else. */
static bool real(const xmlNode *n, const char *name, double *out)
{
    char *s = attribute(n, name, NULL);
    bool found = s && af_parse_real(s, out, NULL) == 0;

    free(s);
    return found;
}

static size_t count(const xmlNode *n, const char *name, size_t otherwise)
{
    double v;

    return real(n, name, &v) && v >= 0 && v <= 1e9 ? (size_t)v : otherwise;
}

/*
 * A quantity with its unit beside it, `PhysicalSizeZ` and `PhysicalSizeZUnit`, times what one
 * unit is; `otherwise` is the unit where none is written. *relative is set
 * where the unit is no unit of length or time ("reference frame"); the bare number is taken then.
 */
static double quantity(const xmlNode *n, const char *name, double (*scale)(const char *),
                       const char *otherwise, bool *relative)
{
    char unit_name[64], *unit;
    double v, f;

    if (!real(n, name, &v))
        return NAN;
    snprintf(unit_name, sizeof(unit_name), "%sUnit", name);
    unit = attribute(n, unit_name, NULL);
    f = scale(unit ? unit : otherwise);
    free(unit);
    if (f == 0 && relative)
        *relative = true;
    return v * (f != 0 ? f : 1);
}

/* ------------------------------------------------------------ elements */

static char *text_of(const xmlNode *n, struct af_err *err)
{
    xmlChar *v = n ? xmlNodeGetContent(n) : NULL;
    char *copy = v ? af_strdup((const char *)v, err) : NULL;

    if (v)
        xmlFree(v);
    return copy;
}

static void parse_plane(struct af_ome_image *im, const xmlNode *n)
{
    /* Schemas before 2010 keep time and place in elements of their own. */
    const xmlNode *timing = child(n, "PlaneTiming"), *stage = child(n, "StagePosition");
    size_t i = af_ome_index(im, count(n, "TheC", 0), count(n, "TheT", 0), count(n, "TheZ", 0));
    struct af_plane *p;
    double time_ms;

    if (i >= im->nc * im->nt * im->nz)
        return;
    timing = timing ? timing : n;
    stage = stage ? stage : n;
    p = &im->plane[i];
    time_ms = quantity(timing, "DeltaT", af_unit_ms, "s", NULL);
    p->time_s = time_ms / 1000;
    p->exposure_ms = quantity(timing, "ExposureTime", af_unit_ms, "s", NULL);
    p->x_um = quantity(stage, "PositionX", af_unit_um, "reference frame", NULL);
    p->y_um = quantity(stage, "PositionY", af_unit_um, "reference frame", NULL);
    p->z_um = quantity(stage, "PositionZ", af_unit_um, "reference frame", &im->z_relative);
    im->has_z |= !isnan(p->z_um);
}

static int parse_block(struct af_ome_image *im, size_t *room, const xmlNode *n, struct af_err *err)
{
    const xmlNode *u = child(n, "UUID");
    bool has_ifd = xmlHasProp(n, (const xmlChar *)"IFD") != NULL;
    struct af_ome_block *b;

    if (af_grow((void **)&im->block, room, im->nblocks + 1, sizeof(*im->block), err))
        return -1;
    b = &im->block[im->nblocks++];
    *b = (struct af_ome_block){
        .c = count(n, "FirstC", 0),
        .t = count(n, "FirstT", 0),
        .z = count(n, "FirstZ", 0),
        .ifd = count(n, "IFD", 0),
        .count = count(n, "PlaneCount", count(n, "NumPlanes", has_ifd ? 1 : 0)),
    };
    if (u) {
        struct af_err memory = {AF_OK, ""};

        b->file = attribute(u, "FileName", &memory);
        b->uuid = text_of(u, &memory);
        if (memory.kind)
            return af_fail(err, memory.kind, "%s", memory.text);
    }
    return 0;
}

/* Samples of a plane's pixels, which SizeC counts as if each were a channel. */
static size_t samples_of(const xmlNode *px)
{
    size_t samples = 0;

    for (const xmlNode *k = px->children; k; k = k->next) {
        const size_t n = is(k, "Channel") ? count(k, "SamplesPerPixel", 1) : samples;

        if (n != samples && samples)
            return 1; // not the same in all: nobody says what a plane has
        samples = n;
    }
    return samples ? samples : 1;
}

/* *left: planes that this image and those behind it may have. */
static int parse_sizes(struct af_ome_image *im, const xmlNode *px, const char *name, size_t *left,
                       struct af_err *err)
{
    char *order = attribute(px, "DimensionOrder", NULL);
    size_t n;

    memcpy(im->order, "XYZCT", 6);
    if (order && strlen(order) == 5 && strncmp(order, "XY", 2) == 0 && strchr(order + 2, 'Z') &&
        strchr(order + 2, 'C') && strchr(order + 2, 'T'))
        memcpy(im->order, order, 6);
    free(order);
    im->w = count(px, "SizeX", 0);
    im->h = count(px, "SizeY", 0);
    im->nz = count(px, "SizeZ", 1);
    im->nc = count(px, "SizeC", 1);
    im->nt = count(px, "SizeT", 1);
    if (im->nc % samples_of(px) == 0)
        im->nc /= samples_of(px);
    im->bits = (unsigned)count(px, "SignificantBits", 0);
    if (!im->nz || !im->nc || !im->nt || !af_size_mul(im->nz, im->nc, &n) ||
        !af_size_mul(n, im->nt, &n) || n > *left)
        return af_fail(err, AF_EDATA, "%s: OME-XML: %zu x %zu x %zu planes, of at most %zu", name,
                       im->nz, im->nc, im->nt, *left);
    *left -= n;
    im->px_um = quantity(px, "PhysicalSizeX", af_unit_um, "um", NULL);
    im->py_um = quantity(px, "PhysicalSizeY", af_unit_um, "um", NULL);
    im->dz_um = quantity(px, "PhysicalSizeZ", af_unit_um, "um", NULL);
    im->plane = af_calloc(n, sizeof(*im->plane), err);
    if (!im->plane)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct af_plane *p = &im->plane[i];

        *p = AF_PLANE_UNKNOWN;
        af_ome_place(im, i, &p->c, &p->t, &p->z);
    }
    return 0;
}

static int parse_image(struct af_ome_image *im, const xmlNode *n, const char *name, size_t *left,
                       struct af_err *err)
{
    static const char *const date_names[] = {"AcquisitionDate", "AcquiredDate", "CreationDate"};
    const xmlNode *px = child(n, "Pixels");
    struct af_err memory = {AF_OK, ""};
    size_t room = 0;

    if (!px)
        return af_fail(err, AF_EDATA, "%s: OME-XML: an Image without Pixels", name);
    im->name = attribute(n, "Name", &memory);
    for (int i = 0; i < 3 && !im->date; i++)
        im->date = text_of(child(n, date_names[i]), &memory);
    if (memory.kind)
        return af_fail(err, memory.kind, "%s: %s", name, memory.text);
    if (parse_sizes(im, px, name, left, err))
        return -1;
    for (const xmlNode *k = px->children; k; k = k->next) {
        if (is(k, "Plane"))
            parse_plane(im, k);
        else if (is(k, "Channel"))
            im->colour |= count(k, "SamplesPerPixel", 1) > 1;
        else if (is(k, "TiffData") && parse_block(im, &room, k, err))
            return -1;
    }
    return 0;
}

/* <MapAnnotation><Value><M K="key">value</M>... */
static int parse_keys(struct af_ome *ome, const xmlNode *annotations, struct af_err *err)
{
    struct af_err memory = {AF_OK, ""};
    size_t room = 0;

    for (const xmlNode *a = annotations ? annotations->children : NULL; a; a = a->next) {
        const xmlNode *value = is(a, "MapAnnotation") ? child(a, "Value") : NULL;

        for (const xmlNode *m = value ? value->children : NULL; m; m = m->next) {
            struct af_ome_key k;

            if (!is(m, "M"))
                continue;
            if (af_grow((void **)&ome->key, &room, ome->nkeys + 1, sizeof(*ome->key), err))
                return -1;
            k = (struct af_ome_key){attribute(m, "K", &memory), text_of(m, &memory)};
            ome->key[ome->nkeys++] = k;
            if (memory.kind)
                return af_fail(err, memory.kind, "%s", memory.text);
        }
    }
    return 0;
}

const char *af_ome_value(const struct af_ome *ome, const char *key)
{
    for (size_t i = 0; i < ome->nkeys; i++)
        if (ome->key[i].key && strcmp(ome->key[i].key, key) == 0)
            return ome->key[i].value;
    return NULL;
}

static int parse_document(struct af_ome *ome, const xmlNode *root, const char *name,
                          size_t max_planes, struct af_err *err)
{
    const xmlNode *stub = child(root, "BinaryOnly");
    size_t room = 0, left = max_planes;

    ome->uuid = attribute(root, "UUID", err);
    if (stub)
        ome->metadata_file = attribute(stub, "MetadataFile", err);
    for (const xmlNode *k = root->children; k; k = k->next) {
        if (!is(k, "Image"))
            continue;
        if (af_grow((void **)&ome->image, &room, ome->nimages + 1, sizeof(*ome->image), err))
            return -1;
        memset(&ome->image[ome->nimages], 0, sizeof(*ome->image));
        if (parse_image(&ome->image[ome->nimages++], k, name, &left, err))
            return -1;
    }
    if (!ome->nimages && !ome->metadata_file)
        return af_fail(err, AF_EDATA, "%s: OME-XML without an Image", name);
    return parse_keys(ome, child(root, "StructuredAnnotations"), err);
}

static int parse_text(struct af_ome *ome, const char *xml, size_t n, const char *name,
                      size_t max_planes, struct af_err *err)
{
    /* NONET alone: no entities are put in (NOENT), no DTD is loaded, no limit is lifted (HUGE). */
    const int options =
        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_COMPACT;
    const xmlNode *root;
    xmlDoc *doc;
    int ret = -1;

    doc = xmlReadMemory(xml, (int)n, NULL, NULL, options);
    if (!doc) {
        const xmlError *e = xmlGetLastError();

        return af_fail(err, AF_EDATA, "%s: OME-XML: line %d: %.*s", name, e ? e->line : 0,
                       e && e->message ? (int)strcspn(e->message, "\n") : 8,
                       e && e->message ? e->message : "no XML");
    }
    root = xmlDocGetRootElement(doc);
    if (xmlGetIntSubset(doc))
        af_fail(err, AF_EDATA, "%s: OME-XML with a document type is refused", name);
    else if (!root || !is(root, "OME"))
        af_fail(err, AF_EDATA, "%s: XML, but no OME-XML", name);
    else
        ret = parse_document(ome, root, name, max_planes, err);
    xmlFreeDoc(doc);
    return ret;
}

static void drop_error(void *user, xmlError *e)
{
    (void)user;
    (void)e;
}

/* Threads that were the first to use libxml2 at once would leak a lock of its. */
static void start_libxml(void)
{
    xmlStructuredErrorFunc before = xmlStructuredError;
    void *context = xmlStructuredErrorContext;

    xmlSetStructuredErrorFunc(NULL, drop_error);
    xmlInitParser();
    xmlSetStructuredErrorFunc(context, before);
}

/*
 * Every thread but the first has a state of its own in libxml2, made when it is first asked for,
 * and asked without a look at whether there was memory for it: a macro such as xmlStructuredError
 * then reads through NULL.
 */
static bool has_state(void)
{
#if LIBXML_VERSION >= 21200
    return xmlCheckThreadLocalStorage() == 0;
#else
    return xmlIsMainThread() || xmlGetGlobalState();
#endif
}

int af_ome_parse(struct af_ome *ome, const char *xml, size_t n, const char *name, size_t max_planes,
                 struct af_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    xmlStructuredErrorFunc before;
    void *context;
    int ret;

    *ome = (struct af_ome){0};
    if (n > AF_OME_MAX)
        return af_fail(err, AF_EDATA, "%s: OME-XML of %zu bytes", name, n);
    pthread_once(&once, start_libxml);
    if (!has_state())
        return af_fail(err, AF_ESYS, "%s: OME-XML: out of memory", name);
    errno = 0;
    before = xmlStructuredError;
    context = xmlStructuredErrorContext;
    /*
     * libxml2 prints that memory ran out unless this thread has a handler, and then goes on: it
     * leaves an attribute out, or finds fault with the text. errno tells.
     */
    xmlSetStructuredErrorFunc(NULL, drop_error);
    ret = parse_text(ome, xml, n, name, max_planes, err);
    if (errno == ENOMEM)
        ret = af_fail_errno(err, "%s: OME-XML", name);
    xmlSetStructuredErrorFunc(context, before);
    return ret;
}

void af_ome_release(struct af_ome *ome)
{
    for (size_t i = 0; i < ome->nimages; i++) {
        struct af_ome_image *im = &ome->image[i];

        for (size_t b = 0; b < im->nblocks; b++) {
            free(im->block[b].file);
            free(im->block[b].uuid);
        }
        free(im->block);
        free(im->plane);
        free(im->name);
        free(im->date);
    }
    for (size_t i = 0; i < ome->nkeys; i++) {
        free(ome->key[i].key);
        free(ome->key[i].value);
    }
    free(ome->key);
    free(ome->image);
    free(ome->uuid);
    free(ome->metadata_file);
    *ome = (struct af_ome){0};
}
