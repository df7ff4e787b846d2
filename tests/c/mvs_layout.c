/* The structures of the MVS interface as a C program declares them, so that the platform's own compiler says
 * where their members lie. Prints `structure member offset`, and `structure - size`. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What makes the enumeration 8 bytes wide on Linux: -1 beside values beyond INT_MAX. */
enum pixel_type {
#if defined(_WIN32) || defined(AS_ON_WINDOWS)
    undefined = 0xFFFFFFFF,
#else
    undefined = -1,
#endif
    mono8 = 0x01080001,
    jpeg = 0x80180001,
};

union word { void *pointer; int64_t aligned; };

struct FrameInfo {
    unsigned short width, height;
    enum pixel_type pixel_type;
    unsigned int frame_num, dev_time_high, dev_time_low, reserved0;
    int64_t host_time_ms;
    unsigned int frame_len, second_count, cycle_count, cycle_offset;
    float gain, exposure_us;
    unsigned int brightness, red, green, blue, frame_counter, trigger_index, input, output;
    unsigned short offset_x, offset_y, chunk_width, chunk_height;
    unsigned int lost_packets, unparsed_chunks;
    union word unparsed_chunk_list;
    unsigned int extend_width, extend_height;
    uint64_t frame_len_ex;
    unsigned int extra_type, sub_images;
    union word sub_image_list, user;
    unsigned int first_line_encoder, last_line_encoder, last_frame, reserved[23];
};

struct FrameOut { unsigned char *buffer; struct FrameInfo info; unsigned int reserved[16]; };

struct GigeInfo {
    unsigned int ip_option, ip_config, current_ip, subnet_mask, gateway;
    unsigned char manufacturer[32], model[32], version[32], specific[48], serial[16], user_name[16];
    unsigned int net_export, reserved[4];
};

struct UsbInfo {
    unsigned char endpoints[4];
    unsigned short vendor_id, product_id;
    unsigned int device_number;
    unsigned char guid[64], vendor[64], model[64], family[64], version[64], manufacturer[64], serial[64],
        user_name[64];
    unsigned int usb_version, address, reserved[2];
};

struct DeviceInfo {
    unsigned short major, minor;
    unsigned int mac_high, mac_low, layer, kind, reserved[3];
    union { struct GigeInfo gige; struct UsbInfo usb; } special;
};

struct DeviceList { unsigned int count; struct DeviceInfo *devices[256]; };
struct IntValue { int64_t current, max, min, inc; unsigned int reserved[16]; };
struct FloatValue { float current, max, min; unsigned int reserved[4]; };
struct EnumValue { unsigned int current, count, values[64], reserved[4]; };
struct StringValue { char current[256]; int64_t max_length; unsigned int reserved[2]; };
struct MatchInfo { unsigned int kind; void *info; unsigned int info_bytes; };
struct NetDetect {
    int64_t received_bytes, lost_packets;
    unsigned int lost_frames, received_frames;
    int64_t resends_asked, resends;
};
struct UsbDetect { int64_t received_bytes; unsigned int received_frames, error_frames, reserved[2]; };
struct StreamException { char serial[64]; unsigned int stream; int kind; unsigned int reserved[8]; };

#define SIZE(s) printf(#s " - %zu\n", sizeof(struct s))
#define AT(s, m) printf(#s " " #m " %zu\n", offsetof(struct s, m))

int main(void) {
    SIZE(FrameInfo);
    AT(FrameInfo, width); AT(FrameInfo, height); AT(FrameInfo, pixel_type); AT(FrameInfo, frame_num);
    AT(FrameInfo, dev_time_high); AT(FrameInfo, dev_time_low); AT(FrameInfo, reserved0);
    AT(FrameInfo, host_time_ms); AT(FrameInfo, frame_len); AT(FrameInfo, second_count);
    AT(FrameInfo, cycle_count); AT(FrameInfo, cycle_offset); AT(FrameInfo, gain);
    AT(FrameInfo, exposure_us); AT(FrameInfo, brightness); AT(FrameInfo, red); AT(FrameInfo, green);
    AT(FrameInfo, blue); AT(FrameInfo, frame_counter); AT(FrameInfo, trigger_index);
    AT(FrameInfo, input); AT(FrameInfo, output); AT(FrameInfo, offset_x); AT(FrameInfo, offset_y);
    AT(FrameInfo, chunk_width); AT(FrameInfo, chunk_height); AT(FrameInfo, lost_packets);
    AT(FrameInfo, unparsed_chunks); AT(FrameInfo, unparsed_chunk_list); AT(FrameInfo, extend_width);
    AT(FrameInfo, extend_height); AT(FrameInfo, frame_len_ex); AT(FrameInfo, extra_type);
    AT(FrameInfo, sub_images); AT(FrameInfo, sub_image_list); AT(FrameInfo, user);
    AT(FrameInfo, first_line_encoder); AT(FrameInfo, last_line_encoder); AT(FrameInfo, last_frame);
    AT(FrameInfo, reserved);
    SIZE(FrameOut); AT(FrameOut, buffer); AT(FrameOut, info); AT(FrameOut, reserved);
    SIZE(GigeInfo); AT(GigeInfo, current_ip); AT(GigeInfo, manufacturer); AT(GigeInfo, model);
    AT(GigeInfo, version); AT(GigeInfo, serial); AT(GigeInfo, user_name); AT(GigeInfo, net_export);
    SIZE(UsbInfo); AT(UsbInfo, vendor_id); AT(UsbInfo, device_number); AT(UsbInfo, guid);
    AT(UsbInfo, model); AT(UsbInfo, version); AT(UsbInfo, manufacturer); AT(UsbInfo, serial);
    AT(UsbInfo, user_name); AT(UsbInfo, usb_version);
    SIZE(DeviceInfo); AT(DeviceInfo, mac_high); AT(DeviceInfo, layer); AT(DeviceInfo, kind);
    AT(DeviceInfo, special);
    SIZE(DeviceList); AT(DeviceList, count); AT(DeviceList, devices);
    SIZE(IntValue); AT(IntValue, current); AT(IntValue, max); AT(IntValue, min); AT(IntValue, inc);
    SIZE(FloatValue); AT(FloatValue, current); AT(FloatValue, max); AT(FloatValue, min);
    SIZE(EnumValue); AT(EnumValue, current); AT(EnumValue, count); AT(EnumValue, values);
    SIZE(StringValue); AT(StringValue, current); AT(StringValue, max_length);
    SIZE(MatchInfo); AT(MatchInfo, kind); AT(MatchInfo, info); AT(MatchInfo, info_bytes);
    SIZE(NetDetect); AT(NetDetect, received_bytes); AT(NetDetect, lost_frames);
    AT(NetDetect, received_frames); AT(NetDetect, resends_asked);
    SIZE(UsbDetect); AT(UsbDetect, received_bytes); AT(UsbDetect, received_frames);
    SIZE(StreamException); AT(StreamException, serial); AT(StreamException, stream);
    AT(StreamException, kind);
    return 0;
}
