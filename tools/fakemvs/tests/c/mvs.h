/* Declarations of the part of the MVS API that the programs here use, written from the tables of layouts and
   signatures. The compiler, not we, decides how wide the pixel type is. */
#ifndef MVS_H
#define MVS_H
#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#define MVS_UNDEFINED 0xFFFFFFFF
#else
#define MVS_UNDEFINED (-1)
#endif

enum pixel_type {
    PIXEL_UNDEFINED = MVS_UNDEFINED,
    PIXEL_MONO8 = 0x01080001,
    PIXEL_JPEG = 0x80180001
};

typedef struct {
    unsigned short width, height;
    enum pixel_type pixel_type;
    unsigned int frame_num, dev_timestamp_high, dev_timestamp_low, reserved0;
    int64_t host_timestamp;
    unsigned int frame_len, second_count, cycle_count, cycle_offset;
    float gain, exposure_time;
    unsigned int average_brightness, red, green, blue, frame_counter, trigger_index, input, output;
    unsigned short offset_x, offset_y, chunk_width, chunk_height;
    unsigned int lost_packet, unparsed_chunk_num;
    union { void *list; int64_t align; } unparsed_chunk_list;
    unsigned int extend_width, extend_height;
    uint64_t frame_len_ex;
    unsigned int extra_type, sub_image_num;
    union { void *list; int64_t align; } sub_image_list;
    union { void *user; int64_t align; } user_ptr;
    unsigned int first_line_encoder, last_line_encoder, last_frame_flag;
    unsigned int reserved[23];
} frame_info;

typedef struct {
    unsigned char *buf_addr;
    frame_info info;
    unsigned int reserved[16];
} frame_out;

typedef struct {
    unsigned int ip_cfg_option, ip_cfg_current, current_ip, current_subnet, default_gateway;
    unsigned char manufacturer[32], model[32], version[32], specific[48], serial[16], user_name[16];
    unsigned int net_export, reserved[4];
} gige_info;

typedef struct {
    unsigned char endpoints[4];
    unsigned short vendor_id, product_id;
    unsigned int device_number;
    unsigned char guid[64], vendor[64], model[64], family[64], version[64], manufacturer[64], serial[64],
        user_name[64];
    unsigned int bcd_usb, address, reserved[2];
} usb_info;

typedef struct {
    unsigned short major, minor;
    unsigned int mac_high, mac_low, transport_layer, dev_type, reserved[3];
    union { gige_info gige; usb_info usb; } special;
} device_info;

typedef struct {
    unsigned int count;
    device_info *devices[256];
} device_info_list;

typedef struct { unsigned int current, max, min, inc, reserved[4]; } int_value;
typedef struct { int64_t current, max, min, inc; unsigned int reserved[16]; } int_value_ex;
typedef struct { float current, max, min; unsigned int reserved[4]; } float_value;
typedef struct { unsigned int current, supported_count, supported[64], reserved[4]; } enum_value;
typedef struct { char current[256]; int64_t max_length; unsigned int reserved[2]; } string_value;
typedef struct { unsigned int kind; void *info; unsigned int info_size; } all_match_info;
typedef struct {
    int64_t receive_data_size, lost_packet_count;
    unsigned int lost_frame_count, recv_frame_count;
    int64_t request_resend_count, resend_count;
} net_detect;
typedef struct {
    int64_t receive_data_size;
    unsigned int received_frame_count, error_frame_count, reserved[2];
} usb_detect;
typedef struct {
    int64_t receive_data_size;
    int throw_frame_count;
    unsigned int recv_frame_count;
    int64_t request_resend_count, resend_count;
} net_trans_info;
typedef struct { char serial[64]; unsigned int stream_index; int kind; unsigned int reserved[8]; }
    stream_exception_info;

unsigned int MV_CC_GetSDKVersion(void);
int MV_CC_EnumDevices(unsigned int layers, device_info_list *list);
int MV_CC_CreateHandle(void **handle, const device_info *info);
int MV_CC_DestroyHandle(void *handle);
int MV_CC_OpenDevice(void *handle, unsigned int mode, unsigned short key);
int MV_CC_CloseDevice(void *handle);
int MV_CC_StartGrabbing(void *handle);
int MV_CC_StopGrabbing(void *handle);
int MV_CC_GetOneFrameTimeout(void *handle, unsigned char *data, unsigned int size, frame_info *info, unsigned int ms);
int MV_CC_GetImageBuffer(void *handle, frame_out *out, unsigned int ms);
int MV_CC_FreeImageBuffer(void *handle, frame_out *out);
int MV_CC_GetOptimalPacketSize(void *handle);
int MV_CC_GetIntValueEx(void *handle, const char *key, int_value_ex *value);
int MV_CC_SetIntValueEx(void *handle, const char *key, int64_t value);
int MV_CC_SetEnumValue(void *handle, const char *key, unsigned int value);
int MV_CC_SetFloatValue(void *handle, const char *key, float value);
int MV_CC_SetCommandValue(void *handle, const char *key);
int MV_CC_RegisterImageCallBackEx(void *handle, void (*call)(unsigned char *, frame_info *, void *), void *user);
int MV_CC_RegisterExceptionCallBack(void *handle, void (*call)(unsigned int, void *), void *user);
int fakemvs_check(const uint8_t *image, uint64_t len, uint32_t *frame_num);

#endif
