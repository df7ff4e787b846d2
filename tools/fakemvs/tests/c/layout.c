/* Prints what the platform's compiler makes of the declarations: one line for each struct and field. */
#include "mvs.h"
#include <stdio.h>

#define SIZE(type) printf(#type " %zu\n", sizeof(type))
#define AT(type, field) printf(#type "." #field " %zu\n", offsetof(type, field))

int main(void) {
    SIZE(frame_info);
    AT(frame_info, pixel_type);
    AT(frame_info, frame_num);
    AT(frame_info, host_timestamp);
    AT(frame_info, frame_len);
    AT(frame_info, gain);
    AT(frame_info, average_brightness);
    AT(frame_info, frame_counter);
    AT(frame_info, offset_x);
    AT(frame_info, lost_packet);
    AT(frame_info, unparsed_chunk_list);
    AT(frame_info, extend_width);
    AT(frame_info, frame_len_ex);
    AT(frame_info, extra_type);
    AT(frame_info, sub_image_list);
    AT(frame_info, user_ptr);
    AT(frame_info, first_line_encoder);
    AT(frame_info, last_frame_flag);
    AT(frame_info, reserved);
    SIZE(frame_out);
    AT(frame_out, info);
    AT(frame_out, reserved);
    SIZE(gige_info);
    AT(gige_info, serial);
    AT(gige_info, user_name);
    AT(gige_info, net_export);
    SIZE(usb_info);
    AT(usb_info, guid);
    AT(usb_info, serial);
    AT(usb_info, bcd_usb);
    SIZE(device_info);
    AT(device_info, transport_layer);
    AT(device_info, special);
    SIZE(device_info_list);
    AT(device_info_list, devices);
    SIZE(int_value);
    SIZE(int_value_ex);
    SIZE(float_value);
    SIZE(enum_value);
    AT(enum_value, supported);
    SIZE(string_value);
    AT(string_value, max_length);
    SIZE(all_match_info);
    AT(all_match_info, info);
    AT(all_match_info, info_size);
    SIZE(net_detect);
    AT(net_detect, lost_frame_count);
    AT(net_detect, resend_count);
    SIZE(usb_detect);
    SIZE(net_trans_info);
    AT(net_trans_info, recv_frame_count);
    SIZE(stream_exception_info);
    AT(stream_exception_info, kind);
    return 0;
}
