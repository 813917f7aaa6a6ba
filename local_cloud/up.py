"""`python -m local_cloud.up`: starts the service on a local cloud that stays up, and prints how to use it."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from local_cloud.isolation import isolate
from local_cloud.progress import Progress
from local_cloud.settings import CloudFailed
from local_cloud.stack import REGION, Stack, bring_up
from local_cloud.terraform import TerraformFailed

if TYPE_CHECKING:
    from collections.abc import Sequence


def list_commands(stack: Stack) -> list[str]:
    """Return shell commands to try the service: its URL, a token for the user `you`, a client, a deal."""
    deal = '{"messageType":"dealUpdate","topic":"books","data":{"title":"Atlas","price":45}}'
    publish = (
        f"echo '{deal}' | AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={REGION} "
        f"aws --endpoint-url {stack.endpoint} lambda invoke "
        f"--function-name {stack.outputs['function_arns']['broadcast']} "
        # fileb:// passes raw bytes; a plain --payload needs different options in AWS CLI 1 and 2.
        "--payload fileb:///dev/stdin /dev/stdout"
    )

    return [
        f"export WEBSOCKET_API_GATEWAY_URL={stack.websocket_url}",
        f"export TOKEN={stack.token('you')}",
        'npx wscat -c "$WEBSOCKET_API_GATEWAY_URL" -H "Authorization: Bearer $TOKEN"',
        '  > {"action":"subscribeToDeals","data":{"filters":{"maxPrice":400}}}',
        publish,
        *_list_publisher_commands(stack),
    ]


def _list_publisher_commands(stack: Stack) -> list[str]:
    """Return the variables that examples/publisher.py reads, and the command that runs it."""
    variables = {
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "BROADCAST_FUNCTION": stack.outputs["function_arns"]["broadcast"],
        "EVENTS_QUEUE_URL": stack.outputs["queue_urls"]["events"],
        "PUBLISH_API_URL": stack.outputs["publish_api_url"],
        "PUBLISH_TOKEN": stack.token("shop", scope="publish"),
    }

    if (redis := stack.redis) is not None:
        variables |= {"REDIS_URL": redis.url, "REDIS_PASSWORD_FILE": str(redis.password_file)}
        variables |= {"REDIS_CA_FILE": str(redis.authorities)} if redis.authorities else {}

    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    return [f"export {exports}", "PYTHONPATH=clients/python .venv/bin/python examples/publisher.py"]


def main(argv: Sequence[str] | None = None) -> int:
    """Start the service and print its address; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local_cloud.up", description=__doc__.splitlines()[0])
    parser.add_argument("--console", action="store_true", help="say only where the console is")
    options = parser.parse_args(argv)
    isolate()
    try:
        with Progress(Console(highlight=False, soft_wrap=True)) as progress:
            stack = bring_up(progress)
    except (CloudFailed, TerraformFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.", file=sys.stderr)
        return 130

    print(f"The service is up after {progress.seconds:.0f} s at {stack.websocket_url}")
    print(f"Watch it in a browser: {stack.console_url}")
    if options.console:
        return 0
    if stack.redis is not None:
        print(f"Its Redis is {stack.redis.description}, at {stack.redis.url}")
    print(f"Faults and clock of the local cloud: {stack.endpoint}/_local_cloud/ (see local_cloud/README.md)")
    print("`make local-down` stops it. To try it:", *list_commands(stack), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
