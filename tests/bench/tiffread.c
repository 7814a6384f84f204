/* SPDX-License-Identifier: BSD-2-Clause */
/* tiffread FILE: read all pixels of a TIFF by libtiff alone, the least that any tool has to do. */
#include <stdio.h>
#include <stdlib.h>
#include <tiffio.h>

int main(int argc, char **argv)
{
    TIFF *tif = argc == 2 ? TIFFOpen(argv[1], "r") : NULL;
    void *strip = NULL;
    tmsize_t room = 0;
    unsigned long long bytes = 0;

    if (!tif)
        return 1;
    do {
        if (TIFFStripSize(tif) > room) {
            free(strip);
            strip = malloc((size_t)(room = TIFFStripSize(tif)));
        }
        for (tstrip_t s = 0; strip && s < TIFFNumberOfStrips(tif); s++) {
            tmsize_t n = TIFFReadEncodedStrip(tif, s, strip, -1);
            if (n < 0)
                return 1;
            bytes += (unsigned long long)n;
        }
    } while (TIFFReadDirectory(tif));
    printf("%llu bytes\n", bytes);
    free(strip);
    TIFFClose(tif);
    return 0;
}
