# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device plugin that offers a real kubelet two GPUs that do not exist. Argument and configuration are the real one's.

Messages and paths: k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1 (api.proto, constants.go).
"""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import yaml
from wire import RESOURCE, fields, message

FOLDER = Path("/var/lib/kubelet/device-plugins")
SOCKET = FOLDER / "nvidia-gpu.sock"
KUBELET = FOLDER / "kubelet.sock"
UUIDS = ("GPU-standin-0", "GPU-standin-1")
OPTIONS = b"\x10\x01"
"""DevicePluginOptions: it has a say in which GPUs a container gets."""
STRATEGIES = {"cdi-cri", "cdi-annotations", "envvar", "volume-mounts"}


def check(configuration: Any) -> None:
    """What the real plugin would refuse of its configuration, as far as the role writes it. Raises ValueError."""
    flags = configuration["flags"]
    if configuration["version"] != "v1" or flags["migStrategy"] not in ("none", "single", "mixed"):
        raise ValueError(f"this configuration is not one of a device plugin: {configuration}")
    unknown = set(flags["plugin"]["deviceListStrategy"]) - STRATEGIES
    if unknown:
        raise ValueError(f"there is no strategy {', '.join(sorted(unknown))}")


def devices(uuids: tuple[str, ...] = UUIDS) -> bytes:
    """A ListAndWatchResponse."""
    return message(*((1, message((1, uuid), (2, "Healthy"))) for uuid in uuids))


def allocation(raw: bytes) -> bytes:
    """An AllocateResponse: a variable tells each container its GPUs."""
    answers = []
    for request in map(fields, fields(raw)[1]):
        told = ",".join(uuid.decode() for uuid in request[1])
        answers.append((1, message((1, message((1, "NVIDIA_VISIBLE_DEVICES"), (2, told))))))
    return message(*answers)


def preferred(raw: bytes) -> bytes:
    """A PreferredAllocationResponse: the first GPUs first, so that one knows which will be held."""
    answers = []
    for request in map(fields, fields(raw)[1]):
        wanted = int.from_bytes(request[3][0], "little")
        answers.append((1, message(*((1, uuid) for uuid in sorted(request[1])[:wanted]))))
    return message(*answers)


def registration() -> bytes:
    """A RegisterRequest."""
    return message((1, "v1beta1"), (2, SOCKET.name), (3, RESOURCE), (4, OPTIONS))


class Plugin:
    """Serves the kubelet, and registers anew with one that has restarted."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def watch(self, _request: bytes, _context: object) -> Iterator[bytes]:
        """ListAndWatch: they are healthy, and stay so."""
        yield devices()
        self.stopped.wait()

    def server(self) -> grpc.Server:
        """Listening on our socket."""
        handlers = {
            "GetDevicePluginOptions": grpc.unary_unary_rpc_method_handler(lambda _request, _context: OPTIONS),
            "GetPreferredAllocation": grpc.unary_unary_rpc_method_handler(lambda request, _context: preferred(request)),
            "ListAndWatch": grpc.unary_stream_rpc_method_handler(self.watch),
            "Allocate": grpc.unary_unary_rpc_method_handler(lambda request, _context: allocation(request)),
        }
        made = grpc.server(ThreadPoolExecutor(max_workers=8))
        made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("v1beta1.DevicePlugin", handlers),))
        SOCKET.unlink(missing_ok=True)
        made.add_insecure_port(f"unix://{SOCKET}")
        made.start()
        return made

    def run(self) -> None:
        """Until told to stop. A kubelet that starts empties the folder: then everything begins anew."""
        while not self.stopped.is_set():
            server = self.server()
            with grpc.insecure_channel(f"unix://{KUBELET}") as channel:
                channel.unary_unary("/v1beta1.Registration/Register")(registration(), timeout=10, wait_for_ready=True)
            print(f"offering {len(UUIDS)} GPUs that do not exist", flush=True)
            while SOCKET.exists() and not self.stopped.wait(2):
                pass
            server.stop(None)


def main() -> None:
    """Read the configuration and serve."""
    parser = argparse.ArgumentParser(prog="nvidia-device-plugin", allow_abbrev=False)
    parser.add_argument("--config-file", required=True)
    check(yaml.safe_load(Path(parser.parse_args().config_file).read_text(encoding="utf-8")))
    plugin = Plugin()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_arguments: plugin.stopped.set())
    plugin.run()


if __name__ == "__main__":
    main()
