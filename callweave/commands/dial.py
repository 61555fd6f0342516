"""`callweave dial`: have the provider start a call, and record who asked for it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from pydantic import ValidationError

from callweave.commands.subscribe import client_of
from provider.dialling import Dialler, Spool, resend
from provider.publishing import publishing
from provider.rest.errors import UnansweredError
from provider.rest.models import CallbackRequest
from provider.settings import provider_of
from runtime.clock import SystemClock
from runtime.errors import CallweaveError
from runtime.interrupts import held
from runtime.settings import load
from runtime.terminal import abandon_output, echo

if TYPE_CHECKING:
    from collections.abc import Callable

    from provider.dialling import Outcome
    from runtime.settings import Settings

SPOOL = "dialled"
"""Folder within `data` for calls that were started but not published yet."""

NOT_PUBLISHED = 3
MAY_HAVE_STARTED = 4
"""Exit statuses; 1 means that no call was started."""

Command = TypeVar("Command", bound="Callable[..., Any]")

NUMBERS = {
    "announce_sound_id": "Sound for the origin before the destination is called.",
    "call_duration": "Longest duration of the call, in seconds.",
    "dst_announce_sound_id": "Sound for everybody once the destination picks up.",
    "callback_rate_limit": "Percentage of the client's calls to leave to others; 100 always declines.",
    "wait_for_pickup": "Longest ringing of either side, in seconds.",
}
TEXTS = {
    "caller_id_name": "Caller's name; default: the extension's own.",
    "caller_id_number": "Caller's number; default: the extension's own.",
    "src_ani": "Your external number shown to outside origins.",
    "dst_ani": "Your external number shown to an outside destination.",
    "dst_dtmf": "Tones once the destination answers: 0-9 * #, W waits a second, w half a one.",
    "src_caller_id_name": "Caller's name shown to origins.",
    "src_caller_id_number": "Caller's number shown to origins.",
    "transfer_after_dst_hangup": "Where the origin goes when the destination hangs up.",
    "transfer_after_src_hangup": "Where the destination goes when the origin hangs up.",
}
"""The options of document 004 that have one value each."""


def document_options(command: Command) -> Command:
    """Add an option for each value of document 004, under its name there, with dashes."""
    for name, meaning in reversed((NUMBERS | TEXTS).items()):
        command = click.option(f"--{name.replace('_', '-')}", name, help=meaning)(command)
    return command


@click.command()
@click.option("--source", "name", help="The source whose provider to ask.")
@click.option("--extension", help="Whose call it is: an id, @NUMBER, or a variable such as @{NAME}.")
@click.option("--to", "--dst-num", "dst_num", help="Number to call once the origin has picked up.")
@click.option("--from", "--src-num", "src_num", multiple=True, help="Number to call first; may be repeated.")
@click.option("--allow-public-transfer", help="true or false: may an outside call be transferred?")
@document_options
@click.option("--variable", "variables", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--tag", help="The variable tag, which appears in the call's events and in its row.")
@click.option("--resend", is_flag=True, help="Call nobody; publish what earlier runs could not.")
def dial(*, name: str | None, extension: str | None, resend: bool, **options: Any) -> None:
    """Start a call, and publish who asked for it.

    Any value may be a variable that the provider fills in, such as '$cv({NAME})'. The call's id is printed.

    Exit status 0: the call was started, and its record will say so; 1: no call was started; 3: it was
    started, but Kafka does not have it: `callweave dial --resend`; 4: it may have been started; this can't
    be known.
    """
    settings = load()
    if resend:
        _resend(settings)
        return
    given = {
        "--source": name,
        "--extension": extension,
        "--to": options["dst_num"],
        "--from": options["src_num"],
    }
    missing = [option for option, value in given.items() if not value]
    if missing:
        raise click.UsageError(f"Missing option {', '.join(missing)}.")
    request = request_of(options)
    _dial(settings, str(name), str(extension), request)


def request_of(options: dict[str, Any]) -> CallbackRequest:
    """Build the request from the options; raise `click.UsageError` with every mistake at once."""
    fields = {name: value for name, value in options.items() if value not in {None, ()}}
    variables = variables_of(fields.pop("variables", ()), fields.pop("tag", None))
    if variables:
        fields["variables"] = variables
    fields["src_num"] = list(fields["src_num"])
    for name in NUMBERS:
        if (text := fields.get(name, "")).isascii() and text.isdigit():
            fields[name] = int(text)
    if (flag := fields.get("allow_public_transfer")) in {"true", "false"}:
        fields["allow_public_transfer"] = flag == "true"
    try:
        return CallbackRequest.model_validate(fields)
    except ValidationError as error:
        names = dict.fromkeys(str(detail["loc"][0]) for detail in error.errors(include_input=False))
        told = [f"--{name.replace('_', '-')} {MUST.get(name, MUST_BE_A_NUMBER)}" for name in names]
        raise click.UsageError("; ".join(told)) from None


MUST_BE_A_NUMBER = "must be a whole number, or a variable as in $cv({NAME})"
MUST = dict.fromkeys((*TEXTS, "dst_num", "src_num", "variables"), "must not be empty") | {
    "allow_public_transfer": "must be true or false, or a variable as in $cv({NAME})",
    "callback_rate_limit": "must be between 0 and 100, or a variable as in $cv({NAME})",
    "dst_dtmf": "may only contain 0123456789*#Ww, or be a variable as in $cv({NAME})",
}


def variables_of(pairs: tuple[str, ...], tag: str | None) -> dict[str, str]:
    variables: dict[str, str] = {}
    for pair in (*pairs, *([f"tag={tag}"] if tag is not None else [])):
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.UsageError("--variable must be NAME=VALUE")
        if variables.get(name, value) != value:
            raise click.UsageError("a variable is given twice, with two values")
        variables[name] = value
    return variables


def _dial(settings: Settings, name: str, extension: str, request: CallbackRequest) -> None:
    """Connect to Kafka first: without it nobody is called. Ctrl-C does not hide what became of a call."""
    provider = provider_of(settings.sources_file, name)
    spool = Spool(settings.data / SPOOL)
    with held() as interrupts, ExitStack() as connections:
        with interrupts.let_through():
            publish = connections.enter_context(publishing(settings.kafka))
            client = connections.enter_context(client_of(provider))
        dialler = Dialler(client, publish, spool, provider.source, SystemClock(), interrupts)
        try:
            outcome = dialler.dial(extension, request)
        except UnansweredError as error:
            _may_have_started(error)
        _report(outcome, settings)


def _may_have_started(error: UnansweredError) -> NoReturn:
    for line in (
        str(error),
        "The call MAY HAVE BEEN STARTED. This can't be known, so it is not tried again. If it was, its "
        "events will arrive, but its row will not show that you requested it.",
    ):
        _say(f"callweave: {line}", err=True)
    sys.exit(MAY_HAVE_STARTED)


def _report(outcome: Outcome, settings: Settings) -> None:
    call_id = outcome.dialled.call_id
    _say(call_id)
    if outcome.published:
        return
    _say(f"callweave: the call {call_id} was started, but not published. {outcome.problem}", err=True)
    if outcome.kept:
        _say(
            f"callweave: it waits in {settings.data / SPOOL}: `callweave dial --resend` publishes it again.",
            err=True,
        )
    sys.exit(NOT_PUBLISHED)


def _say(text: str, *, err: bool = False) -> None:
    """Print what became of a call; the exit status says it even if nothing can be printed."""
    try:
        echo(text, err=err)
    except OSError:
        abandon_output()


def _resend(settings: Settings) -> None:
    spool = Spool(settings.data / SPOOL)
    if not spool.waiting():
        echo("There is nothing to publish.", err=True)
        return
    with publishing(settings.kafka) as publish:
        sent, broken = resend(publish, spool)
    echo(f"{sent} published.", err=True)
    if broken:
        raise CallweaveError("\n".join(broken))
