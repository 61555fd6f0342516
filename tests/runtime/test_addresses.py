"""Ports that servers of tests and of the embedded stack may take."""

from __future__ import annotations

import socket

from runtime.addresses import END, FIRST, free_port


def test_a_free_port_is_another_each_time_and_of_no_connection_that_goes_out() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == len(ports)
    assert all(FIRST <= port < END for port in ports)


def test_a_port_that_is_taken_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port() + 1))
        taken.listen()
        assert free_port() != taken.getsockname()[1]
