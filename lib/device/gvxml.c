/* SPDX-License-Identifier: BSD-2-Clause */
/* What a GenICam client is told of the simulated GigE Vision camera: names of its registers. */
#include "device/gvcp.h"

#include <assert.h>
#include <string.h>

// clang-format off: the document is read as a document
#define INTEGER(name, min, max)                                                                    \
    "<Integer Name=\"" name "\" NameSpace=\"Standard\"><pValue>" name "Reg</pValue>"               \
    "<Min>" min "</Min>" max "</Integer>\n"
#define MAXIMUM(text) "<Max>" text "</Max>"
#define ENTRY(name, value)                                                                         \
    "<EnumEntry Name=\"" name "\" NameSpace=\"Standard\"><Value>" value "</Value></EnumEntry>"
#define ENUMERATION(name, entries)                                                                 \
    "<Enumeration Name=\"" name "\" NameSpace=\"Standard\">" entries "<pValue>" name               \
    "Reg</pValue></Enumeration>\n"
#define FLOAT(name, min, max, unit)                                                                \
    "<Float Name=\"" name "\" NameSpace=\"Standard\"><pValue>" name "Reg</pValue><Min>" min        \
    "</Min><Max>" max "</Max><Unit>" unit "</Unit></Float>\n"
#define COMMAND(name, reg, value)                                                                  \
    "<Command Name=\"" name "\" NameSpace=\"Standard\"><pValue>" reg                               \
    "</pValue><CommandValue>" value "</CommandValue></Command>\n"
#define INT_REG(name, address, mode)                                                               \
    "<IntReg Name=\"" name "Reg\"><Address>" address                                               \
    "</Address><Length>4</Length><AccessMode>" mode                                                \
    "</AccessMode><pPort>Device</pPort><Cachable>NoCache</Cachable><Sign>Unsigned</"               \
    "Sign><Endianess>BigEndian</Endianess></IntReg>\n"
#define FLOAT_REG(name, address)                                                                   \
    "<FloatReg Name=\"" name "Reg\"><Address>" address                                             \
    "</Address><Length>4</Length><AccessMode>RW</AccessMode>"                                      \
    "<pPort>Device</pPort><Cachable>NoCache</Cachable><Endianess>BigEndian</Endianess></"          \
    "FloatReg>\n"
#define TEXT_REG(name, address, length)                                                            \
    "<StringReg Name=\"" name "\" NameSpace=\"Standard\"><Address>" address                        \
    "</Address><Length>" length                                                                    \
    "</Length><AccessMode>RO</AccessMode><pPort>Device</pPort></StringReg>\n"
#define F(name) "<pFeature>" name "</pFeature>"

// Pieces, since a string of C11 need not hold more than 4095 characters.
static const char *const pieces[] = {
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
    "<RegisterDescription ModelName=\"SimScope\" VendorName=\"aftools\" ToolTip=\"\" "
    "StandardNameSpace=\"GEV\""
    " SchemaMajorVersion=\"1\" SchemaMinorVersion=\"0\" SchemaSubMinorVersion=\"1\" "
    "MajorVersion=\"1\""
    " MinorVersion=\"0\" SubMinorVersion=\"0\" ProductGuid=\"0\" VersionGuid=\"0\""
    " xmlns=\"http://www.genicam.org/GenApi/Version_1_0\""
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
    " xsi:schemaLocation=\"http://www.genicam.org/GenApi/Version_1_0 GenApiSchema.xsd\">\n"
    "<Category Name=\"Root\" NameSpace=\"Standard\">" F("DeviceVendorName") F("DeviceModelName")
        F("DeviceSerialNumber") F("SensorWidth") F("SensorHeight") F("Width") F("Height")
            F("OffsetX") F("OffsetY") F("PixelFormat") F("PayloadSize") F("AcquisitionMode")
                F("AcquisitionStart") F("AcquisitionStop") F("AcquisitionFrameRate")
                    F("TriggerSelector") F("TriggerMode") F("TriggerSource") F("TriggerSoftware")
                        F("ExposureTime") F("Gain") F("TLParamsLocked") "</Category>\n",
    TEXT_REG("DeviceVendorName", "0x48", "32"),
    TEXT_REG("DeviceModelName", "0x68", "32"),
    TEXT_REG("DeviceSerialNumber", "0xd8", "16"),
    INTEGER("SensorWidth", "1", ""),
    INTEGER("SensorHeight", "1", ""),
    INTEGER("Width", "1", "<pMax>SensorWidthReg</pMax>"),
    INTEGER("Height", "1", "<pMax>SensorHeightReg</pMax>"),
    INTEGER("OffsetX", "0", "<pMax>SensorWidthReg</pMax>"),
    INTEGER("OffsetY", "0", "<pMax>SensorHeightReg</pMax>"),
    INTEGER("PayloadSize", "0", ""),
    INTEGER("TLParamsLocked", "0", MAXIMUM("1")),
    ENUMERATION("PixelFormat", ENTRY("Mono8", "0x01080001") ENTRY("Mono10", "0x01100003")
                                   ENTRY("Mono12", "0x01100005") ENTRY("Mono12Packed", "0x010c0006")
                                       ENTRY("Mono16", "0x01100007")),
    ENUMERATION("AcquisitionMode", ENTRY("Continuous", "0")),
    ENUMERATION("TriggerSelector", ENTRY("FrameStart", "0")),
    ENUMERATION("TriggerMode", ENTRY("Off", "0") ENTRY("On", "1")),
    ENUMERATION("TriggerSource", ENTRY("Software", "0") ENTRY("Line1", "1")),
    COMMAND("AcquisitionStart", "AcquisitionReg", "1"),
    COMMAND("AcquisitionStop", "AcquisitionReg", "0"),
    COMMAND("TriggerSoftware", "TriggerSoftwareReg", "1"),
    FLOAT("ExposureTime", "10", "10000000", "us"),
    FLOAT("Gain", "0", "48", "dB"),
    FLOAT("AcquisitionFrameRate", "0.1", "1000", "Hz"),
    INT_REG("Width", "0x10000", "RW"),
    INT_REG("Height", "0x10004", "RW"),
    INT_REG("OffsetX", "0x10008", "RW"),
    INT_REG("OffsetY", "0x1000c", "RW"),
    INT_REG("SensorWidth", "0x10010", "RO"),
    INT_REG("SensorHeight", "0x10014", "RO"),
    INT_REG("PixelFormat", "0x10018", "RW"),
    INT_REG("PayloadSize", "0x1001c", "RO"),
    INT_REG("AcquisitionMode", "0x10020", "RW"),
    INT_REG("Acquisition", "0x10024", "RW"),
    INT_REG("TriggerMode", "0x10028", "RW"),
    INT_REG("TriggerSource", "0x1002c", "RW"),
    INT_REG("TriggerSoftware", "0x10030", "RW"),
    INT_REG("TriggerSelector", "0x10034", "RW"),
    FLOAT_REG("ExposureTime", "0x10038"),
    FLOAT_REG("Gain", "0x1003c"),
    FLOAT_REG("AcquisitionFrameRate", "0x10040"),
    INT_REG("TLParamsLocked", "0x10044", "RW"),
    "<Port Name=\"Device\" NameSpace=\"Standard\"/>\n",
    "</RegisterDescription>\n",
};
// clang-format on

size_t af_gv_xml(char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        size_t length = strlen(pieces[i]);

        assert(n + length < size);
        memcpy(out + n, pieces[i], length + 1);
        n += length;
    }
    return n;
}
