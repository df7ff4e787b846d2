#!/usr/bin/env python3
"""Harvesters, which nobody here wrote, finds the simulated GenTL producer, opens its cameras and streams from them.

    harvesters_gentl.py PRODUCER.cti

Needs the Python packages harvesters and genicam. The camera's description goes through EMVA's own GenApi.
"""

import sys

import numpy as np
from harvesters.core import Harvester


def whole(image: np.ndarray) -> bool:
    """Whether every byte is the one that the camera paints."""
    i = np.arange(image.size, dtype=np.int64)
    return np.array_equal(image.ravel(), ((i + (i >> 8) + image.ravel()[0]) & 0xFF).astype(np.uint8))


def stream(harvester: Harvester, serial: str, size: tuple[int, int], frames: int) -> None:
    camera = harvester.create({"serial_number": serial})
    try:
        features = camera.remote_device.node_map
        assert features.DeviceVendorName.value == "frameline"
        features.Width.value, features.Height.value = size
        features.ExposureTime.value = 2500.5
        assert (features.PayloadSize.value, features.ExposureTime.value) == (size[0] * size[1], 2500.5)
        try:
            features.Width.value = 33
        except Exception:
            pass  # Refused by its steps, as the description has them.
        else:
            raise AssertionError("a width between the steps was taken")
        camera.start()
        ids = []
        for _ in range(frames):
            with camera.fetch(timeout=10) as buffer:
                part = buffer.payload.components[0]
                assert (part.width, part.height, part.data_format) == (*size, "Mono8")
                assert whole(part.data), f"frame {buffer.module.frame_id} is torn"
                ids.append(buffer.module.frame_id)
        camera.stop()
        assert all(b > a for a, b in zip(ids, ids[1:])), ids
    finally:
        camera.destroy()
    print(f"harvesters: {serial}: {frames} whole frames of {size[0]} x {size[1]}, ids {ids[0]} to {ids[-1]}")


def main() -> int:
    harvester = Harvester()
    try:
        harvester.add_file(sys.argv[1])
        harvester.update()
        found = sorted(info.serial_number for info in harvester.device_info_list)
        assert found == ["A", "B"], found
        stream(harvester, "A", (320, 240), 50)
        stream(harvester, "B", (64, 32), 50)
        stream(harvester, "A", (640, 480), 20)  # Opened again, in another size.
    finally:
        harvester.reset()
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main())
