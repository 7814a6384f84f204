/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/tiffgray.h"

#include "image/tiffio.h"
#include <errno.h>
#include <stddef.h>

uint64_t af_tiffgray_expansion(uint16_t compression)
{
    switch (compression) {
    case COMPRESSION_NONE: return 1;
    case COMPRESSION_PACKBITS: return 64;
    case COMPRESSION_LZW: return 4096;
    case COMPRESSION_DEFLATE:
    case COMPRESSION_ADOBE_DEFLATE: return 1040;
    default: return 65536;
    }
}

uint16_t af_tiffgray_photometric(TIFF *tif)
{
    uint16_t photometric;

    return TIFFGetField(tif, TIFFTAG_PHOTOMETRIC, &photometric) ? photometric
                                                                : PHOTOMETRIC_MINISBLACK;
}

/* n bytes at p in the order of the file. */
static uint64_t number(TIFF *tif, const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[TIFFIsBigEndian(tif) ? i : n - 1 - i];
    return v;
}

/* Past libtiff; what fails is left in io. */
static bool read_all(struct af_tiffio *io, void *buf, size_t n, uint64_t at)
{
    ssize_t got = af_tiffio_pread(io, buf, n, at);

    if (got == (ssize_t)n)
        return true;
    io->error_errno = got < 0 ? errno : EIO;
    return false;
}

unsigned af_tiffgray_loose_predictor(TIFF *tif)
{
    const TIFFField *field = TIFFFindField(tif, TIFFTAG_PREDICTOR, TIFF_ANY);
    struct af_tiffio *io = TIFFClientdata(tif);
    const bool big = TIFFIsBigTIFF(tif);
    const size_t head = big ? 8 : 2, size = big ? 20 : 12;
    uint64_t at = TIFFCurrentDirOffset(tif), n;
    uint8_t entry[20];

    /* A field that takes a count is libtiff's stand-in for a tag that it met and does not know. */
    if (!field || !TIFFFieldPassCount(field))
        return PREDICTOR_NONE;
    if (!read_all(io, entry, head, at))
        return PREDICTOR_NONE;
    n = number(tif, entry, head);
    for (at += head; n && read_all(io, entry, size, at); n--, at += size)
        if (number(tif, entry, 2) == TIFFTAG_PREDICTOR)
            return (unsigned)number(tif, entry + (big ? 12 : 8), 2);
    return PREDICTOR_NONE;
}

static bool gray_palette(TIFF *tif, unsigned bits)
{
    uint16_t *r, *g, *b;

    if (bits > 16 || !TIFFGetField(tif, TIFFTAG_COLORMAP, &r, &g, &b))
        return false;
    for (size_t i = 0, n = (size_t)1 << bits; i < n; i++)
        if (r[i] != g[i] || g[i] != b[i] || (i && r[i] <= r[i - 1]))
            return false;
    return true;
}

bool af_tiffgray_is_colour(TIFF *tif)
{
    uint16_t bits, spp, format, compression, planar;

    TIFFGetFieldDefaulted(tif, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLESPERPIXEL, &spp);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(tif, TIFFTAG_PLANARCONFIG, &planar);
    return af_tiffgray_photometric(tif) == PHOTOMETRIC_RGB && spp >= 3 &&
           (bits == 8 || bits == 16) && format == SAMPLEFORMAT_UINT &&
           planar == PLANARCONFIG_CONTIG && TIFFIsCODECConfigured(compression) &&
           af_tiffgray_loose_predictor(tif) == PREDICTOR_NONE;
}

const char *af_tiffgray_refusal(TIFF *tif, bool imagej)
{
    uint16_t bits, spp, format, compression, nextra = 0, *extra;
    uint16_t photometric = af_tiffgray_photometric(tif);
    unsigned predictor = af_tiffgray_loose_predictor(tif);

    TIFFGetFieldDefaulted(tif, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLESPERPIXEL, &spp);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &compression);
    TIFFGetField(tif, TIFFTAG_EXTRASAMPLES, &nextra, &extra);
    /* ImageJ keeps a look-up table with gray images: the indices are the counts. */
    if (photometric == PHOTOMETRIC_PALETTE && !imagej && !gray_palette(tif, bits))
        return "a colour palette, gray is needed";
    if (photometric != PHOTOMETRIC_MINISBLACK && photometric != PHOTOMETRIC_MINISWHITE &&
        photometric != PHOTOMETRIC_PALETTE)
        return AF_TIFFGRAY_COLOUR;
    if (spp != 1 && (spp != nextra + 1 || bits % 8 || bits == 24))
        return "several samples per pixel, gray is needed";
    if (format == SAMPLEFORMAT_COMPLEXIEEEFP || format == SAMPLEFORMAT_COMPLEXINT)
        return "complex numbers, gray is needed";
    if (!TIFFIsCODECConfigured(compression))
        return "a compression that this libtiff does not know";
    if (format == SAMPLEFORMAT_IEEEFP ? bits != 16 && bits != 24 && bits != 32 && bits != 64
                                      : bits < 1 || bits > 64)
        return "an unknown sample format";
    if (predictor != PREDICTOR_NONE &&
        (predictor != PREDICTOR_HORIZONTAL || spp != 1 || format == SAMPLEFORMAT_IEEEFP))
        return "a predictor that its compression does not have";
    return NULL;
}
