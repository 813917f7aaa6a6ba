# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {}

variables {
  name      = "deals-test"
  api       = { id = "a1b2c3d4e5", stage_name = "v1" }
  functions = { router = { name = "router", timeout_seconds = 29 } }
}

run "refuses_an_invalid_name" {
  command = plan

  variables {
    name = "deals test"
  }

  expect_failures = [var.name]
}

run "refuses_a_short_name_with_a_hyphen" {
  command = plan

  variables {
    functions = { "the-router" = { name = "router", timeout_seconds = 29 } }
  }

  expect_failures = [var.functions]
}

run "refuses_a_table_without_operations" {
  command = plan

  variables {
    tables = { connections = { name = "connections", operations = [] } }
  }

  expect_failures = [var.tables]
}

run "refuses_more_indexes_than_one_alarm_can_sum" {
  command = plan

  variables {
    tables = { connections = { name = "connections", operations = ["Query"], indexes = ["a", "b", "c", "d", "e"] } }
  }

  expect_failures = [var.tables]
}

run "refuses_a_negative_threshold" {
  command = plan

  variables {
    thresholds = { connections = -1 }
  }

  expect_failures = [var.thresholds]
}

run "refuses_a_relay_silence_shorter_than_two_runs" {
  command = plan

  variables {
    thresholds = { relay_silent_minutes = 1 }
  }

  expect_failures = [var.thresholds]
}

run "refuses_a_percentage_of_100" {
  command = plan

  variables {
    thresholds = { error_rate_percent = 100 }
  }

  expect_failures = [var.thresholds]
}

run "refuses_a_janitor_silence_shorter_than_two_runs" {
  command = plan

  variables {
    thresholds = { janitor_silent_minutes = 1 }
  }

  expect_failures = [var.thresholds]
}

run "refuses_an_account_limit_of_zero" {
  command = plan

  variables {
    thresholds = { lambda_account_concurrency = 0 }
  }

  expect_failures = [var.thresholds]
}

run "refuses_to_disable_an_unknown_alarm" {
  command = plan

  variables {
    disabled = ["eror_rate"]
  }

  expect_failures = [var.disabled]
}

run "refuses_an_invalid_topic_arn" {
  command = plan

  variables {
    topic = { arn = "arn:aws:sqs:eu-west-1:123456789012:queue" }
  }

  expect_failures = [var.topic]
}

run "refuses_email_addresses_with_an_existing_topic" {
  command = plan

  variables {
    topic  = { arn = "arn:aws:sns:eu-west-1:123456789012:pager" }
    emails = ["ops@example.com"]
  }

  expect_failures = [var.emails]
}

run "refuses_an_invalid_email_address" {
  command = plan

  variables {
    emails = ["ops"]
  }

  expect_failures = [var.emails]
}

run "refuses_a_key_with_an_existing_topic" {
  command = plan

  variables {
    topic     = { arn = "arn:aws:sns:eu-west-1:123456789012:pager" }
    topic_key = { arn = "arn:aws:kms:eu-west-1:123456789012:key/given" }
  }

  expect_failures = [var.topic_key]
}

run "refuses_unknown_ok_notices" {
  command = plan

  variables {
    ok_notices = "some"
  }

  expect_failures = [var.ok_notices]
}
