#!/usr/bin/env python3
"""Takes the descriptions of real software's cameras out of it, for tests: TLSimu's through its own port, that of Aravis' fake
camera out of its library.

    genapi_fetch.py WHEEL_FOLDER FOLDER

WHEEL_FOLDER holds the unpacked wheel of the Python package genicam, FOLDER gets tlsimu.xml and arv-fake-camera.xml, and may hold the
unpacked Debian package in aravis/.
"""
import os
import sys
from pathlib import Path

WHEEL, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2])


def package():
    """Where the Python package lies in the wheel."""
    return next(p.parent for p in WHEEL.rglob("TLSimu.cti"))


def tlsimu():
    sys.path.insert(0, str(package().parent))
    from genicam import gentl

    producer = gentl.GenTLProducer.create_producer()
    producer.open(str(package() / "TLSimu.cti"))
    system = producer.create_system()
    system.open()
    system.update_interface_info_list(1000)
    interface = system.interface_info_list[0].create_interface()
    interface.open()
    interface.update_device_info_list(1000)
    device = interface.device_info_list[0].create_device()
    device.open(gentl.DEVICE_ACCESS_FLAGS_LIST.DEVICE_ACCESS_EXCLUSIVE)
    port = device.remote_port
    _, address, length = port.url_info_list[0].url.split(";")
    _, content = port.read(int(address, 16), int(length, 16))
    return content.rstrip(b"\0 \r\n")


def aravis():
    library = next((p for p in FOLDER.glob("aravis/**/libaravis-0.8.so*") if p.is_file() and not p.is_symlink()), None)
    if library is None:
        return None
    content = library.read_bytes()
    end = content.find(b"</RegisterDescription>")
    start = content.rfind(b"<?xml", 0, end)
    return content[start:end] + b"</RegisterDescription>\n" if 0 <= start < end else None


for name, content in (("arv-fake-camera.xml", aravis()), ("tlsimu.xml", tlsimu())):
    if content:
        (FOLDER / name).write_bytes(content)
        print(f"{name}: {len(content)} bytes")
    else:
        print(f"SKIPPED {name}: it could not be had")
sys.stdout.flush()
# The producer does not survive an orderly end.
os._exit(0)
