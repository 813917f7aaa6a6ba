# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {}

variables {
  name        = "deals-test-broadcast"
  description = "Who gets this event"
  handler     = "broadcast.handler.handler"
  package     = { s3_bucket = "packages", s3_key = "broadcast-1.0.0.zip" }
}

run "refuses_a_name_above_64_characters" {
  command = plan

  variables {
    name = "a-name-of-sixty-five-characters-is-one-more-than-lambda-will-take-"
  }

  expect_failures = [var.name]
}

run "refuses_a_name_with_a_dot" {
  command = plan

  variables {
    name = "deals.broadcast"
  }

  expect_failures = [var.name]
}

run "refuses_a_description_above_256_characters" {
  command = plan

  variables {
    description = join("", [for i in range(257) : "x"])
  }

  expect_failures = [var.description]
}

run "refuses_a_package_without_a_source" {
  command = plan

  variables {
    package = {}
  }

  expect_failures = [var.package]
}

run "refuses_a_package_with_two_sources" {
  command = plan

  variables {
    package = { path = "tests/fixtures/package.zip", s3_bucket = "packages", s3_key = "broadcast.zip" }
  }

  expect_failures = [var.package]
}

run "refuses_a_bucket_without_a_key" {
  command = plan

  variables {
    package = { s3_bucket = "packages" }
  }

  expect_failures = [var.package]
}

run "refuses_a_key_without_a_bucket" {
  command = plan

  variables {
    package = { s3_key = "broadcast.zip" }
  }

  expect_failures = [var.package]
}

run "refuses_an_object_version_of_a_local_zip" {
  command = plan

  variables {
    package = { path = "tests/fixtures/package.zip", s3_object_version = "3" }
  }

  expect_failures = [var.package]
}

run "refuses_a_zip_that_was_not_built" {
  command = plan

  variables {
    package = { path = "tests/fixtures/absent.zip" }
  }

  expect_failures = [var.package]
}

run "refuses_a_hash_that_is_not_sha256" {
  command = plan

  variables {
    package = { s3_bucket = "packages", s3_key = "broadcast.zip", sha256 = "abc" }
  }

  expect_failures = [var.package]
}

run "refuses_a_zip_with_another_hash" {
  command = plan

  variables {
    package = { path = "tests/fixtures/package.zip", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  }

  expect_failures = [var.package]
}

run "refuses_a_handler_without_a_function" {
  command = plan

  variables {
    handler = "broadcast"
  }

  expect_failures = [var.handler]
}

run "refuses_an_unknown_architecture" {
  command = plan

  variables {
    architecture = "riscv64"
  }

  expect_failures = [var.architecture]
}

run "refuses_memory_below_128_mb" {
  command = plan

  variables {
    memory_mb = 64
  }

  expect_failures = [var.memory_mb]
}

run "refuses_memory_above_10240_mb" {
  command = plan

  variables {
    memory_mb = 10241
  }

  expect_failures = [var.memory_mb]
}

run "refuses_a_timeout_of_zero" {
  command = plan

  variables {
    timeout_seconds = 0
  }

  expect_failures = [var.timeout_seconds]
}

run "refuses_a_timeout_above_15_minutes" {
  command = plan

  variables {
    timeout_seconds = 901
  }

  expect_failures = [var.timeout_seconds]
}

run "refuses_a_negative_reservation" {
  command = plan

  variables {
    reserved_concurrency = -1
  }

  expect_failures = [var.reserved_concurrency]
}

run "refuses_environment_variables_reserved_by_lambda" {
  command = plan

  variables {
    environment = { AWS_REGION = "eu-west-1" }
  }

  expect_failures = [var.environment]
}

run "refuses_an_environment_above_lambdas_limit" {
  command = plan

  variables {
    environment = { LONG = join("", [for i in range(410) : "0123456789"]) }
  }

  expect_failures = [var.environment]
}

run "refuses_a_statement_id_with_a_hyphen" {
  command = plan

  variables {
    policy_statements = { "read-table" = { actions = ["dynamodb:GetItem"], resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/t"] } }
  }

  expect_failures = [var.policy_statements]
}

run "refuses_every_action_at_once" {
  command = plan

  variables {
    policy_statements = { Statement = { actions = ["*"], resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/t"] } }
  }

  expect_failures = [var.policy_statements]
}

run "refuses_every_action_of_a_service" {
  command = plan

  variables {
    policy_statements = { Statement = { actions = ["dynamodb:*"], resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/t"] } }
  }

  expect_failures = [var.policy_statements]
}

run "refuses_actions_with_a_wildcard" {
  command = plan

  variables {
    policy_statements = { Statement = { actions = ["dynamodb:Get*"], resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/t"] } }
  }

  expect_failures = [var.policy_statements]
}

run "refuses_every_resource_at_once" {
  command = plan

  variables {
    policy_statements = { Statement = { actions = ["dynamodb:GetItem"], resources = ["*"] } }
  }

  expect_failures = [var.policy_statements]
}

run "refuses_a_statement_without_resources" {
  command = plan

  variables {
    policy_statements = { Statement = { actions = ["dynamodb:GetItem"], resources = [] } }
  }

  expect_failures = [var.policy_statements]
}

run "refuses_a_retention_unknown_to_cloudwatch" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_an_unknown_tracing_mode" {
  command = plan

  variables {
    tracing_mode = "On"
  }

  expect_failures = [var.tracing_mode]
}

run "refuses_a_system_log_level_that_lambda_does_not_know" {
  command = plan

  variables {
    system_log_level = "ERROR"
  }

  expect_failures = [var.system_log_level]
}
