"""The service on a local cloud: starts the cloud, applies the Terraform root, provides clients."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import jwt

from local_cloud import LocalCloud, diagnosis, relocation, snapshots
from local_cloud.cloud import require_stopped
from local_cloud.named_cloud import NamedCloud, find_named_cloud
from local_cloud.packages import PACKAGE_BUCKET, upload_packages
from local_cloud.ports import Ports, choose_port, list_steady
from local_cloud.settings import CloudFailed, find_port
from local_cloud.terraform import Terraform, TerraformFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from botocore.config import Config

    from local_cloud.cloud_redis import RedisAccess

ROOT = Path(__file__).resolve().parent.parent
TERRAFORM_ROOT = ROOT / "terraform" / "environments" / "local"
APPLIED = [
    *(ROOT / "terraform" / part for part in ("modules", "stacks", "environments/local")),
    ROOT / "local_cloud" / "requirements.txt",
]
"""What makes an applied cloud another one."""
MANIFEST = ROOT / "dist" / "local" / "manifest.json"
LOCALSTACK_MANIFEST = ROOT / "dist" / "localstack" / "manifest.json"
"""Of zips for Lambda's own Python, which LocalStack runs."""
STATE = ROOT / ".local_cloud"
REGION = "us-east-1"
TOKEN_SECONDS = 3600


class FirstApplyFailed(UserWarning):
    """A first apply failed on an empty cloud, and is begun once more on another."""


@dataclass(frozen=True)
class Stack:
    """The applied service: its endpoint, Terraform's outputs, and clients for it."""

    endpoint: str
    outputs: Mapping[str, Any]
    jwt_secret: str
    terraform: Terraform
    redis: RedisAccess | None = None
    """The Redis that the service uses, or None."""
    found_url: str | None = None
    """Where a cloud that was started elsewhere serves the API, if not where the outputs say."""
    has_control_api: bool = True
    """Whether the cloud takes faults and a clock (local_cloud/README.md); others do not."""
    console_url: str | None = None
    """Where its console is; None on an emulator that was not started here."""

    @property
    def websocket_url(self) -> str:
        """The URL that WebSocket clients connect to."""
        return self.found_url or str(self.outputs["websocket_url"])

    def token(self, user_id: str, **claims: Any) -> str:
        """Return a JWT that the service accepts for an hour; `claims` replace or extend the usual ones."""
        now = int(time.time())
        usual = {"sub": user_id, "iat": now, "exp": now + TOKEN_SECONDS, "scope": "websocket"}
        return jwt.encode({**usual, **claims}, self.jwt_secret, algorithm="HS256")

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a boto3 client with the deployer's credentials."""
        return self._session.client(service, endpoint_url=self.endpoint, config=config)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("test", "test", region_name=REGION)


def _ignore_progress(_line: str) -> None:
    """Print nothing."""


@contextmanager
def running_stack(
    progress: Callable[[str], None] = _ignore_progress,
    port: int | None = None,
    *,
    redis: bool = False,
    steady_port: bool = False,
) -> Iterator[Stack]:
    """Run the service on the emulator at LOCALSTACK_ENDPOINT, else on a local cloud that stops at the end.

    `progress` gets a line for each step. `port` is the local cloud's, by default LOCAL_CLOUD_PORT or 4566;
    if it is taken, a free port serves: the next by a fixed rule with `steady_port`, else any.
    With `redis` the local cloud also runs a Redis, on the next port, and the service uses it.
    """
    if (named := find_named_cloud()) is not None:
        with tempfile.TemporaryDirectory(prefix="deals-") as folder:
            yield _apply_to_named(named, Path(folder), progress)
        return

    STATE.mkdir(exist_ok=True)
    run = Path(tempfile.mkdtemp(prefix="run-", dir=STATE))
    try:
        wanted = port or find_port()
        candidates = list_steady(wanted) if steady_port else [wanted]
        cloud = _deploy(run, candidates, redis=redis, progress=progress)
        with cloud:
            yield _start_scheduled(_read_stack(cloud.endpoint, run, cloud.env(), cloud.redis))
    finally:
        shutil.rmtree(run, ignore_errors=True)


def _deploy(
    run: Path, candidates: Sequence[int], *, redis: bool, progress: Callable[[str], None]
) -> LocalCloud:
    """Start a local cloud with the service on it, on the first free port of the candidates, or on any.

    Another process may take the port between the look at it and the start, or while the cloud restarts.
    """
    while True:
        ports = Ports.of(choose_port(candidates), redis=redis)
        shutil.rmtree(run, ignore_errors=True)  # a snapshot is restored only where there is no folder
        try:
            _prepare(run, ports, progress)
            options = ports.as_options()
            # Its folder is deleted when it stops.
            return LocalCloud.start(state_dir=run / "cloud", persist=True, passing=True, **options)
        except CloudFailed:
            if ports.are_free():
                raise
            progress("another process took the port; starting again on a free one")


def _prepare(run: Path, ports: Ports, progress: Callable[[str], None]) -> None:
    """Create the folder of a stopped cloud with the service on it, from a snapshot if there is one.

    An apply that fails on an empty cloud begins once more on another, with a warning that says why: an answer
    that the cloud lost makes Terraform meet its own first try. Raises TerraformFailed where that fails too.
    """
    name = snapshots.make_key(APPLIED, *ports.key_parts())
    store, packages = STATE / "snapshots", MANIFEST.read_text()
    if _restore(store, name, run, ports, packages):
        return

    with snapshots.making(store, name, lambda: progress("waiting for another run, which applies the same")):
        shutil.rmtree(run, ignore_errors=True)
        if _restore(store, name, run, ports, packages):
            return
        _apply_to_stopped(run, ports, progress)
        (run / "packages.json").write_text(packages)
        relocation.note_ports(run, ports)
        snapshots.save(run, store, name)


def _restore(store: Path, name: str, run: Path, ports: Ports, packages: str) -> bool:
    """Restore a kept cloud if there is one; return whether it has these zips."""
    if not snapshots.restore(store, name, run):
        return False
    relocation.move(run, ports)
    return (run / "packages.json").read_text() == packages


def _apply_to_stopped(run: Path, ports: Ports, progress: Callable[[str], None]) -> None:
    restored = run.exists()
    progress("taking the new zips" if restored else "starting the local cloud")
    try:
        _apply_and_stop(run, ports, progress)
    except TerraformFailed as error:
        if restored:
            raise
        message = f"the first apply failed; beginning once more, on an empty cloud, because: {error}"
        warnings.warn(message, FirstApplyFailed, stacklevel=2)
        shutil.rmtree(run)
        _apply_and_stop(run, ports, progress)


def _apply_and_stop(run: Path, ports: Ports, progress: Callable[[str], None]) -> None:
    with LocalCloud.start(state_dir=run / "cloud", persist=True, **ports.as_options()) as cloud:
        _apply(cloud.endpoint, run, cloud.env(), progress, cloud.redis)


def bring_up(
    progress: Callable[[str], None] = _ignore_progress, port: int | None = None, *, redis: bool = True
) -> Stack:
    """Start the service on a local cloud that outlives this process; a running one takes the new zips.

    `python -m local_cloud --state .local_cloud/up/cloud down` stops it. Raises CloudFailed, TerraformFailed.
    """
    run = STATE / "up"
    if (cloud := LocalCloud.find(run / "cloud")) is not None:
        return _apply(cloud.endpoint, run, cloud.env(), progress, cloud.redis)

    ports = Ports.of(choose_port(list_steady(port or find_port())), redis=redis)
    require_stopped(run / "cloud")
    shutil.rmtree(run, ignore_errors=True)
    STATE.mkdir(exist_ok=True)
    _prepare(run, ports, progress)
    cloud = LocalCloud.start(state_dir=run / "cloud", persist=True, detached=True, **ports.as_options())
    return _start_scheduled(_read_stack(cloud.endpoint, run, cloud.env(), cloud.redis))


def _start_scheduled(stack: Stack) -> Stack:
    """Invoke now the functions that their schedules would start within a minute."""
    if stack.redis is not None:
        for function in ("index_projector", "redis_relay"):
            stack.client("lambda").invoke(
                FunctionName=stack.outputs["function_arns"][function],
                InvocationType="Event",
                Payload=b'{"task": "tend"}' if function == "index_projector" else b"{}",
            )
    return stack


def _read_stack(endpoint: str, run: Path, environment: Mapping[str, str], redis: RedisAccess | None) -> Stack:
    secret_file = run / "jwt-secret"
    if not secret_file.exists():
        secret_file.touch(mode=0o600)
        secret_file.write_text(secrets.token_urlsafe(48))

    variables = {
        "TF_VAR_jwt_secret": secret_file.read_text(),
        "TF_VAR_packages_manifest": str(MANIFEST),
        "TF_VAR_package_bucket": PACKAGE_BUCKET,
        "TF_VAR_endpoint": endpoint,
        **(_build_redis_variables(redis) if redis else {}),
    }
    # An emulator that was not started here has its logs elsewhere.
    has_logs = (run / "cloud").is_dir()
    explain = partial(diagnosis.keep_logs, run / "cloud", STATE / "failed") if has_logs else None
    state = run / "terraform.tfstate"
    terraform = Terraform(TERRAFORM_ROOT, state, {**variables, **environment}, explain)
    outputs = terraform.outputs() if (run / "terraform.tfstate").exists() else {}
    console = f"{endpoint}/console/" if has_logs else None
    return Stack(endpoint, outputs, secret_file.read_text(), terraform, redis, console_url=console)


def _build_redis_variables(redis: RedisAccess) -> dict[str, str]:
    return {
        "TF_VAR_redis_enabled": "true",
        "TF_VAR_redis_port": str(redis.port),
        "TF_VAR_redis_tls_enabled": "true" if redis.tls else "false",
        "TF_VAR_redis_auth_token": redis.password_file.read_text(),
    }


def _apply(
    endpoint: str,
    run: Path,
    environment: Mapping[str, str],
    progress: Callable[[str], None],
    redis: RedisAccess | None,
) -> Stack:
    stack = _read_stack(endpoint, run, environment, redis)
    upload_packages(stack.client("s3"), MANIFEST)
    _run_terraform(stack, progress)
    return _read_stack(endpoint, run, environment, redis)


def _run_terraform(stack: Stack, progress: Callable[[str], None]) -> None:
    stack.terraform.init()
    stack.terraform.apply(progress)


def _apply_to_named(named: NamedCloud, run: Path, progress: Callable[[str], None]) -> Stack:
    """Apply the service to a cloud that was started elsewhere, and find where it serves the API."""
    manifest = MANIFEST if named.runs_on_host else LOCALSTACK_MANIFEST
    environment = {
        "AWS_ENDPOINT_URL": named.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "TF_VAR_packages_manifest": str(manifest),
        "TF_VAR_functions_endpoint": named.functions_endpoint,
    }
    if architecture := json.loads(manifest.read_text())["architecture"]:
        environment["TF_VAR_architecture"] = architecture

    stack = _read_stack(named.endpoint, run, environment, None)
    upload_packages(stack.client("s3"), manifest)
    _run_terraform(stack, progress)
    stack = _read_stack(named.endpoint, run, environment, None)

    api_id = str(stack.outputs["api_id"])
    api_endpoint = stack.client("apigatewayv2").get_api(ApiId=api_id)["ApiEndpoint"]
    stage = str(stack.outputs["websocket_url"]).rpartition("/")[2]
    found = named.find_websocket_url(api_id, stage, api_endpoint, stack.token("somebody"))
    return replace(stack, found_url=found, has_control_api=named.has_control_api)
