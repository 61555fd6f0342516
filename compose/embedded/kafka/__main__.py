"""Run the node in the foreground: `python -m compose.embedded.kafka --data DIR --jars DIR`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from compose.embedded.kafka.node import KafkaNode
from compose.embedded.kafka.progress import say
from compose.embedded.node import NodeError

STOPPING = (signal.SIGTERM, signal.SIGINT)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of its topics and log.")
@click.option(
    "--jars", type=click.Path(path_type=Path), required=True, help="Folder that keeps Kafka's jars."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9092, show_default=True, help="Port of clients.")
@click.option("--controller-port", default=9093, show_default=True, help="Port of the controller.")
@click.option("--advertised", help="HOST:PORT that clients are told.  [default: HOST:PORT]")
def main(
    *, data: Path, jars: Path, host: str, port: int, controller_port: int, advertised: str | None
) -> None:
    """Run Apache Kafka as one node, until SIGTERM or Ctrl-C."""
    for number in STOPPING:
        signal.signal(number, lambda *_: sys.exit(0))
    node = KafkaNode(
        data, host=host, port=port, controller_port=controller_port, jars=jars, advertised=advertised
    )
    try:
        node.start()
        say(f"Kafka {node.version} answers at {node.bootstrap}; its log is {node.log}")
        status = node.wait()
        say(f"Kafka ended by itself (status {status}); its log is {node.log}")
        sys.exit(1)
    except NodeError as error:
        say(str(error))
        sys.exit(1)
    finally:
        for number in STOPPING:  # a second Ctrl-C must not cut short what the first one started
            signal.signal(number, signal.SIG_IGN)
        node.stop()


if __name__ == "__main__":
    main()
