mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_lambda_function" {
    defaults = {
      arn     = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast"
      version = "8"
    }
  }
}

variables {
  name        = "deals-test-broadcast"
  description = "Who gets this event"
  handler     = "broadcast.handler.handler"
  package     = { s3_bucket = "packages", s3_key = "broadcast-1.0.0.zip" }
}

run "by_default_all_calls_get_the_newest_version_and_nothing_is_provisioned" {
  assert {
    condition     = aws_lambda_alias.live[0].function_version == "8" && length(aws_lambda_alias.live[0].routing_config) == 0
    error_message = "without a canary the alias must be on the newest version alone"
  }

  assert {
    condition     = length(aws_lambda_provisioned_concurrency_config.live) == 0 && aws_iam_role.this.path == "/"
    error_message = "provisioned concurrency costs by the hour, so it must be asked for"
  }
}

run "canary_gets_its_share_and_the_stable_version_the_rest" {
  variables {
    canary = { stable_version = "7", weight = 0.1 }
  }

  assert {
    condition     = aws_lambda_alias.live[0].function_version == "7" && aws_lambda_alias.live[0].routing_config[0].additional_version_weights == tomap({ "8" = 0.1 })
    error_message = "nine of ten calls must stay with the stable version"
  }
}

run "alias_that_codedeploy_moves_is_the_same_for_callers" {
  variables {
    alias_moved_by_codedeploy = true
    provisioned_concurrency   = 5
    sqs_trigger               = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events", visibility_timeout_seconds = 300 }
  }

  assert {
    condition     = length(aws_lambda_alias.live) == 0 && aws_lambda_alias.deployed[0].name == "live" && output.alias_arn == aws_lambda_alias.deployed[0].arn && output.target.qualifier == "live"
    error_message = "callers must find the alias under the same name, whoever moves it"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.sqs[0].function_name == aws_lambda_alias.deployed[0].arn && aws_lambda_provisioned_concurrency_config.live[0].qualifier == "live"
    error_message = "triggers and provisioned instances must follow that alias"
  }

  assert {
    condition     = output.newest_version == "8"
    error_message = "a deployment needs the number of the version to move to"
  }
}

run "refuses_two_that_shift_the_calls" {
  command = plan

  variables {
    alias_moved_by_codedeploy = true
    canary                    = { stable_version = "7", weight = 0.1 }
  }

  expect_failures = [var.alias_moved_by_codedeploy]
}

run "provisioned_instances_are_the_aliass" {
  variables {
    provisioned_concurrency = 5
  }

  assert {
    condition     = aws_lambda_provisioned_concurrency_config.live[0].provisioned_concurrent_executions == 5 && aws_lambda_provisioned_concurrency_config.live[0].qualifier == "live"
    error_message = "callers use the alias, so the instances must be initialised for it"
  }
}

run "role_environment_and_zip_follow_the_organisations_rules" {
  variables {
    role_path               = "/team/"
    environment_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"
    code_signing_config_arn = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0f6c334abcdea4d8b"
  }

  assert {
    condition     = aws_iam_role.this.path == "/team/" && endswith(aws_lambda_function.this.kms_key_arn, ":key/12345678-1234-1234-1234-123456789012") && endswith(aws_lambda_function.this.code_signing_config_arn, ":csc-0f6c334abcdea4d8b")
    error_message = "path, key and code signing configuration must reach the role and the function"
  }
}

run "refuses_a_canary_that_is_no_version_and_one_of_all_calls" {
  command = plan

  variables {
    canary = { stable_version = "$LATEST", weight = 1 }
  }

  expect_failures = [var.canary]
}

run "refuses_to_provision_nothing" {
  command = plan

  variables {
    provisioned_concurrency = 0
  }

  expect_failures = [var.provisioned_concurrency]
}

run "refuses_to_provision_more_than_is_reserved" {
  command = plan

  variables {
    reserved_concurrency    = 4
    provisioned_concurrency = 5
  }

  expect_failures = [var.provisioned_concurrency]
}

run "refuses_an_alias_as_key_of_the_environment" {
  command = plan

  variables {
    environment_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:alias/lambda"
  }

  expect_failures = [var.environment_kms_key_arn]
}

run "refuses_a_zip_of_this_machine_where_code_is_signed" {
  command = plan

  variables {
    package                 = { path = "tests/fixtures/package.zip" }
    code_signing_config_arn = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0f6c334abcdea4d8b"
  }

  expect_failures = [var.code_signing_config_arn]
}

run "refuses_a_role_path_that_does_not_end" {
  command = plan

  variables {
    role_path = "/team"
  }

  expect_failures = [var.role_path]
}
