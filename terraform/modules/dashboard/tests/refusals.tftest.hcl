# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {}

variables {
  name      = "deals-test"
  api       = { id = "a1b2c3d4e5", stage_name = "v1" }
  functions = { message_router = { name = "router", memory_mb = 512, log_group_name = "/aws/lambda/router" } }
}

run "refuses_an_invalid_name" {
  command = plan

  variables {
    name = "deals.test"
  }

  expect_failures = [var.name]
}

run "refuses_a_short_name_invalid_in_metric_maths" {
  command = plan

  variables {
    functions = { "1-router" = { name = "router", memory_mb = 512, log_group_name = "/aws/lambda/router" } }
  }

  expect_failures = [var.functions]
}

run "refuses_more_alarms_than_a_dashboard_shows" {
  command = plan

  variables {
    alarm_arns = [for number in range(101) : "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:${number}"]
  }

  expect_failures = [var.alarm_arns]
}

run "refuses_a_negative_price" {
  command = plan

  variables {
    prices = { message = -1 }
  }

  expect_failures = [var.prices]
}

run "refuses_a_cache_without_nodes" {
  command = plan

  variables {
    cache = { cluster_ids = [] }
  }

  expect_failures = [var.cache]
}
