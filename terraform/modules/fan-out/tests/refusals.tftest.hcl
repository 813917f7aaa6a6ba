# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {}

variables {
  names      = { events = "deals-test-events", deliveries = "deals-test-deliveries" }
  events     = { function_timeout_seconds = 60 }
  deliveries = { function_timeout_seconds = 60 }
}

run "refuses_a_name_that_leaves_no_room_for_dlq" {
  command = plan

  variables {
    names = { events = join("", [for i in range(77) : "e"]), deliveries = "deliveries" }
  }

  expect_failures = [var.names]
}

run "refuses_a_fifo_name" {
  command = plan

  variables {
    names = { events = "events.fifo", deliveries = "deliveries" }
  }

  expect_failures = [var.names]
}

run "refuses_the_same_name_for_both_queues" {
  command = plan

  variables {
    names = { events = "deals", deliveries = "deals" }
  }

  expect_failures = [var.names]
}

run "refuses_an_impossible_function_timeout_for_either_queue" {
  command = plan

  variables {
    events     = { function_timeout_seconds = 901 }
    deliveries = { function_timeout_seconds = 901 }
  }

  expect_failures = [var.events, var.deliveries]
}

run "refuses_an_impossible_window_for_either_queue" {
  command = plan

  variables {
    events     = { function_timeout_seconds = 60, batching_window_seconds = 301 }
    deliveries = { function_timeout_seconds = 60, batching_window_seconds = 301 }
  }

  expect_failures = [var.events, var.deliveries]
}

run "refuses_a_visibility_timeout_below_the_timeout_and_the_window_for_either_queue" {
  command = plan

  variables {
    events     = { function_timeout_seconds = 60, batching_window_seconds = 5, visibility_timeout_seconds = 64 }
    deliveries = { function_timeout_seconds = 60, batching_window_seconds = 5, visibility_timeout_seconds = 64 }
  }

  expect_failures = [var.events, var.deliveries]
}

run "refuses_a_visibility_timeout_above_twelve_hours_for_either_queue" {
  command = plan

  variables {
    events     = { function_timeout_seconds = 60, visibility_timeout_seconds = 43201 }
    deliveries = { function_timeout_seconds = 60, visibility_timeout_seconds = 43201 }
  }

  expect_failures = [var.events, var.deliveries]
}

run "refuses_zero_attempts_for_either_queue" {
  command = plan

  variables {
    events     = { function_timeout_seconds = 60, receive_count_max = 0 }
    deliveries = { function_timeout_seconds = 60, receive_count_max = 0 }
  }

  expect_failures = [var.events, var.deliveries]
}

run "refuses_more_than_14_days_for_either_queue" {
  command = plan

  variables {
    events     = { function_timeout_seconds = 60, retention_seconds = 1209601 }
    deliveries = { function_timeout_seconds = 60, retention_seconds = 1209601 }
  }

  expect_failures = [var.events, var.deliveries]
}

run "refuses_a_queue_arn_as_topic" {
  command = plan

  variables {
    sns_topics = { prices = { topic_arn = "arn:aws:sqs:eu-west-1:123456789012:prices" } }
  }

  expect_failures = [var.sns_topics]
}

run "refuses_a_filter_policy_that_is_not_json" {
  command = plan

  variables {
    sns_topics = { prices = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:prices", filter_policy = "store = web" } }
  }

  expect_failures = [var.sns_topics]
}

run "refuses_an_unknown_filter_scope" {
  command = plan

  variables {
    sns_topics = { prices = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:prices", filter_policy_scope = "Headers" } }
  }

  expect_failures = [var.sns_topics]
}

run "refuses_an_event_pattern_that_is_not_json" {
  command = plan

  variables {
    event_bus_rules = { catalogue = { event_pattern = "source = catalogue" } }
  }

  expect_failures = [var.event_bus_rules]
}

run "refuses_a_rule_key_with_a_space" {
  command = plan

  variables {
    event_bus_rules = { "my rule" = { event_pattern = "{\"source\":[\"catalogue\"]}" } }
  }

  expect_failures = [var.event_bus_rules]
}

run "refuses_a_rule_name_above_64_characters" {
  command = plan

  variables {
    names           = { events = join("", [for i in range(60) : "e"]), deliveries = "deliveries" }
    event_bus_rules = { catalogue = { event_pattern = "{\"source\":[\"catalogue\"]}" } }
  }

  expect_failures = [var.event_bus_rules]
}

run "refuses_a_forwards_queue_that_sqs_or_lambda_would_not_take" {
  command = plan

  variables {
    forwards = { name = "forwards.fifo", function_timeout_seconds = 901 }
  }

  expect_failures = [var.forwards]
}

run "refuses_a_bus_without_a_name" {
  command = plan

  variables {
    forwarded_events = { received = true }
  }

  expect_failures = [var.forwarded_events]
}

run "refuses_an_account_that_is_not_twelve_digits" {
  command = plan

  variables {
    forwarded_events = { received = true, bus_name = "deals", account_ids = ["*"] }
  }

  expect_failures = [var.forwarded_events]
}

run "refuses_accounts_without_a_bus" {
  command = plan

  variables {
    forwarded_events = { account_ids = ["210987654321"] }
  }

  expect_failures = [var.forwarded_events]
}

run "refuses_a_pattern_that_matches_no_event" {
  command = plan

  variables {
    event_bus_rules = { shop = { event_pattern = "{\"source\": [\"shop\"], \"detailtype\": [\"DealPublished\"]}" } }
  }

  expect_failures = [var.event_bus_rules]
}
