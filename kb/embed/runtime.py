"""The OpenVINO runtime of this process: imported without reports, and never let go."""

from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import Any

_making = threading.Lock()
_core: Any = None
_threads: int | None = None


def import_openvino() -> ModuleType:
    """Import OpenVINO without its usage reports.

    Merely importing it sends an event to its maker; without the package that
    sends, it falls back to a stub that does nothing.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino  # type: ignore[no-any-return]


def openvino_core() -> Any:
    """The one ``openvino.Core`` of this process; it lives until the process ends.

    Its CPU plugin gives the thread that loads it an alternate signal stack, and
    unmaps that memory when the plugin goes, on whichever thread that happens. With
    the model dropped by another thread, the first one would keep a signal stack
    that is no longer there, and the next SIGTERM would end the process with a
    segmentation fault instead of cleanly.
    """
    global _core
    with _making:
        if _core is None:
            _core = import_openvino().Core()
            if _threads is not None:
                _core.set_property("CPU", {"INFERENCE_NUM_THREADS": _threads})
        return _core


def one_thread_each() -> None:
    """Let models read questions with one thread each; to be told before any is opened.

    One question alone is read a little sooner with all of them, which wait for one
    another most of the time: many at once take twice the processors' time. Passages are
    read with a thread for each batch in any case.
    """
    global _threads
    _threads = 1
