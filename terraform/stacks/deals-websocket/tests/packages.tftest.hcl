mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/versions.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "every_function_has_the_version_of_the_build" {
  command = plan

  assert {
    condition     = output.package_versions == { for function in ["authorizer", "broadcast", "connection_handler", "delivery", "janitor", "message_router"] : function => "1.0.0" }
    error_message = "earlier zips in the manifest must not be deployed without being asked for"
  }
}

run "one_line_chooses_the_zip_of_one_function_and_of_no_other" {
  command = plan

  variables {
    function_versions = { broadcast = "0.9.0" }
  }

  assert {
    condition     = output.package_versions.broadcast == "0.9.0" && alltrue([for function, version in output.package_versions : version == "1.0.0" if function != "broadcast"])
    error_message = "function_versions must change the function that it names, and no other"
  }

  assert {
    condition     = endswith(local.packages["broadcast"].path, "/broadcast-0.9.0.zip") && endswith(local.packages["delivery"].path, "/package.zip")
    error_message = "each function must get the zip of its version"
  }
}

run "zips_in_a_bucket_are_found_by_prefix_and_pinned_by_object_version" {
  command = plan

  variables {
    package_bucket          = "acme-artifacts"
    package_prefix          = "deals/"
    package_object_versions = { broadcast = "3HL4kqtJlcpXroDTDmJ" }
    function_versions       = { broadcast = "0.9.0" }
  }

  assert {
    condition     = jsonencode(local.packages["broadcast"]) == jsonencode({ path = null, s3_bucket = "acme-artifacts", s3_key = "deals/broadcast-0.9.0.zip", s3_object_version = "3HL4kqtJlcpXroDTDmJ", sha256 = local.packages["delivery"].sha256 })
    error_message = "a version's zip must come from its own key in the bucket, verified by the manifest's hash"
  }

  assert {
    condition     = local.packages["delivery"].s3_object_version == null
    error_message = "a function that is not pinned must get the newest object"
  }
}

run "refuses_a_version_that_the_manifest_does_not_know" {
  command = plan

  variables {
    function_versions = { broadcast = "0.8.0" }
  }

  expect_failures = [var.function_versions]
}

run "refuses_a_version_of_something_that_is_no_function" {
  command = plan

  variables {
    function_versions = { broadcaster = "1.0.0" }
  }

  expect_failures = [var.function_versions]
}

run "refuses_object_versions_without_a_bucket" {
  command = plan

  variables {
    package_object_versions = { broadcast = "3HL4kqtJlcpXroDTDmJ" }
  }

  expect_failures = [var.package_object_versions]
}

run "refuses_an_object_version_of_something_that_is_no_function" {
  command = plan

  variables {
    package_bucket          = "acme-artifacts"
    package_object_versions = { broadcaster = "3HL4kqtJlcpXroDTDmJ" }
  }

  expect_failures = [var.package_object_versions]
}
