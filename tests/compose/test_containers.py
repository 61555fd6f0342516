"""The container files, as far as they can be checked without running them."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from compose.embedded.kafka.jars import kafka_version, locked_jars
from compose.embedded.kafka.properties import SIZING
from runtime.settings import Settings, load_from
from sinks.statements import views

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FILES = ROOT / "compose"
IMAGE_USER = 10001
STAGES = ["ingest", "normalize", "correlate", "sink", "watch", "console"]
SERVERS = ["kafka", "clickhouse", "prometheus", "grafana"]
WITH_CLICKHOUSE = {"setup", "sink", "watch", "console", "callweave"}  # the only ones that need its password
OURS = [*STAGES, "setup", "callweave"]
SECRETS = Path("/run/secrets/callweave")

VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

Yaml = dict[str, Any]


def documents(path: Path) -> list[Yaml]:
    """A YAML file, with `${NAME:-default}` as it is where NAME is not set."""
    text = path.read_text()
    while (plain := re.sub(r"\$\{\w+:-([^${}]*)\}", r"\1", text)) != text:
        text = plain
    return list(yaml.safe_load_all(text))


COMPOSE: dict[str, Yaml] = documents(FILES / "compose.yaml")[0]["services"]


def kubernetes() -> dict[tuple[str, str], Yaml]:
    """Everything that kustomize would apply, by kind and name."""
    folder = FILES / "k8s"
    resources = documents(folder / "kustomization.yaml")[0]["resources"]
    found = [document for name in resources for document in documents(folder / name)]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


KUBERNETES = kubernetes()


def image_environment() -> dict[str, str]:
    """What the image sets for every stage."""
    instructions = (FILES / "Dockerfile").read_text().replace("\\\n", " ")
    last_stage = instructions[instructions.rindex("\nFROM ") :]
    words = shlex.split(" ".join(re.findall(r"^ENV (.*)$", last_stage, re.MULTILINE)))
    return dict(word.split("=", 1) for word in words)


def kind_of(name: str) -> str:
    """What runs a stage's pods."""
    return "StatefulSet" if name == "ingest" else "Deployment"


def container(name: str) -> Yaml:
    """The container of a stage, or of the Job."""
    key = ("Job", f"setup-{VERSION.replace('.', '-')}") if name == "setup" else (kind_of(name), name)
    found: Yaml = KUBERNETES[key]["spec"]["template"]["spec"]["containers"][0]
    return found


def compose_environment(name: str) -> dict[str, str]:
    own: dict[str, str] = COMPOSE[name]["environment"]
    return image_environment() | own


def kubernetes_environment(name: str) -> dict[str, str]:
    own = {one["name"]: one["value"] for one in container(name).get("env", [])}
    shared: dict[str, str] = KUBERNETES["ConfigMap", "callweave"]["data"]
    assert container(name)["envFrom"] == [{"configMapRef": {"name": "callweave"}}]
    return image_environment() | shared | own


def settings_of(environment: dict[str, str], folder: Path) -> Settings:
    """The settings that a container reads; raises `SettingsError` for a name or a value that is none."""
    secret = folder / "password"
    secret.write_text("from a file")
    here = {
        name: value.replace(str(SECRETS / "password"), str(secret)) for name, value in environment.items()
    }
    return load_from({name: value for name, value in here.items() if name.startswith("CALLWEAVE_")}).settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a callweave.toml of the developer's own is not part of a container


def probes_port(stage: str, settings: Settings) -> int:
    port: int = getattr(settings, stage).metrics_port
    return port


def test_compose_runs_each_stage_once() -> None:
    commands = [service["command"] for service in COMPOSE.values() if "command" in service]
    assert sorted(command[1] for command in commands if command[0] == "run") == sorted(STAGES)
    assert set(COMPOSE) == {*OURS, *SERVERS}


def test_compose_opens_ports_on_loopback_alone() -> None:
    ports = [port for service in COMPOSE.values() for port in service.get("ports", [])]
    assert len(ports) == 7
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)


def test_compose_keeps_data_in_named_volumes() -> None:
    named = documents(FILES / "compose.yaml")[0]["volumes"]
    used = [volume for service in COMPOSE.values() for volume in service.get("volumes", [])]
    folders = {volume.split(":")[0] for volume in used if not volume.startswith(".")}
    assert folders == set(named)
    for volume in used:
        if volume.startswith("."):
            assert (FILES / volume.split(":")[0]).exists()
            assert volume.endswith(":ro")


@pytest.mark.parametrize("name", [*STAGES, "callweave"])
def test_compose_lets_each_stage_read_the_sources(name: str, tmp_path: Path) -> None:
    folder = settings_of(compose_environment(name), tmp_path).sources_file.parent
    mode = "" if name in {"callweave", "console"} else ":ro"  # both add sources
    assert f"sources:{folder}{mode}" in COMPOSE[name]["volumes"]


def test_compose_builds_one_image_once() -> None:
    assert {COMPOSE[name]["image"] for name in OURS} == {"callweave"}
    assert [name for name in COMPOSE if "build" in COMPOSE[name]] == ["setup"]
    assert all(COMPOSE[name]["pull_policy"] == "never" for name in OURS if name != "setup")
    assert "image: ${CALLWEAVE_IMAGE:-callweave}\n" in (FILES / "compose.yaml").read_text()


def test_commands_have_every_setting_and_a_folder_that_stays(tmp_path: Path) -> None:
    of_compose = settings_of(compose_environment("callweave"), tmp_path)
    for name in ("setup", "ingest"):
        assert COMPOSE[name]["environment"].items() <= COMPOSE["callweave"]["environment"].items()
    for settings in (of_compose, settings_of(kubernetes_environment("callweave"), tmp_path)):
        assert settings.ingest.public_url is not None
        assert settings.data == Path("var")  # in the working folder
    assert "\nWORKDIR /var/lib/callweave\n" in (FILES / "Dockerfile").read_text()
    assert "commands:/var/lib/callweave" in COMPOSE["callweave"]["volumes"]
    assert "/var/lib/callweave" not in "".join(COMPOSE["callweave"]["tmpfs"])
    assert COMPOSE["callweave"]["profiles"] == ["commands"]
    volumes = {
        volume["name"]: volume
        for volume in KUBERNETES["Deployment", "callweave"]["spec"]["template"]["spec"]["volumes"]
    }
    assert volumes["work"]["persistentVolumeClaim"] == {"claimName": "callweave"}
    assert ("PersistentVolumeClaim", "callweave") in KUBERNETES


def test_tokens_of_providers_have_a_place_that_is_never_committed_or_built_in() -> None:
    assert "./secrets:/run/secrets/providers:ro" in COMPOSE["callweave"]["volumes"]
    mounted = {mount["mountPath"]: mount["name"] for mount in container("callweave")["volumeMounts"]}
    assert mounted["/run/secrets/providers"] == "providers"
    assert "*" in (FILES / "secrets" / ".gitignore").read_text().splitlines()
    assert "compose/secrets" in (FILES / "Dockerfile.dockerignore").read_text().splitlines()


def test_compose_needs_nothing_that_a_container_may_not_have() -> None:
    assert not any("ulimits" in service for service in COMPOSE.values())


def test_kafkas_health_check_starts_no_java() -> None:
    check = COMPOSE["kafka"]["healthcheck"]["test"]
    port = COMPOSE["kafka"]["environment"]["KAFKA_LISTENERS"].split(",")[0].rpartition(":")[2]
    assert check == ["CMD", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]


def test_memory_and_logs_are_bounded() -> None:
    for name, service in COMPOSE.items():
        assert service["mem_limit"], name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_clickhouse_logs_to_where_logs_are_rotated() -> None:
    logger = ET.parse(FILES / "clickhouse.xml").getroot().find("logger")
    assert logger is not None
    assert logger.findtext("console") == "1"
    assert {each.tag for each in logger if each.get("remove")} == {"log", "errorlog"}
    mounted = "./clickhouse.xml:/etc/clickhouse-server/config.d/callweave.xml:ro"
    assert mounted in COMPOSE["clickhouse"]["volumes"]


def test_roles_are_granted_what_shows_no_numbers() -> None:
    assert COMPOSE["clickhouse"]["environment"]["CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT"] == "1"
    text = (FILES / "access.sql").read_text()
    granted = set(re.findall(r"^GRANT SELECT ON callweave\.(\w+) TO masked;$", text, re.MULTILINE))
    shown = {view.name.removesuffix(".sql") for view in views() if "SQL SECURITY DEFINER" in view.text}
    assert granted == shown
    revoked = "REVOKE SELECT ON callweave.pseudonym_keys FROM analyst;"
    assert text.index("GRANT SELECT ON callweave.* TO analyst;") < text.index(revoked)


def test_compose_starts_in_order() -> None:
    assert set(COMPOSE["setup"]["depends_on"]) == {"kafka", "clickhouse"}
    for server in ("kafka", "clickhouse"):
        assert COMPOSE["setup"]["depends_on"][server] == {"condition": "service_healthy"}
        assert COMPOSE[server]["healthcheck"]["test"]
    for stage in STAGES:
        assert COMPOSE[stage]["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}
    assert COMPOSE["setup"]["restart"] == "no"


@pytest.mark.parametrize("stage", STAGES)
def test_compose_asks_each_stage_where_it_listens(stage: str, tmp_path: Path) -> None:
    port = probes_port(stage, settings_of(compose_environment(stage), tmp_path))
    assert f"http://127.0.0.1:{port}/readyz" in COMPOSE[stage]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("service", OURS)
def test_compose_settings_are_settings(service: str, tmp_path: Path) -> None:
    settings = settings_of(compose_environment(service), tmp_path)
    listeners = COMPOSE["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"STAGES://{settings.kafka.bootstrap_servers}," in listeners
    assert settings.ingest.host == settings.metrics_host == "0.0.0.0"
    engine = COMPOSE["clickhouse"]["environment"]
    if service in WITH_CLICKHOUSE:
        assert settings.clickhouse.host == "clickhouse"
        assert settings.clickhouse.user == engine["CLICKHOUSE_USER"]
        assert settings.clickhouse.database == engine["CLICKHOUSE_DB"]
        assert settings.clickhouse.password.get_secret_value() == engine["CLICKHOUSE_PASSWORD"]
    else:
        assert not any("CLICKHOUSE" in name for name in COMPOSE[service]["environment"])


def test_compose_gives_people_the_ports_that_the_commands_expect() -> None:
    defaults = Settings()
    ports = [port for service in COMPOSE.values() for port in service.get("ports", [])]
    advertised = COMPOSE["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert advertised.endswith(f"MACHINE://{defaults.kafka.bootstrap_servers}")
    assert f"{defaults.kafka.bootstrap_servers}:9092" in ports
    assert f"127.0.0.1:{defaults.clickhouse.port}:9000" in ports
    assert f"127.0.0.1:{defaults.clickhouse.http_port}:8123" in ports
    assert f"127.0.0.1:{defaults.ingest.port}:8080" in ports
    assert f"127.0.0.1:{defaults.console.port}:8090" in ports


def test_both_kafkas_are_one_version_with_one_configuration() -> None:
    assert COMPOSE["kafka"]["image"] == f"apache/kafka:{kafka_version(locked_jars())}"
    variables = COMPOSE["kafka"]["environment"]
    shared = {
        name: f"KAFKA_{name.upper().replace('.', '_')}"
        for name in SIZING
        if f"KAFKA_{name.upper().replace('.', '_')}" in variables
    }
    assert len(shared) > 5
    assert {name: str(SIZING[name]) for name in shared} == {
        name: variables[variable] for name, variable in shared.items()
    }


def test_prometheus_asks_each_stage_where_it_listens(tmp_path: Path) -> None:
    jobs = documents(FILES / "prometheus" / "prometheus.yml")[0]["scrape_configs"]
    found = {job["job_name"]: job["dns_sd_configs"][0] for job in jobs}
    assert list(found) == STAGES
    for stage, where in found.items():
        settings = settings_of(compose_environment(stage), tmp_path)
        assert (where["names"], where["port"]) == ([stage], probes_port(stage, settings))


def test_kustomize_takes_every_file() -> None:
    listed = documents(FILES / "k8s" / "kustomization.yaml")[0]["resources"]
    there = {path.name for path in (FILES / "k8s").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == there


def test_the_image_that_kubernetes_runs_is_this_version() -> None:
    (image,) = documents(FILES / "k8s" / "kustomization.yaml")[0]["images"]
    assert (image["name"], image["newTag"]) == ("callweave", VERSION)
    assert image["newName"].endswith("/callweave")  # of a registry
    assert all(container(name)["image"] == "callweave" for name in OURS)


@pytest.mark.parametrize("name", OURS)
def test_kubernetes_settings_are_settings(name: str, tmp_path: Path) -> None:
    settings = settings_of(kubernetes_environment(name), tmp_path)
    assert settings.kafka.replication_factor == 3
    mounts = {mount["mountPath"] for mount in container(name)["volumeMounts"]}
    password = settings.clickhouse.password.get_secret_value()
    assert (password == "from a file") is (str(SECRETS) in mounts) is (name in WITH_CLICKHOUSE)
    assert (str(settings.sources_file.parent) in mounts) is (name != "setup")  # all others read it


@pytest.mark.parametrize("stage", STAGES)
def test_kubernetes_asks_each_stage_where_it_listens(stage: str, tmp_path: Path) -> None:
    deployed = container(stage)
    assert deployed["args"] == ["run", stage]
    port = probes_port(stage, settings_of(kubernetes_environment(stage), tmp_path))
    http = {"ingest": 8080, "console": 8090}
    own = [{"name": "http", "containerPort": http[stage]}] if stage in http else []
    assert deployed["ports"] == [*own, {"name": "probes", "containerPort": port}]
    assert deployed["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "probes"}
    assert deployed["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "probes"}
    template = KUBERNETES[kind_of(stage), stage]["spec"]["template"]
    assert template["metadata"]["annotations"]["prometheus.io/port"] == str(port)


@pytest.mark.parametrize("stage", ["ingest", "console"])
def test_kubernetes_sends_requests_to_where_a_stage_listens(stage: str, tmp_path: Path) -> None:
    settings = getattr(settings_of(kubernetes_environment(stage), tmp_path), stage)
    assert container(stage)["ports"][0] == {"name": "http", "containerPort": settings.port}
    assert settings.host == "0.0.0.0"
    (port,) = KUBERNETES["Service", stage]["spec"]["ports"]
    assert port["targetPort"] == "http"


def test_the_spool_outlives_the_pod_and_has_room(tmp_path: Path) -> None:
    settings = settings_of(kubernetes_environment("ingest"), tmp_path)
    stateful = KUBERNETES["StatefulSet", "ingest"]["spec"]
    (claim,) = stateful["volumeClaimTemplates"]
    mounts = {each["name"]: each["mountPath"] for each in container("ingest")["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]] == str(settings.spool_folder())
    assert set(stateful["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    assert stateful["template"]["spec"]["securityContext"]["fsGroup"] == IMAGE_USER
    gibibytes = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi"))
    assert gibibytes * 1024**3 > settings.ingest.spool_max_bytes
    (scaled,) = (one for (kind, _), one in KUBERNETES.items() if kind == "HorizontalPodAutoscaler")
    assert scaled["spec"]["scaleTargetRef"]["kind"] == "StatefulSet"


def test_ingest_has_time_to_drain(tmp_path: Path) -> None:
    template = KUBERNETES["StatefulSet", "ingest"]["spec"]["template"]["spec"]
    pause = int(container("ingest")["lifecycle"]["preStop"]["exec"]["command"][1])
    drain = settings_of(kubernetes_environment("ingest"), tmp_path).ingest.drain_seconds
    assert template["terminationGracePeriodSeconds"] > pause + drain
    assert int(COMPOSE["ingest"]["stop_grace_period"].removesuffix("s")) > drain


def test_setup_makes_topics_and_tables() -> None:
    for command in (COMPOSE["setup"]["command"][-1], container("setup")["command"][-1]):
        assert command == "callweave topics; callweave migrate"
    assert COMPOSE["setup"]["entrypoint"] == container("setup")["command"][:2] == ["sh", "-ec"]


@pytest.mark.parametrize("name", [*OURS, *SERVERS])
def test_no_container_of_compose_has_more_rights_than_it_needs(name: str) -> None:
    assert COMPOSE[name]["read_only"] is True
    assert COMPOSE[name]["cap_drop"] == ["ALL"]
    assert COMPOSE[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", OURS)
def test_nothing_runs_with_more_rights_than_it_needs(name: str) -> None:
    security = container(name)["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert "\nUSER 10001:10001\n" in (FILES / "Dockerfile").read_text()


def _packages() -> Iterator[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]:
        yield from (path.parent.name for path in ROOT.glob(f"{pattern}/__init__.py"))


def test_the_image_holds_every_package() -> None:
    dockerfile = (FILES / "Dockerfile").read_text()
    build = dockerfile[: dockerfile.rindex("\nFROM ")]
    copied = {
        source
        for line in re.findall(r"^COPY (.*)$", build, re.MULTILINE)
        for source in shlex.split(line)[:-1]
    }
    assert copied == {"pyproject.toml", "requirements.lock", "README.md", *_packages()}
    allowed = (FILES / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in allowed if line.startswith("!")} == copied
