"""The node's `server.properties`: one broker that is its own controller, sized for a laptop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NODE_ID = 1
MIB = 1024 * 1024

SIZING: dict[str, str | int] = {
    # clients
    "auto.create.topics.enable": "false",  # `callweave topics` creates them, with their settings
    "message.max.bytes": 2 * MIB,  # a payload of 1 MiB, its headers, and the batch around it
    "group.initial.rebalance.delay.ms": 0,  # one worker of a stage need not wait for others
    "group.min.session.timeout.ms": 1_000,  # Faust runs with 6 s, tests with less
    "offsets.retention.minutes": 30 * 24 * 60,  # a laptop may stay closed for weeks
    # one node holds one copy, and few partitions of its own topics make its start quick
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    # disk
    "log.segment.bytes": 64 * MIB,
    "log.index.size.max.bytes": 1 * MIB,  # each open segment takes two of them; 64 MiB need a quarter
    "offsets.topic.segment.bytes": 16 * MIB,
    "transaction.state.log.segment.bytes": 16 * MIB,
    "log.retention.hours": 7 * 24,
    "log.retention.check.interval.ms": 60_000,
    "metadata.log.segment.bytes": 16 * MIB,
    "metadata.max.idle.interval.ms": 5_000,  # else a record, and an fsync, twice a second for nothing
    # memory and threads
    "log.cleaner.dedupe.buffer.size": 16 * MIB,  # 600,000 keys a pass; the default takes 128 MiB of the heap
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 2,
    "group.coordinator.threads": 1,
    "metric.reporters": "",  # nobody reads its MBeans
    # a killed broker is let in again once its old session has expired
    "broker.session.timeout.ms": 2_000,
    "broker.heartbeat.interval.ms": 400,
}


def server_properties(
    *, host: str, port: int, controller_port: int, advertised: str, logs: Path
) -> dict[str, str | int]:
    """Every setting; `advertised` is the HOST:PORT that clients are told, `logs` the formatted folder."""
    return {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "controller.quorum.voters": f"{NODE_ID}@{host}:{controller_port}",
        "listeners": f"CLIENT://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "advertised.listeners": f"CLIENT://{advertised}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(logs),
        **SIZING,
    }


def render(properties: dict[str, str | int]) -> str:
    """As a Java properties file, where a backslash begins an escape."""
    return "".join(
        f"{name}={str(value).replace(chr(92), chr(92) * 2)}\n" for name, value in properties.items()
    )
