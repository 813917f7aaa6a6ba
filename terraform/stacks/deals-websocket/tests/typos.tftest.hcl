# What AWS, or nobody, would notice late is refused at the plan: names that do not exist, and values that AWS cannot take. A
# typo in an option's own name is Terraform's error already (docs/adr/0035).
mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "refuses_sizes_of_functions_that_do_not_exist" {
  command = plan

  variables {
    memory_mb           = { brodcast = 1024 }
    maximum_concurrency = { janitor = 2 }
    action_limits       = { sendMessage = { per_second = 1, burst = 1 } }
  }

  expect_failures = [var.memory_mb, var.maximum_concurrency, var.action_limits]
}

run "refuses_a_reservation_of_a_function_that_does_not_exist" {
  command = plan

  variables {
    reserved_concurrency = { authorizor = 10 }
  }

  expect_failures = [var.reserved_concurrency]
}

run "refuses_memory_that_is_null_or_none_of_lambdas" {
  command = plan

  variables {
    memory_mb = { broadcast = 1024, delivery = null, janitor = 64 }
  }

  expect_failures = [var.memory_mb]
}

run "no_memory_at_all_means_the_defaults" {
  command = plan

  variables {
    memory_mb = null
  }

  assert {
    condition     = local.memory_mb["delivery"] == 1769 && local.memory_mb["authorizer"] == 512
    error_message = "null must mean what leaving it out means"
  }
}

run "refuses_one_bad_retention_once" {
  command = plan

  variables {
    log_retention_days = 42
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_to_reserve_what_a_new_account_has_not" {
  command = plan

  variables {
    account_concurrency  = 10
    reserved_concurrency = { delivery = 4 }
  }

  expect_failures = [var.account_concurrency]
}

run "refuses_to_reserve_more_than_the_account_may" {
  command = plan

  variables {
    reserved_concurrency = { authorizer = 450, delivery = 451 }
  }

  expect_failures = [var.account_concurrency]
}

run "reserves_all_that_the_account_may_and_watches_its_limit" {
  command = plan

  variables {
    account_concurrency  = 200
    reserved_concurrency = { delivery = 4, authorizer = 96 }
  }

  assert {
    condition     = module.alarms[0].thresholds.lambda_account_concurrency == 200
    error_message = "the alarm must know the account's limit"
  }
}

run "refuses_keys_secrets_and_topics_of_another_region" {
  command = plan

  variables {
    jwt_secret          = null
    kms_key_arn         = "arn:aws:kms:us-east-1:123456789012:key/1"
    existing_jwt_secret = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:issuer-AbCdEf" }
    alarm_topic         = { arn = "arn:aws:sns:us-east-1:123456789012:pager" }
  }

  expect_failures = [var.kms_key_arn, var.existing_jwt_secret, var.alarm_topic]
}

run "refuses_the_secrets_key_of_another_region" {
  command = plan

  variables {
    jwt_secret                      = null
    existing_jwt_secret             = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:issuer-AbCdEf" }
    existing_jwt_secret_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/2"
  }

  expect_failures = [var.existing_jwt_secret_kms_key_arn]
}

run "refuses_tags_that_aws_keeps_to_itself" {
  command = plan

  variables {
    tags = { "AWS:cost" = "deals" }
  }

  expect_failures = [var.tags]
}

run "refuses_a_bucket_that_cannot_exist" {
  command = plan

  variables {
    package_bucket = "s3://Deals_Packages"
  }

  expect_failures = [var.package_bucket]
}

run "refuses_a_filter_policy_of_no_topic" {
  command = plan

  variables {
    sns_filter_policies = { prices = { policy = "{}", scope = "MessageBody" } }
  }

  expect_failures = [var.sns_filter_policies]
}

run "refuses_packages_of_another_architecture" {
  command = plan

  variables {
    packages_manifest = "tests/fixtures/manifest_x86_64.json"
  }

  expect_failures = [var.architecture]
}

run "takes_packages_of_the_architecture_that_is_asked_for" {
  command = plan

  variables {
    packages_manifest = "tests/fixtures/manifest_x86_64.json"
    architecture      = "x86_64"
  }

  assert {
    condition     = alltrue([for package in values(local.packages) : endswith(package.path, ".zip")])
    error_message = "the packages must be those of the manifest"
  }
}
