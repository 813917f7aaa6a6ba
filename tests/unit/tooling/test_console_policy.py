"""Local cloud and Terraform module send the console's page with the same policy, but for its sockets."""

from __future__ import annotations

import re
from pathlib import Path

from local_cloud.gateway.static_files import HEADERS, POLICY

MODULE = Path(__file__).parents[3] / "terraform" / "modules" / "console" / "distribution.tf"
SOCKETS = "connect-src 'self' ${local.websocket_origin}"


def read_policy() -> list[str]:
    [block] = re.findall(r'policy = join\("; ", \[(.*?)\]\)', MODULE.read_text(), re.DOTALL)
    return re.findall(r'"(.*)",', block)


def test_policy_of_a_deployed_page_differs_in_its_sockets_alone():
    assert [part.replace(SOCKETS, "connect-src 'self'") for part in read_policy()] == POLICY.split("; ")
    assert SOCKETS in read_policy()


def test_deployed_page_has_the_other_headers_too():
    declared = MODULE.read_text()

    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert "content_type_options {" in declared
    assert f'referrer_policy = "{HEADERS["Referrer-Policy"]}"' in declared
    assert 'header   = "Cross-Origin-Opener-Policy"' in declared
    assert f'value    = "{HEADERS["Cross-Origin-Opener-Policy"]}"' in declared
