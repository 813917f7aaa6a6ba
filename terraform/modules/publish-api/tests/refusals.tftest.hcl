# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {}

variables {
  name          = "deals-test-publish"
  function      = { name = "broadcast", invoke_arn = "arn:broadcast" }
  authorization = "IAM"
}

run "refuses_a_name_with_a_space" {
  command = plan

  variables {
    name = "my deals"
  }

  expect_failures = [var.name]
}

run "refuses_the_default_stage" {
  command = plan

  variables {
    stage_name = "$default"
  }

  expect_failures = [var.stage_name]
}

run "refuses_an_api_without_authorization" {
  command = plan

  variables {
    authorization = "NONE"
  }

  expect_failures = [var.authorization]
}

run "refuses_tokens_without_a_function_that_verifies_them" {
  command = plan

  variables {
    authorization = "JWT"
  }

  expect_failures = [var.authorizer]
}

run "refuses_an_authorizer_that_iam_would_not_ask" {
  command = plan

  variables {
    authorizer = { name = "authorizer", invoke_arn = "arn:authorizer" }
  }

  expect_failures = [var.authorizer]
}

run "refuses_an_authorizers_answer_that_is_kept_for_a_day" {
  command = plan

  variables {
    authorizer_cache_seconds = 86400
  }

  expect_failures = [var.authorizer_cache_seconds]
}

run "refuses_a_throttle_of_nothing" {
  command = plan

  variables {
    throttling = { rate_limit = 0, burst_limit = 1 }
  }

  expect_failures = [var.throttling]
}

run "refuses_a_retention_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_a_url_as_a_domain" {
  command = plan

  variables {
    custom_domain = { name = "https://publish.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1" }
  }

  expect_failures = [var.custom_domain]
}

run "refuses_a_certificate_of_iam" {
  command = plan

  variables {
    custom_domain = { name = "publish.example.com", certificate_arn = "arn:aws:iam::123456789012:server-certificate/x" }
  }

  expect_failures = [var.custom_domain]
}

run "refuses_a_path_without_a_domain" {
  command = plan

  variables {
    custom_domain_path = "deals"
  }

  expect_failures = [var.custom_domain_path]
}

run "refuses_a_path_of_two_parts" {
  command = plan

  variables {
    custom_domain      = { name = "publish.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1" }
    custom_domain_path = "deals/v1"
  }

  expect_failures = [var.custom_domain_path]
}

run "refuses_a_zone_without_a_domain" {
  command = plan

  variables {
    custom_domain_zone = { id = "Z0123456789ABCDEFGHIJ" }
  }

  expect_failures = [var.custom_domain_zone]
}

run "refuses_an_api_without_any_address" {
  command = plan

  variables {
    default_endpoint_enabled = false
  }

  expect_failures = [var.default_endpoint_enabled]
}
