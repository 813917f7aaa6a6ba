"""Two deployments that forward to each other, as in two Regions, on a local cloud of their own."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from local_cloud import LocalCloud, snapshots
from local_cloud.ports import Ports
from local_cloud.stack import MANIFEST, STATE, Stack
from local_cloud.stack import ROOT as REPOSITORY
from local_cloud.terraform import Terraform
from tests.e2e.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent / "two_regions"
QUEUES = ("forwards", "events", "deliveries")


class Regions(NamedTuple):
    """A deployment for each of two Regions."""

    east: Service
    west: Service

    async def settled(self) -> None:
        """Wait until nothing is on its way: twice, since each may hand something to the other."""
        for _ in range(2):
            for region in self:
                for queue in QUEUES:
                    await region.emptied(queue)


@contextmanager
def running_regions(port: int) -> Iterator[Regions]:
    """Apply both, or restore what an earlier run applied, where the port is free as it was then."""
    ports = Ports(port, None)
    name = snapshots.make_key(
        [ROOT, REPOSITORY / "terraform", REPOSITORY / "local_cloud" / "requirements.txt"], str(port)
    )
    store, reusable = STATE / "snapshots", ports.are_free()
    STATE.mkdir(exist_ok=True)
    run = Path(tempfile.mkdtemp(prefix="run-", dir=STATE))
    run.rmdir()  # a snapshot is restored only where there is no folder
    restored = reusable and snapshots.restore(store, name, run)

    try:
        run.mkdir(exist_ok=True)
        options = {"state_dir": run / "cloud", "port": port if reusable else 0, "persist": True}
        with LocalCloud.start(**options) as cloud:
            _read(cloud, run).terraform.init()
            _read(cloud, run).terraform.apply(lambda _: None)
            if not reusable or restored:
                yield _services(_read(cloud, run))
                return

        snapshots.save(run, store, name)
        with LocalCloud.start(**options) as cloud:
            yield _services(_read(cloud, run))
    finally:
        shutil.rmtree(run, ignore_errors=True)


def _read(cloud: LocalCloud, run: Path) -> Stack:
    secret_file = run / "jwt-secret"
    if not secret_file.exists():
        secret_file.write_text(secrets.token_urlsafe(48))
    secret = secret_file.read_text()

    variables = {
        "TF_VAR_port": str(cloud.port),
        "TF_VAR_jwt_secret": secret,
        "TF_VAR_packages_manifest": str(MANIFEST),
    }
    state = run / "terraform.tfstate"
    terraform = Terraform(ROOT, state, {**cloud.env(), **variables})
    return Stack(cloud.endpoint, terraform.outputs() if state.exists() else {}, secret, terraform)


def _services(stack: Stack) -> Regions:
    return Regions(
        *(
            Service(Stack(stack.endpoint, stack.outputs[name], stack.jwt_secret, stack.terraform))
            for name in Regions._fields
        )
    )
