//! The codes of Hikrobot's MVS C interface: those that its calls return, and those that its callbacks post.
//!
//! The class is what a line on a camera should do (DESIGN section 5), not what the name suggests:
//! `MV_E_NODATA` is a time-out, `MV_E_BUSY` is how a broken network looks.

use super::table::{CodeEntry, entries};

/// What the calls return, sorted; and at the front, since their numbers are small, what callbacks post.
pub const TABLE: &[CodeEntry] = entries! {
    // Posted by the stream exception callback.
    0x00004001 MV_CC_STREAM_EXCEPTION_ABNORMAL_IMAGE DamagedFrame "异常图像"
        "A frame with a wrong length or checksum was thrown away by the SDK."
        "cable, switch and packet size; resend settings on GigE, cable length on USB";
    0x00004002 MV_CC_STREAM_EXCEPTION_LIST_OVERFLOW Overrun "缓存列表溢出"
        "Frames were not taken in time and the SDK's output list overflowed."
        "a stage slower than the camera; nodes=N, faster stages, or a lower rate";
    0x00004003 MV_CC_STREAM_EXCEPTION_LIST_EMPTY Overrun "缓存列表为空"
        "Frames were not given back in time and the SDK had no buffer for the next."
        "who holds frames (held in the report); more nodes or slots, or a lower rate";
    0x00004004 MV_CC_STREAM_EXCEPTION_RECONNECTION DamagedFrame "断流恢复"
        "The stream broke off and the SDK is mending it."
        "USB cable, hub and power; frames are missing while it lasts";
    0x00004005 MV_CC_STREAM_EXCEPTION_DISCONNECTED Lost "断流"
        "The stream broke off and the SDK gave it up."
        "USB cable, hub and power; whether the camera's light is on";
    0x00004006 MV_CC_STREAM_EXCEPTION_DEVICE Lost "设备异常"
        "The device reports a fault of its own and the stream has ended."
        "the camera's temperature and power; its firmware";
    0x00004007 MV_CC_STREAM_EXCEPTION_PARTIAL_IMAGE DamagedFrame "残帧"
        "A line-scan frame had too few lines and was thrown away."
        "the frame trigger and the encoder of the line-scan camera";
    0x00004008 MV_CC_STREAM_EXCEPTION_IMAGE_BUFFER_OVERFLOW BufferTooSmall "图像缓存溢出"
        "The device sent more than the image buffer holds; the frame was thrown away."
        "whether region, format or chunk data were changed while grabbing; pool.headroom";
    // Posted by the device exception callback.
    0x00008001 MV_EXCEPTION_DEV_DISCONNECT Lost "设备断开连接"
        "The device is gone: no heartbeat came for seconds."
        "cable, power and switch; a host so loaded that the heartbeat lapses looks the same";
    0x00008002 MV_EXCEPTION_VERSION_CHECK Incompatible "版本检查异常"
        "Library and driver have versions that do not fit."
        "whether library and driver are of one version; reinstall MVS";
    // General.
    0x80000000 MV_E_HANDLE Lost "无效句柄"
        "The handle is wrong or was destroyed."
        "whether the camera was closed elsewhere in the program; at start, whether it was opened at all";
    0x80000001 MV_E_SUPPORT Incompatible "不支持的功能"
        "This library or camera does not have the function."
        "versions of MVS and of the camera's firmware; the option that asks for it";
    0x80000002 MV_E_BUFOVER Overrun "缓存已满"
        "The SDK's own buffers are full."
        "a stage slower than the camera; more nodes, faster stages, or a lower rate";
    0x80000003 MV_E_CALLORDER Misuse "调用顺序错误"
        "The call is not allowed in this state: not opened, not started, or started already."
        "whether another part of the program uses the same handle, or a callback is registered besides grabbing";
    0x80000004 MV_E_PARAMETER Misuse "参数错误"
        "An argument of the call is wrong."
        "the feature or option that was set last, and its range";
    0x80000006 MV_E_RESOURCE Overrun "资源申请失败"
        "The SDK could not get memory or another resource."
        "free memory, number of nodes, limit of open files; usbfs memory on USB (frameline doctor)";
    0x80000007 MV_E_NODATA Timeout "无数据 / 超时"
        "No frame came within the time-out. This is no buffer fault: nothing needs to be reallocated."
        "whether the camera waits for a trigger, is unplugged, or had its region or packet size changed while grabbing: all look the same here, so the line asks the camera after several";
    0x80000008 MV_E_PRECONDITION Lost "前置条件有误 / 环境变化"
        "Something that the call needs has changed: the state of the camera or of the host."
        "whether the camera was reset, or a network adapter changed its address";
    0x80000009 MV_E_VERSION Incompatible "版本不匹配"
        "Versions of library, driver or camera do not fit."
        "versions of MVS and of the camera's firmware; reinstall the one, update the other";
    0x8000000A MV_E_NOENOUGH_BUF BufferTooSmall "传入的内存不足"
        "The buffer that was passed is smaller than the frame. The frame is kept and can be fetched with a larger one."
        "whether the region or format grew; pool.headroom saves the reset";
    0x8000000B MV_E_ABNORMAL_IMAGE DamagedFrame "异常图像 / 丢包"
        "The frame is incomplete: packets were lost."
        "packet size and jumbo frames, socket buffer, the switch, resend settings (frameline doctor)";
    0x8000000C MV_E_LOAD_LIBRARY Incompatible "动态库加载失败"
        "A library that the SDK itself loads could not be loaded."
        "that MVS is installed whole, and that its library path is set (MVCAM_COMMON_RUNENV)";
    0x8000000D MV_E_NOOUTBUF Overrun "没有可输出的缓存"
        "All of the SDK's nodes are lent out. The call returns at once, whatever its time-out."
        "node=N at least the number of frames held plus three; who holds frames (held in the report)";
    0x8000000E MV_E_ENCRYPT Incompatible "加密错误"
        "The check of the encryption failed."
        "whether camera and library are genuine and belong together";
    0x8000000F MV_E_OPENFILE Misuse "打开文件错误"
        "A file could not be opened."
        "path and rights; the SDK writes into the current directory when it opens a camera";
    0x80000010 MV_E_BUF_IN_USE Misuse "缓存已被使用"
        "The buffer is registered already."
        "whether two parts of the program register buffers with the same camera";
    0x80000011 MV_E_BUF_INVALID Misuse "无效的缓存地址"
        "The address of the buffer is wrong."
        "report it: frameline registers only slots of its pool";
    0x80000012 MV_E_NOALIGN_BUF BufferTooSmall "缓存未对齐"
        "Address or length of the buffer are not aligned as the camera needs."
        "fill=lend or fill=copy, where the SDK aligns its own buffers";
    0x80000013 MV_E_NOENOUGH_BUF_NUM BufferTooSmall "缓存个数不足"
        "Too few buffers are registered."
        "pool.slots: at least three must be registered beside those that are held";
    0x80000014 MV_E_PORT_IN_USE Busy "串口被占用"
        "The serial port of the camera is in use."
        "which other program talks to the camera's serial port";
    0x80000015 MV_E_IMAGE_DECODEC DamagedFrame "图像解码错误"
        "A compressed frame could not be decoded."
        "lost packets; whether lossless compression fits the SDK's version, or switch it off";
    0x80000016 MV_E_UINT32_LIMIT Misuse "图像大小超过32位限制"
        "The image is larger than 4 GiB, which this call cannot tell."
        "a smaller region, or fewer lines a frame";
    0x80000017 MV_E_IMAGE_HEIGHT DamagedFrame "图像高度异常"
        "The frame has fewer lines than it should."
        "the frame trigger and the encoder of the line-scan camera";
    0x80000018 MV_E_NOENOUGH_DDR Overrun "采集卡内存不足"
        "The frame grabber's memory is full."
        "the grabber's buffer settings; a lower rate or a smaller region";
    0x80000019 MV_E_NOENOUGH_STREAM Misuse "流通道不足"
        "The frame grabber has no stream channel left."
        "how many cameras and streams the grabber is configured for";
    0x8000001A MV_E_NORESPONSE Lost "设备无响应"
        "The device does not answer."
        "cable, power and switch; the firewall on the camera's network";
    0x8000001B MV_E_WRITEFILE Misuse "写文件失败"
        "A file could not be written."
        "rights and free space of the path";
    0x8000001C MV_E_READFILE Misuse "读文件失败"
        "A file could not be read."
        "whether the file is there, and its rights";
    0x8000001D MV_E_FILELENGTH Misuse "文件长度错误"
        "A file has a wrong length."
        "whether the file was copied whole";
    0x8000001E MV_E_RESOURCE_EVENT Misuse "创建事件失败"
        "The SDK could not create an event object."
        "limits of the system: open files, processes, memory";
    0x8000001F MV_E_RESOURCE_THREAD Misuse "创建线程失败"
        "The SDK could not create a thread."
        "limits of the system: number of threads, memory";
    0x80000020 MV_E_DEV_OFFLINE Lost "设备已掉线"
        "The device is offline."
        "cable, power and switch; temperature of the camera";
    0x80000021 MV_E_DEV_SUPPORT Incompatible "设备不支持"
        "The device does not support it."
        "the camera's data sheet and firmware; the option that asks for it";
    0x80000022 MV_E_PLATFORM_SUPPORT Incompatible "平台不支持"
        "The SDK does not do it on this system."
        "the option that asks for it; some functions are there on Windows only";
    0x80000023 MV_E_SERIAL_BUFFER_FULL Busy "串口缓存已满"
        "The buffer of the camera's serial port is full."
        "send less, or read what the device answers";
    0x80000024 MV_E_CHANNEL_INDEX Misuse "流通道索引无效"
        "There is no stream channel of that number."
        "the stream that was chosen";
    0x80000025 MV_E_PARAMETER_RANGE Misuse "参数超出范围"
        "An argument is out of its range."
        "the feature that was set last, and its range";
    0x80000026 MV_E_RESOURCE_IO Lost "IO资源异常"
        "An input or output resource of the system failed."
        "the system's log; driver of the adapter or the frame grabber";
    0x80000027 MV_E_IMAGE_INFO_INVALID DamagedFrame "图像信息异常"
        "Width, height or length of the frame make no sense."
        "lost packets; whether the region was changed while grabbing";
    0x80000028 MV_E_RESOURCE_IN_USE Busy "资源被占用"
        "The frame grabber, the device or the stream is in use."
        "which other program has it open; an earlier run that still lives";
    // Answers of the device to register access.
    0x80000041 MV_E_DEV_NOT_IMPLEMENTED Misuse "设备未实现该命令"
        "The device does not have the command."
        "the feature that was set last; the camera's firmware";
    0x80000042 MV_E_DEV_INVALID_PARAMETER Misuse "命令参数无效"
        "The device refused the command's argument."
        "the feature that was set last, and its range";
    0x80000043 MV_E_DEV_INVALID_ADDRESS Misuse "寄存器地址不存在"
        "The device has no register at that address."
        "whether the camera's description file belongs to its firmware";
    0x80000044 MV_E_DEV_WRITE_PROTECT Misuse "寄存器只读"
        "The register can only be read."
        "the feature that was set last: it may be locked while grabbing";
    0x80000045 MV_E_DEV_BAD_ALIGNMENT Misuse "寄存器地址未对齐"
        "The register's address is not aligned."
        "whether the camera's description file belongs to its firmware";
    0x80000046 MV_E_DEV_ACCESS_DENIED Misuse "寄存器访问被拒绝"
        "The register cannot be read, or not be written, now."
        "the feature that was set last: it may be locked while grabbing or need another to be set first";
    0x80000047 MV_E_DEV_BUSY Busy "设备正忙"
        "The device is busy."
        "whether it is starting, saving settings or being updated";
    0x80000048 MV_E_DEV_MSG_TIMEOUT Timeout "设备应答超时"
        "The device did not answer a command in time."
        "load of network and host; cable and power if it lasts";
    0x80000049 MV_E_DEV_INVALID_HEADER Unknown "命令头无效"
        "The header of a command or answer is wrong."
        "whether another program talks to the camera; its firmware";
    0x8000004A MV_E_DEV_UNKNOWN Unknown "设备未知错误"
        "The device answered with a code that the SDK does not know."
        "the camera's firmware and the SDK's version";
    0x8000004B MV_E_DEV_INVALID_PARAMS Unknown "设备返回参数无效"
        "The device answered with arguments that make no sense."
        "the camera's firmware and the SDK's version";
    0x8000004C MV_E_DEV_WRONG_CONFIG Misuse "设备配置不允许"
        "The device's settings forbid the command."
        "the camera's modes: trigger, sequencer, user set";
    0x8000004D MV_E_DEV_CRC Busy "CRC校验错误"
        "A command or answer arrived damaged."
        "cable and shielding; sources of interference near the cable";
    0x800000FE MV_E_INTERNAL Lost "SDK内部错误"
        "The SDK failed inside."
        "the SDK's own log; another version of MVS";
    0x800000FF MV_E_UNKNOW Unknown "未知错误"
        "The SDK does not know what went wrong."
        "the SDK's own log; the system's log at that time";
    // GenICam.
    0x80000100 MV_E_GC_GENERIC Misuse "GenICam通用错误"
        "A GenICam fault without more; also the answer for a feature that is not there, and when the SDK cannot write its files into the current directory."
        "spelling of the feature; that the current directory can be written";
    0x80000101 MV_E_GC_ARGUMENT Misuse "GenICam参数非法"
        "A feature was given a value that it does not have."
        "the feature's list of values";
    0x80000102 MV_E_GC_RANGE Misuse "GenICam值超出范围"
        "A feature was given a value out of its range."
        "smallest, largest and step of the feature, which may depend on others";
    0x80000103 MV_E_GC_PROPERTY Misuse "GenICam属性错误"
        "A property of a feature is wrong."
        "the camera's description file and its firmware";
    0x80000104 MV_E_GC_RUNTIME Misuse "GenICam运行环境错误"
        "GenICam's environment is wrong."
        "that MVS is installed whole; other GenICam libraries on the path";
    0x80000105 MV_E_GC_LOGICAL Misuse "GenICam逻辑错误"
        "A GenICam call was made in a wrong way."
        "the feature that was set last, and its kind";
    0x80000106 MV_E_GC_ACCESS Misuse "节点访问条件有误"
        "The feature cannot be accessed now; often it is locked while grabbing."
        "whether it can be set before the start; the line stops for features that are locked";
    0x80000107 MV_E_GC_TIMEOUT Timeout "GenICam超时"
        "A GenICam access took too long."
        "load of network and host; cable and power if it lasts";
    0x80000108 MV_E_GC_DYNAMICCAST Misuse "GenICam类型转换异常"
        "The feature is of another kind than it was used as."
        "whether it is a number, a choice, a text or a command";
    0x80000109 MV_E_GC_NODE_NOT_FOUND Misuse "节点不存在"
        "The camera has no such feature."
        "spelling of the feature; the camera's data sheet";
    0x8000010A MV_E_GC_NODE_VERIFY Misuse "节点校验失败"
        "The feature did not pass its check."
        "the camera's description file and its firmware";
    0x8000010B MV_E_GC_FILE Misuse "GenICam文件异常"
        "A GenICam file is wrong."
        "the camera's description file and its firmware";
    0x8000010C MV_E_GC_URL_DESC Misuse "设备描述地址异常"
        "The address of the camera's description file is wrong."
        "the camera's firmware";
    0x800001FF MV_E_GC_UNKNOW Misuse "GenICam未知错误"
        "GenICam does not know what went wrong."
        "the feature that was set last; the SDK's own log";
    // GigE Vision.
    0x80000200 MV_E_NOT_IMPLEMENTED Misuse "命令不被设备支持"
        "The camera does not know the command."
        "the feature that was set last; the camera's firmware";
    0x80000201 MV_E_INVALID_ADDRESS Misuse "目标地址不存在"
        "The camera has nothing at that address."
        "whether the camera's description file belongs to its firmware";
    0x80000202 MV_E_WRITE_PROTECT Misuse "目标地址不可写"
        "The camera does not let that be written."
        "the feature that was set last: it may be locked while grabbing";
    0x80000203 MV_E_ACCESS_DENIED Busy "设备无访问权限"
        "Another program controls the camera."
        "whether the MVS viewer or another program has it open; after a crash it is free when its heartbeat lapses";
    0x80000204 MV_E_BUSY Lost "设备忙 / 网络断开"
        "The camera is busy, or the network is broken: the SDK does not tell which."
        "cable, power and switch; another program that uses the camera";
    0x80000205 MV_E_PACKET DamagedFrame "网络包数据错误"
        "A network packet is wrong."
        "cable, switch and packet size; two devices with one address";
    0x80000206 MV_E_NETER Lost "网络相关错误"
        "The network failed: after a disconnection every control call answers so."
        "cable, power, switch and address of the adapter";
    0x80000207 MV_E_DRIVERATTACH Incompatible "GigE驱动未绑定"
        "The filter driver for GigE cameras is not bound to the adapter."
        "bind it in MVS's driver tool, or use the socket driver";
    0x80000208 MV_E_PACKET_ID_MISMATCH DamagedFrame "包ID不匹配"
        "A packet belongs to another frame than expected."
        "lost packets: cable, switch, packet size";
    0x80000209 MV_E_IMAGE_BUFFER_OVERFLOW BufferTooSmall "图像缓冲区溢出"
        "The frame is larger than the image buffer."
        "whether region, format or chunk data were changed while grabbing; pool.headroom";
    0x8000020A MV_E_NO_BUFFER_FOR_USE Overrun "没有可用的缓冲区"
        "The SDK has no buffer free."
        "who holds frames (held in the report); more nodes or slots, or a lower rate";
    0x8000020B MV_E_XML_INFO_PACKET_ERR Busy "XML信息包错误"
        "A packet of the camera's description file is wrong."
        "cable and switch; the camera may still be starting";
    0x8000020C MV_E_TIMEOUT Timeout "网络超时"
        "The network took too long."
        "load of network and host; cable and power if it lasts";
    0x8000020D MV_E_NET_TRANSMISSION_TYPE_ERR Misuse "传输类型参数错误"
        "Unicast and multicast are mixed up."
        "the transmission type of every program that uses this camera";
    0x8000020E MV_E_SUPPORT_MODIFY_DEVICE_IP Misuse "固定IP模式下不支持修改"
        "The address cannot be changed while the camera has a fixed one."
        "the camera's address mode";
    0x8000020F MV_E_KEY_VERIFICATION Misuse "密钥校验错误"
        "The key for switching control is wrong."
        "the key of the program that controls the camera";
    0x80000210 MV_E_VALUE_NOT_EXPECTED Misuse "值不符合预期"
        "A value is not what was expected."
        "the feature that was set last; the camera's firmware";
    0x80000211 MV_E_DEV_DISCONNECT Lost "设备断开连接"
        "The device is disconnected."
        "cable, power and switch";
    0x80000212 MV_E_UDP_INIT Lost "UDP初始化失败"
        "The network socket could not be made."
        "the adapter, its address, and the firewall";
    0x80000213 MV_E_UDP_SEND_DATA Lost "UDP发送失败"
        "Sending to the camera failed."
        "the adapter, its address, and the firewall";
    0x80000214 MV_E_UDP_RECV_DATA Lost "UDP接收失败"
        "Receiving from the camera failed."
        "the adapter, its address, and the firewall";
    0x80000215 MV_E_UDP_CONNECT Lost "UDP连接失败"
        "The network socket could not be connected."
        "the adapter, its address, and the firewall";
    0x80000216 MV_E_UDP_RESET_CONNECT Lost "UDP连接重置失败"
        "The network socket could not be connected anew."
        "the adapter, its address, and the firewall";
    0x80000217 MV_E_MULTICAST_ADD_DEVICE Misuse "添加组播设备失败"
        "The device could not be added to the multicast group."
        "multicast settings of switch and adapter";
    0x80000218 MV_E_MULTICAST_IP_INVALID Misuse "组播IP无效"
        "The address is no multicast address."
        "the address: multicast is 224.0.0.0 to 239.255.255.255";
    0x80000221 MV_E_IP_CONFLICT Misuse "设备IP冲突"
        "Two devices have the same address."
        "addresses: each camera needs one of its own, in the adapter's subnet";
    // USB3 Vision.
    0x80000300 MV_E_USB_READ Lost "读USB出错"
        "Reading from the USB device failed."
        "USB cable, hub and power";
    0x80000301 MV_E_USB_WRITE Lost "写USB出错"
        "Writing to the USB device failed."
        "USB cable, hub and power";
    0x80000302 MV_E_USB_DEVICE Lost "USB设备异常"
        "The USB device failed."
        "USB cable, hub and power; the system's log";
    0x80000303 MV_E_USB_GENICAM Lost "USB GenICam错误"
        "A GenICam fault on the USB device."
        "USB cable and power; the camera's firmware";
    0x80000304 MV_E_USB_BANDWIDTH Overrun "USB带宽不足"
        "The USB bus cannot carry this much."
        "one camera a controller; a lower rate or a smaller region; usbfs memory (frameline doctor)";
    0x80000305 MV_E_USB_DRIVER Incompatible "USB驱动不匹配或未安装"
        "The USB driver is missing or does not fit."
        "whether the USB driver of this version of MVS is installed";
    0x800003FF MV_E_USB_UNKNOW Lost "USB未知错误"
        "USB failed and the SDK does not know why."
        "USB cable, hub and power; the system's log";
    // Firmware update.
    0x80000400 MV_E_UPG_FILE_MISMATCH Misuse "固件不匹配"
        "The firmware file is not for this camera."
        "the file for exactly this model";
    0x80000401 MV_E_UPG_LANGUSGE_MISMATCH Misuse "固件语言不匹配"
        "The firmware file is for another language."
        "the file for this camera's language";
    0x80000402 MV_E_UPG_CONFLICT Misuse "升级冲突"
        "An update is under way already."
        "wait until it has ended, and do not cut the power";
    0x80000403 MV_E_UPG_INNER_ERR Misuse "升级时设备内部错误"
        "The camera failed inside during the update."
        "cut the power, and update once more";
    0x800004FF MV_E_UPG_UNKNOW Misuse "升级未知错误"
        "The update failed and nobody knows why."
        "cut the power, and update once more";
    // Conversion of images.
    0x80000500 MV_E_SUPPORT_PIXEL_FORMAT Misuse "不支持的像素格式"
        "The conversion does not know the pixel format."
        "another PixelFormat at the camera; frameline converts by itself";
    0x80000501 MV_E_SUPPORT_IMAGE_TYPE Misuse "不支持的图像类型"
        "The conversion does not know the type of file."
        "another type; frameline writes files by itself";
    0x80000502 MV_E_NOENOUGH_INPUT_DATA DamagedFrame "输入图像数据不足"
        "The frame has fewer bytes than its size and format need."
        "lost packets; whether the region was changed while grabbing";
};
