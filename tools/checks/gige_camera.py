#!/usr/bin/env python3
"""A GigE Vision camera over real sockets that shows given pictures: libaravis's own simulator with a fill pattern of ours.

    tools/checks/gige_camera.py ADDRESS SERIAL WIDTHxHEIGHT PICTURES.npy [PICTURES.npy...]

Each file is an array of Mono8 pictures of one size. `GainRaw=N` of the camera chooses the file, the frame's number (a
GigE Vision block id, of 1 to 65535) modulo the file's pictures the picture. Prints a line when the camera can be found, and
runs until it is killed. Nothing but Python's own modules and the library is needed.
"""

import ast
import ctypes
import signal
import sys

LIBRARY = "libaravis-0.8.so.0"


def pictures(path, size):
    """The pictures of a file of numpy's format, each as bytes."""
    with open(path, "rb") as file:
        assert file.read(6) == b"\x93NUMPY", f"{path} is no .npy file"
        major = file.read(2)[0]
        header = file.read(int.from_bytes(file.read(2 if major == 1 else 4), "little"))
        about = ast.literal_eval(header.decode("latin1"))
        assert about["descr"] in ("|u1", "<u1") and not about["fortran_order"], about
        count, height, width = about["shape"]
        assert (width, height) == size, f"{path}: {about['shape']}"
        return [file.read(width * height) for _ in range(count)]


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    address, serial = (word.encode() for word in sys.argv[1:3])
    width, height = map(int, sys.argv[3].split("x"))
    sets = [pictures(path, (width, height)) for path in sys.argv[4:]]
    try:
        arv = ctypes.CDLL(LIBRARY)
    except OSError as e:
        sys.exit(f"{LIBRARY} does not load: {e}")
    pointer, number = ctypes.c_void_p, ctypes.c_uint32
    arv.arv_gv_fake_camera_new.restype = pointer
    arv.arv_gv_fake_camera_new.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    arv.arv_gv_fake_camera_get_fake_camera.restype = pointer
    arv.arv_gv_fake_camera_get_fake_camera.argtypes = [pointer]
    arv.arv_gv_fake_camera_is_running.argtypes = [pointer]
    fill = ctypes.CFUNCTYPE(None, pointer, pointer, number, number, number)
    arv.arv_fake_camera_set_fill_pattern.argtypes = [pointer, fill, pointer, pointer]
    arv.arv_buffer_get_data.restype = pointer
    arv.arv_buffer_get_data.argtypes = [pointer, ctypes.POINTER(ctypes.c_size_t)]
    arv.arv_buffer_get_frame_id.restype = ctypes.c_uint64
    arv.arv_buffer_get_frame_id.argtypes = [pointer]
    arv.arv_buffer_get_image_region.argtypes = [pointer] + [ctypes.POINTER(ctypes.c_int)] * 4

    @fill
    def draw(buffer, _user, _exposure, gain, _pixel_format):
        region = [ctypes.c_int() for _ in range(4)]
        arv.arv_buffer_get_image_region(buffer, *map(ctypes.byref, region))
        if [n.value for n in region] != [0, 0, width, height]:
            return  # Not set up yet; what it says of its size is of this very frame, so nothing is written past it.
        shown = sets[min(gain, len(sets) - 1)]
        picture = shown[arv.arv_buffer_get_frame_id(buffer) % len(shown)]
        ctypes.memmove(arv.arv_buffer_get_data(buffer, None), picture, len(picture))

    camera = arv.arv_gv_fake_camera_new(address, serial)
    if not camera or not arv.arv_gv_fake_camera_is_running(camera):
        sys.exit(f"no camera can be made at {sys.argv[1]}; another one may be there")
    arv.arv_fake_camera_set_fill_pattern(arv.arv_gv_fake_camera_get_fake_camera(camera), draw, None, None)
    print("ready", flush=True)
    signal.pause()


main()
