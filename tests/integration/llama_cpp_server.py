#!/usr/bin/env python3
"""Starts llama.cpp's HTTP server out of its Python bindings; serves until it is terminated.

llama_cpp_server.py MODEL.gguf NAME PORT [CHAT_TEMPLATE_FILE]
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import xllamacpp


def main() -> None:
    model, name, port, *template = sys.argv[1:]
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {name}
    params.port = int(port)
    params.n_parallel = 4
    params.n_ctx = 4 * 512
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.endpoint_metrics = True
    params.ui = False
    if template:
        params.chat_template = Path(template[0]).read_text(encoding="utf-8")
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
