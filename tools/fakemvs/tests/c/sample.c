/* A program as a user of MVS writes it: finds the first camera, grabs by each way, triggers, and cleans up. It knows
   nothing of a simulation, except that it asks whether images are whole. */
#include "mvs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int code, const char *what) {
    if (code != 0) {
        fprintf(stderr, "%s failed: 0x%08x\n", what, (unsigned)code);
        exit(1);
    }
}

static void whole(const unsigned char *image, const frame_info *info) {
    uint32_t number = 0;
    if (fakemvs_check(image, info->frame_len, &number) != 0 || number != info->frame_num) {
        fprintf(stderr, "frame %u is torn\n", info->frame_num);
        exit(1);
    }
}

static volatile int images;

static void on_image(unsigned char *data, frame_info *info, void *user) {
    (void)user;
    whole(data, info);
    images++;
}

static void on_exception(unsigned int kind, void *user) {
    (void)user;
    fprintf(stderr, "exception 0x%x\n", kind);
}

int main(void) {
    static device_info_list list;
    void *camera = NULL;
    printf("SDK version 0x%08x\n", MV_CC_GetSDKVersion());
    must(MV_CC_EnumDevices(1 | 4, &list), "EnumDevices");
    for (unsigned i = 0; i < list.count; i++) {
        const device_info *info = list.devices[i];
        if (info->transport_layer == 1)
            printf("GigE %s %s at %08x\n", (const char *)info->special.gige.model,
                   (const char *)info->special.gige.serial, info->special.gige.current_ip);
        else
            printf("USB %s %s\n", (const char *)info->special.usb.model, (const char *)info->special.usb.serial);
    }
    if (list.count == 0) return 2;
    must(MV_CC_CreateHandle(&camera, list.devices[0]), "CreateHandle");
    must(MV_CC_OpenDevice(camera, 1, 0), "OpenDevice");
    int packet = MV_CC_GetOptimalPacketSize(camera);
    if (packet > 0) must(MV_CC_SetIntValueEx(camera, "GevSCPSPacketSize", packet), "packet size");
    must(MV_CC_RegisterExceptionCallBack(camera, on_exception, NULL), "exception callback");
    must(MV_CC_SetEnumValue(camera, "TriggerMode", 0), "TriggerMode");
    must(MV_CC_SetFloatValue(camera, "ExposureTime", 2000.0f), "ExposureTime");
    must(MV_CC_SetIntValueEx(camera, "Width", 640), "Width");
    must(MV_CC_SetIntValueEx(camera, "Height", 480), "Height");
    int_value_ex payload;
    memset(&payload, 0, sizeof payload);
    must(MV_CC_GetIntValueEx(camera, "PayloadSize", &payload), "PayloadSize");
    printf("payload %lld\n", (long long)payload.current);

    must(MV_CC_StartGrabbing(camera), "StartGrabbing");
    unsigned char *data = malloc((size_t)payload.current);
    for (int i = 0; i < 5; i++) {
        frame_info info;
        memset(&info, 0, sizeof info);
        must(MV_CC_GetOneFrameTimeout(camera, data, (unsigned)payload.current, &info, 5000), "GetOneFrameTimeout");
        if (info.pixel_type != PIXEL_MONO8 || info.width != 640 || info.height != 480) return 3;
        whole(data, &info);
    }
    for (int i = 0; i < 5; i++) {
        frame_out out;
        memset(&out, 0, sizeof out);
        must(MV_CC_GetImageBuffer(camera, &out, 5000), "GetImageBuffer");
        whole(out.buf_addr, &out.info);
        must(MV_CC_FreeImageBuffer(camera, &out), "FreeImageBuffer");
    }
    must(MV_CC_StopGrabbing(camera), "StopGrabbing");

    must(MV_CC_SetEnumValue(camera, "TriggerMode", 1), "TriggerMode");
    must(MV_CC_SetEnumValue(camera, "TriggerSource", 7), "TriggerSource");
    must(MV_CC_StartGrabbing(camera), "StartGrabbing, triggered");
    frame_info none;
    memset(&none, 0, sizeof none);
    int code = MV_CC_GetOneFrameTimeout(camera, data, (unsigned)payload.current, &none, 20);
    if ((unsigned)code != 0x80000007u) return 4;
    must(MV_CC_SetCommandValue(camera, "TriggerSoftware"), "TriggerSoftware");
    must(MV_CC_GetOneFrameTimeout(camera, data, (unsigned)payload.current, &none, 5000), "the triggered frame");
    whole(data, &none);
    must(MV_CC_StopGrabbing(camera), "StopGrabbing");

    must(MV_CC_RegisterImageCallBackEx(camera, on_image, NULL), "image callback");
    must(MV_CC_StartGrabbing(camera), "StartGrabbing, callback");
    for (int i = 0; i < 3; i++) {
        must(MV_CC_SetCommandValue(camera, "TriggerSoftware"), "TriggerSoftware");
        while (images <= i) { /* whoever runs this has a time limit */ }
    }
    must(MV_CC_StopGrabbing(camera), "StopGrabbing");
    must(MV_CC_CloseDevice(camera), "CloseDevice");
    must(MV_CC_DestroyHandle(camera), "DestroyHandle");
    free(data);
    printf("done, %d images by callback\n", images);
    return 0;
}
