"""The reference in the READMEs of Terraform folders: that it is current, and how it is read and written."""

from __future__ import annotations

from pathlib import Path

import pytest

from terraform.tooling import readme, suite
from terraform.tooling.errors import ToolchainError
from terraform.tooling.hcl import read_blocks, read_folder

WITH_README = [folder for folder in suite.folders() if (folder / "README.md").exists()]

MODULE = """\
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

data "aws_region" "current" {}

resource "aws_sqs_queue" "this" {
  name = "}"

  lifecycle {
    create_before_destroy = true
  }
}

module "tables" {
  source = "../tables"
}

variable "sizes" {
  description = <<-EOT
    Sizes, which
    are named <name>.

    `small`: this | that.
    `large`: the <other>.
  EOT
  type = object({
    small = optional(number, 1) # "(" is no bracket
    large = optional(object({ width = number }), { width = 2 })
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.sizes.small > 0
    error_message = "sizes: }"
  }
}

variable "name" {
  description = "The \\"name\\""
  type        = string
}

output "queue_url" {
  description = "Where to send"
  value       = aws_sqs_queue.this.url
}
"""


@pytest.mark.parametrize("folder", WITH_README, ids=lambda path: path.name)
def test_reference_is_current(folder: Path) -> None:
    assert (folder / "README.md").read_text("utf-8") == readme.render(folder), "run `make reference`"


def test_every_module_stack_and_example_has_a_readme() -> None:
    groups = ("modules", "stacks", "examples")
    expected = [path for path in suite.folders() if path.parent.name in groups]
    assert expected
    assert [path.name for path in expected if path not in WITH_README] == []


@pytest.mark.parametrize("folder", suite.folders(), ids=lambda path: path.name)
def test_every_variable_and_output_is_described(folder: Path) -> None:
    declared = [block for block in read_folder(folder) if block.kind in ("variable", "output")]
    assert [block.labels[0] for block in declared if not block.text("description")] == []
    assert [b.labels[0] for b in declared if b.kind == "variable" and "type" not in b.attributes] == []


def test_reference_lists_requirements_resources_inputs_and_outputs() -> None:
    reference = readme.build_reference(read_blocks(MODULE))
    assert reference.splitlines() == [
        "## Requirements",
        "",
        "| Name | Version |",
        "| --- | --- |",
        "| `terraform` | `>= 1.11` |",
        "| `aws` | `>= 5.100, < 7.0` |",
        "",
        "## Modules",
        "",
        "| Name | Source |",
        "| --- | --- |",
        "| `tables` | `../tables` |",
        "",
        "## Resources",
        "",
        "| Name | Type |",
        "| --- | --- |",
        "| `aws_region.current` | data source |",
        "| `aws_sqs_queue.this` | resource |",
        "",
        "## Inputs",
        "",
        "| Name | Description | Type | Default | Required |",
        "| --- | --- | --- | --- | --- |",
        (
            "| `sizes` | Sizes, which are named \\<name>.<br/><br/>"
            "`small`: this \\| that.<br/>`large`: the \\<other>. "
            '| <pre>object({<br/>  small = optional(number, 1) # "(" is no bracket<br/>'
            "  large = optional(object({ width = number }), { width = 2 })<br/>})</pre> | `{}` | no |"
        ),
        '| `name` | The "name" | `string` | n/a | yes |',
        "",
        "## Outputs",
        "",
        "| Name | Description |",
        "| --- | --- |",
        "| `queue_url` | Where to send |",
        "",
    ]


def test_readme_without_marks_is_an_error_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# a module\n")
    with pytest.raises(ToolchainError, match=r"README\.md has no lines <!-- BEGIN_TF_DOCS -->"):
        readme.render(tmp_path)


def test_text_around_the_marks_stays(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(MODULE)
    (tmp_path / "README.md").write_text(f"# a module\n\n{readme.BEGIN}\nold\n{readme.END}\n\nAfter.\n")
    text = readme.render(tmp_path)
    assert text.startswith(f"# a module\n\n{readme.BEGIN}\n## Requirements\n")
    assert text.endswith(f"{readme.END}\n\nAfter.\n")
    assert "old" not in text
