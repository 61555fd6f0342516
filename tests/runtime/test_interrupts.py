from __future__ import annotations

import signal

import pytest

from runtime.interrupts import held


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_waits_until_it_is_let_through() -> None:
    before = signal.getsignal(signal.SIGINT)
    with held() as interrupts:
        press()
        with pytest.raises(KeyboardInterrupt), interrupts.let_through():
            pytest.fail("the one that waited comes first")
        with pytest.raises(KeyboardInterrupt), interrupts.let_through():
            press()
        with interrupts.let_through():
            pass
        press()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_does_not_break_into_what_the_first_leads_to() -> None:
    steps = []
    with held() as interrupts:
        try:
            with interrupts.let_through():
                try:
                    press()
                finally:
                    press()
                    steps.append("cleaned up")
        except KeyboardInterrupt:
            press()
            steps.append("told")
    assert steps == ["cleaned up", "told"]


def test_who_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held() as interrupts, interrupts.let_through():
            press()
    finally:
        signal.signal(signal.SIGINT, before)
