"""The real servers, one process for all tests of a session, and their logs where a test failed."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from real_servers import HERE, RealServer, llama_cpp_server, vllm_server


@pytest.fixture(scope="session")
def vllm_process() -> Iterator[RealServer]:
    server = vllm_server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def llama_cpp_process() -> Iterator[RealServer]:
    server = llama_cpp_server("llama.cpp")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def thinking_process() -> Iterator[RealServer]:
    server = llama_cpp_server("llama.cpp-thinking", HERE / "thinking_template.jinja")
    yield server
    server.stop()


@pytest.fixture
def vllm(vllm_process: RealServer) -> RealServer:
    return vllm_process.ensure()


@pytest.fixture
def llama_cpp(llama_cpp_process: RealServer) -> RealServer:
    return llama_cpp_process.ensure()


@pytest.fixture
def thinking(thinking_process: RealServer) -> RealServer:
    """llama.cpp with a chat template that knows reasoning."""
    return thinking_process.ensure()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, RealServer) and value.log.exists():
                report.sections.append((f"the end of {value.log}", value.log_end()))
    return report
