"""The service on a local cloud: start it, apply the Terraform root, hand out what clients need."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import jwt

from local_cloud import CloudFailed, LocalCloud, snapshots
from local_cloud.redis import find_program
from local_cloud.settings import find_port
from local_cloud.terraform import Terraform, TerraformFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from botocore.config import Config

    from local_cloud.own_redis import RedisAccess

ROOT = Path(__file__).resolve().parent.parent
TERRAFORM_ROOT = ROOT / "terraform" / "environments" / "local"
MANIFEST = ROOT / "dist" / "local" / "manifest.json"
STATE = ROOT / ".local_cloud"
REGION = "us-east-1"
TOKEN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a cloud listens. A restored one needs the ports that it had: functions and cache know them."""

    front: int
    redis: int | None
    """None for a cloud without Redis."""

    @classmethod
    def of(cls, front: int, *, redis: bool) -> Ports:
        """The front's, and the next one for Redis; any free one where that is taken."""
        return cls(front, _free(front + 1) if redis else None)

    def as_options(self) -> dict[str, Any]:
        """As `LocalCloud.start` takes them."""
        return {"port": self.front, "redis_server": self.redis is not None, "redis_port": self.redis or 0}

    def words(self) -> tuple[str, ...]:
        """What they add to a snapshot's key: without TLS another stack is applied."""
        if self.redis is None:
            return (str(self.front),)
        return str(self.front), str(self.redis), f"tls={find_program().tls}"


@dataclass(frozen=True)
class Stack:
    """The applied service: where it is, what Terraform says of it, and clients to speak to it."""

    endpoint: str
    outputs: Mapping[str, Any]
    jwt_secret: str
    terraform: Terraform
    redis: RedisAccess | None = None
    """The Redis that the service uses; None where it runs without."""

    @property
    def websocket_url(self) -> str:
        """What people connect to."""
        return str(self.outputs["websocket_url"])

    def token(self, user_id: str, **claims: Any) -> str:
        """A JWT that the service accepts, good for an hour; `claims` replace or add to the usual ones."""
        now = int(time.time())
        usual = {"sub": user_id, "iat": now, "exp": now + TOKEN_SECONDS, "scope": "websocket"}
        return jwt.encode({**usual, **claims}, self.jwt_secret, algorithm="HS256")

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client with the deployer's credentials."""
        return self._session.client(service, endpoint_url=self.endpoint, config=config)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("test", "test", region_name=REGION)


def _silent(_line: str) -> None:
    """No progress wanted."""


@contextmanager
def running_stack(
    progress: Callable[[str], None] = _silent, port: int | None = None, *, redis: bool = False
) -> Iterator[Stack]:
    """The service on whatever answers at LOCALSTACK_ENDPOINT, else on a local cloud that stops at the end.

    `progress` gets a line for each step. `port` is the local cloud's, by default LOCAL_CLOUD_PORT or 4566;
    where that is taken, any free one (which costs a full apply: the functions know their endpoint). With
    `redis` the local cloud runs a Redis too, behind the next port, and the service uses it.
    """
    if endpoint := os.environ.get("LOCALSTACK_ENDPOINT"):
        with tempfile.TemporaryDirectory(prefix="deals-") as folder:
            yield _applied(endpoint, Path(folder), _credentials(endpoint), progress, None)
        return
    port = _free(port or find_port())
    STATE.mkdir(exist_ok=True)
    run = Path(tempfile.mkdtemp(prefix="run-", dir=STATE))
    try:
        with _deployed(run, Ports.of(port, redis=redis), progress) as stack:
            yield stack
    finally:
        shutil.rmtree(run, ignore_errors=True)


@contextmanager
def _deployed(run: Path, ports: Ports, progress: Callable[[str], None]) -> Iterator[Stack]:
    run.rmdir()
    _prepare(run, ports, progress)
    with LocalCloud.start(state_dir=run / "cloud", persist=True, **ports.as_options()) as cloud:
        yield _set_going(_stack(cloud.endpoint, run, cloud.env(), cloud.redis))


def _prepare(run: Path, ports: Ports, progress: Callable[[str], None]) -> None:
    """Make a folder of a stopped cloud with the service on it, from a snapshot where there is one."""
    name = snapshots.key([ROOT / "terraform", ROOT / "local_cloud" / "requirements.txt"], *ports.words())
    store, packages = STATE / "snapshots", MANIFEST.read_text()
    restored = snapshots.restore(store, name, run)
    if restored and (run / "packages.json").read_text() == packages:
        return
    progress("taking the new zips" if restored else "starting the local cloud")
    with LocalCloud.start(state_dir=run / "cloud", persist=True, **ports.as_options()) as cloud:
        _applied(cloud.endpoint, run, cloud.env(), progress, cloud.redis)
    (run / "packages.json").write_text(packages)
    snapshots.save(run, store, name)


def bring_up(
    progress: Callable[[str], None] = _silent, port: int | None = None, *, redis: bool = True
) -> Stack:
    """The service on a local cloud that outlives this process; one that runs already takes the new zips.

    `python -m local_cloud --state .local_cloud/up/cloud down` ends it. Raises CloudFailed, TerraformFailed.
    """
    run = STATE / "up"
    if (cloud := LocalCloud.find(run / "cloud")) is not None:
        return _applied(cloud.endpoint, run, cloud.env(), progress, cloud.redis)
    ports = Ports.of(port or find_port(), redis=redis)
    shutil.rmtree(run, ignore_errors=True)
    STATE.mkdir(exist_ok=True)
    _prepare(run, ports, progress)
    cloud = LocalCloud.start(state_dir=run / "cloud", persist=True, detached=True, **ports.as_options())
    return _set_going(_stack(cloud.endpoint, run, cloud.env(), cloud.redis))


def _set_going(stack: Stack) -> Stack:
    """Start what the schedule would start within its first minute."""
    if stack.redis is not None:
        for function in ("index_projector", "redis_relay"):
            stack.client("lambda").invoke(
                FunctionName=stack.outputs["function_names"][function],
                InvocationType="Event",
                Payload=b'{"task": "tend"}' if function == "index_projector" else b"{}",
            )
    return stack


def _stack(endpoint: str, run: Path, environment: Mapping[str, str], redis: RedisAccess | None) -> Stack:
    secret_file = run / "jwt-secret"
    if not secret_file.exists():
        secret_file.touch(mode=0o600)
        secret_file.write_text(secrets.token_urlsafe(48))
    variables = {
        "TF_VAR_jwt_secret": secret_file.read_text(),
        "TF_VAR_packages_manifest": str(MANIFEST),
        "TF_VAR_port": str(urlsplit(endpoint).port),
        **(_redis_variables(redis) if redis else {}),
    }
    terraform = Terraform(TERRAFORM_ROOT, run / "terraform.tfstate", {**environment, **variables})
    outputs = terraform.outputs() if (run / "terraform.tfstate").exists() else {}
    return Stack(endpoint, outputs, secret_file.read_text(), terraform, redis)


def _redis_variables(redis: RedisAccess) -> dict[str, str]:
    return {
        "TF_VAR_redis_enabled": "true",
        "TF_VAR_redis_port": str(redis.port),
        "TF_VAR_redis_tls_enabled": "true" if redis.tls else "false",
        "TF_VAR_redis_auth_token": redis.password_file.read_text(),
    }


def _applied(
    endpoint: str,
    run: Path,
    environment: Mapping[str, str],
    progress: Callable[[str], None],
    redis: RedisAccess | None,
) -> Stack:
    terraform = _stack(endpoint, run, environment, redis).terraform
    terraform.init()
    terraform.apply(progress)
    return _stack(endpoint, run, environment, redis)


def _credentials(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
    }


def _free(port: int) -> int:
    """The port where nothing listens on it, else any free one."""
    for candidate in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no free port on 127.0.0.1")


def by_hand(stack: Stack) -> list[str]:
    """Commands to go on with: where it is, a token for the user `you`, a client, a deal to publish."""
    deal = '{"messageType":"dealUpdate","topic":"books","data":{"title":"Atlas","price":45}}'
    publish = (
        f"echo '{deal}' | AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={REGION} "
        f"aws --endpoint-url {stack.endpoint} lambda invoke "
        f"--function-name {stack.outputs['function_names']['broadcast']} "
        # Read as bytes: with --payload alone, versions 1 and 2 of the AWS CLI need different options.
        "--payload fileb:///dev/stdin /dev/stdout"
    )
    return [
        f"export WEBSOCKET_API_GATEWAY_URL={stack.websocket_url}",
        f"export TOKEN={stack.token('you')}",
        'npx wscat -c "$WEBSOCKET_API_GATEWAY_URL" -H "Authorization: Bearer $TOKEN"',
        '  > {"action":"subscribeToDeals","data":{"filters":{"maxPrice":400}}}',
        publish,
        *_for_publishers(stack),
    ]


def _for_publishers(stack: Stack) -> list[str]:
    """What examples/publisher.py reads, and how it is run."""
    variables = {
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "BROADCAST_FUNCTION": stack.outputs["function_names"]["broadcast"],
        "EVENTS_QUEUE_URL": stack.outputs["queue_urls"]["events"],
    }
    if (redis := stack.redis) is not None:
        variables |= {"REDIS_URL": redis.url, "REDIS_PASSWORD_FILE": str(redis.password_file)}
        variables |= {"REDIS_CA_FILE": str(redis.authorities)} if redis.authorities else {}
    exports = " ".join(f"{name}={value}" for name, value in variables.items())
    return [f"export {exports}", ".venv/bin/python examples/publisher.py"]


def main() -> int:
    """Bring the service up and say where it is; the exit code."""
    try:
        stack = bring_up(lambda line: print(line, flush=True))
    except (CloudFailed, TerraformFailed) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\nThe service is up at {stack.websocket_url}")
    if stack.redis is not None:
        print(f"Redis for it is {stack.redis.description}, at {stack.redis.url}")
    print(f"Faults and clock of the local cloud: {stack.endpoint}/_local_cloud/ (see local_cloud/README.md)")
    print("`make local-down` ends it. To try it:", *by_hand(stack), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
