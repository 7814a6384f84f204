/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/omewrite.h"

#include "base/date.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UM "&#181;m"

/* --------------------------------------------------------------- text */

/* One character of UTF-8; bytes that are none become '?'. */
static unsigned long decode(const unsigned char **s)
{
    unsigned long c = *(*s)++;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

    if (c < 0x80)
        return c;
    if (!more)
        return '?';
    c &= 0x3fu >> more;
    for (; more; more--) {
        if ((**s & 0xc0) != 0x80)
            return '?';
        c = c << 6 | (*(*s)++ & 0x3f);
    }
    /* Surrogates, U+FFFE and U+FFFF are no characters of XML, not even as references. */
    return c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff ? '?' : c;
}

/* Text for an attribute or element, in ASCII. */
static void escape(FILE *fp, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s) {
        unsigned long c = decode(&s);

        if (c == '&' || c == '<' || c == '>' || c == '"' || c > 0x7e)
            fprintf(fp, "&#%lu;", c);
        else
            putc(c < 0x20 ? ' ' : (int)c, fp);
    }
}

static void text_attribute(FILE *fp, const char *name, const char *value)
{
    if (!value)
        return;
    fprintf(fp, " %s=\"", name);
    escape(fp, value);
    putc('"', fp);
}

static void real_attribute(FILE *fp, const char *name, double v)
{
    if (isfinite(v))
        fprintf(fp, " %s=\"%.10g\"", name, v);
}

/* A number with its unit beside it. */
static void quantity(FILE *fp, const char *name, double v, const char *unit)
{
    if (isfinite(v))
        fprintf(fp, " %s=\"%.10g\" %sUnit=\"%s\"", name, v, name, unit);
}

/* ----------------------------------------------------------- elements */

static bool has_objective(const struct af_stack_meta *m)
{
    return m->objective || isfinite(m->magnification) || isfinite(m->na) || m->immersion;
}

static bool has_laser(const struct af_stack_meta *m)
{
    return m->laser || isfinite(m->wavelength_nm);
}

static bool has_instrument(const struct af_stack_meta *m)
{
    return has_objective(m) || has_laser(m) || m->detector;
}

static void put_instrument(FILE *fp, const struct af_stack_meta *m)
{
    if (!has_instrument(m))
        return;
    fputs(" <Instrument ID=\"Instrument:0\">\n", fp);
    if (has_laser(m)) {
        fputs("  <Laser ID=\"LightSource:0\"", fp);
        text_attribute(fp, "Model", m->laser);
        fputs(" Type=\"Semiconductor\" LaserMedium=\"GaAlAs\"", fp);
        quantity(fp, "Wavelength", m->wavelength_nm, "nm");
        fputs("/>\n", fp);
    }
    if (m->detector) {
        fputs("  <Detector ID=\"Detector:0\"", fp);
        text_attribute(fp, "Model", m->detector);
        fputs(" Type=\"CMOS\"/>\n", fp);
    }
    if (has_objective(m)) {
        fputs("  <Objective ID=\"Objective:0\"", fp);
        text_attribute(fp, "Model", m->objective);
        text_attribute(fp, "Immersion", m->immersion);
        real_attribute(fp, "LensNA", m->na);
        real_attribute(fp, "NominalMagnification", m->magnification);
        fputs("/>\n", fp);
    }
    fputs(" </Instrument>\n", fp);
}

static size_t count_channels(const struct af_stack_meta *m)
{
    return m->nchannels ? m->nchannels : 1;
}

/* Step of the stage: the one stated, or the mean of the ones made. */
static double step_um(const struct af_stack_meta *m, const struct af_plane *p, size_t n)
{
    double dz = fabs(m->dz_um);

    n /= count_channels(m);
    if (isnan(dz) && p && n > 1)
        dz = fabs(p[n * count_channels(m) - 1].z_um - p[0].z_um) / (double)(n - 1);
    return dz > 0 ? dz : NAN;
}

static void put_channel(FILE *fp, const struct af_stack_meta *m, size_t c)
{
    fprintf(fp, "   <Channel ID=\"Channel:0:%zu\" SamplesPerPixel=\"1\"", c);
    text_attribute(fp, "Name", m->nchannels ? m->channels[c] : m->channel_name);
    if (!has_laser(m) && !m->detector) {
        fputs("/>\n", fp);
        return;
    }
    fputs(">\n", fp);
    if (has_laser(m))
        fputs("    <LightSourceSettings ID=\"LightSource:0\"/>\n", fp);
    if (m->detector)
        fputs("    <DetectorSettings ID=\"Detector:0\"/>\n", fp);
    fputs("   </Channel>\n", fp);
}

static void put_plane(FILE *fp, const struct af_plane *p, size_t i, size_t nchannels)
{
    fprintf(fp, "   <Plane TheZ=\"%zu\" TheC=\"%zu\" TheT=\"0\"", i / nchannels, i % nchannels);
    quantity(fp, "DeltaT", p->time_s, "s");
    quantity(fp, "ExposureTime", p->exposure_ms, "ms");
    quantity(fp, "PositionX", p->x_um, UM);
    quantity(fp, "PositionY", p->y_um, UM);
    quantity(fp, "PositionZ", p->z_um, UM);
    fputs("/>\n", fp);
}

static void put_pixels(FILE *fp, const struct af_stack_meta *m, const struct af_image *img,
                       const struct af_plane *p, size_t n)
{
    const size_t nc = count_channels(m);
    const uint16_t one = 1;

    fprintf(fp, "  <Pixels ID=\"Pixels:0\" DimensionOrder=\"%s\" Type=\"%s\"",
            nc > 1 ? "XYCZT" : "XYZCT", af_sample_name(img->type));
    if (!af_sample_is_float(img->type))
        fprintf(fp, " SignificantBits=\"%u\"", img->bits);
    fprintf(fp,
            " BigEndian=\"%s\" SizeX=\"%zu\" SizeY=\"%zu\" SizeZ=\"%zu\" SizeC=\"%zu\" SizeT=\"1\"",
            *(const uint8_t *)&one ? "false" : "true", img->w, img->h, n / nc, nc);
    quantity(fp, "PhysicalSizeX", m->px_um > 0 ? m->px_um : NAN, UM);
    quantity(fp, "PhysicalSizeY", m->py_um > 0 ? m->py_um : NAN, UM);
    quantity(fp, "PhysicalSizeZ", step_um(m, p, n), UM);
    fputs(">\n", fp);
    for (size_t c = 0; c < nc; c++)
        put_channel(fp, m, c);
    fprintf(fp,
            "   <TiffData IFD=\"0\" FirstZ=\"0\" FirstC=\"0\" FirstT=\"0\" PlaneCount=\"%zu\"/>\n",
            n);
    for (size_t i = 0; p && i < n; i++)
        put_plane(fp, &p[i], i, nc);
    fputs("  </Pixels>\n", fp);
}

static void put_image(FILE *fp, const struct af_stack_meta *m, const struct af_image *img,
                      const struct af_plane *p, size_t n)
{
    fputs(" <Image ID=\"Image:0\"", fp);
    text_attribute(fp, "Name", m->image_name);
    fputs(">\n", fp);
    if (m->date && af_is_date_time(m->date)) {
        fputs("  <AcquisitionDate>", fp);
        escape(fp, m->date);
        fputs("</AcquisitionDate>\n", fp);
    }
    if (has_instrument(m))
        fputs("  <InstrumentRef ID=\"Instrument:0\"/>\n", fp);
    if (has_objective(m))
        fputs("  <ObjectiveSettings ID=\"Objective:0\"/>\n", fp);
    if (isfinite(m->temperature_c))
        fprintf(fp, "  <ImagingEnvironment Temperature=\"%.10g\" TemperatureUnit=\"&#176;C\"/>\n",
                m->temperature_c);
    if (m->stage_label) {
        fputs("  <StageLabel", fp);
        text_attribute(fp, "Name", m->stage_label);
        fputs("/>\n", fp);
    }
    put_pixels(fp, m, img, p, n);
    if (m->nkeys)
        fputs("  <AnnotationRef ID=\"Annotation:0\"/>\n", fp);
    fputs(" </Image>\n", fp);
}

static void put_keys(FILE *fp, const struct af_stack_meta *m)
{
    if (!m->nkeys)
        return;
    fputs(" <StructuredAnnotations>\n  <MapAnnotation ID=\"Annotation:0\" "
          "Namespace=\"aftools/acquisition\">\n"
          "   <Value>",
          fp);
    for (size_t i = 0; i < m->nkeys; i++) {
        fputs("<M", fp);
        text_attribute(fp, "K", m->keys[i].key);
        putc('>', fp);
        escape(fp, m->keys[i].value);
        fputs("</M>", fp);
    }
    fputs("</Value>\n  </MapAnnotation>\n </StructuredAnnotations>\n", fp);
}

char *af_ome_write(const struct af_stack_meta *m, const struct af_image *img,
                   const struct af_plane *planes, size_t n, struct af_err *err)
{
    char *text = NULL;
    size_t size;
    FILE *fp;
    bool bad;

    if (img->type == AF_U64 || img->type == AF_I64) {
        af_fail(err, AF_EDATA, "OME-TIFF has no 64-bit integers");
        return NULL;
    }
    fp = open_memstream(&text, &size);
    if (!fp) {
        af_fail_errno(err, "OME-XML");
        return NULL;
    }
    fputs(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" "
        "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
        "xsi:schemaLocation=\"http://www.openmicroscopy.org/Schemas/OME/2016-06 "
        "http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd\" Creator=\"aftools " AF_VERSION
        "\">\n",
        fp);
    put_instrument(fp, m);
    put_image(fp, m, img, planes, n);
    put_keys(fp, m);
    fputs("</OME>", fp);
    bad = ferror(fp) != 0;
    if (fclose(fp) || bad || !text) { // glibc's fclose succeeds without memory, and text is NULL
        af_fail(err, AF_ESYS, "out of memory: OME-XML of %zu planes", n);
        free(text);
        return NULL;
    }
    return text;
}
