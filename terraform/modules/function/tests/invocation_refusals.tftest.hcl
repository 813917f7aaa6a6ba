# Each invocation setting that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {}

variables {
  name        = "deals-test-broadcast"
  description = "Who gets this event"
  handler     = "broadcast.handler.handler"
  package     = { s3_bucket = "packages", s3_key = "broadcast-1.0.0.zip" }
}

run "refuses_three_asynchronous_retries" {
  command = plan

  variables {
    async_invocation = { on_failure_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:queue", maximum_retry_attempts = 3 }
  }

  expect_failures = [var.async_invocation]
}

run "refuses_events_older_than_six_hours" {
  command = plan

  variables {
    async_invocation = { on_failure_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:queue", maximum_event_age_seconds = 21601 }
  }

  expect_failures = [var.async_invocation]
}

run "refuses_a_queue_whose_visibility_timeout_is_below_the_timeout" {
  command = plan

  variables {
    timeout_seconds = 60
    sqs_trigger     = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:queue", visibility_timeout_seconds = 59 }
  }

  expect_failures = [var.sqs_trigger]
}

run "refuses_a_queue_whose_visibility_timeout_leaves_no_time_for_the_window" {
  command = plan

  variables {
    timeout_seconds = 60
    sqs_trigger     = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:queue", visibility_timeout_seconds = 64, batching_window_seconds = 5 }
  }

  expect_failures = [var.sqs_trigger]
}

run "refuses_an_empty_batch" {
  command = plan

  variables {
    sqs_trigger = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:queue", batch_size = 0 }
  }

  expect_failures = [var.sqs_trigger]
}

run "refuses_a_window_above_five_minutes" {
  command = plan

  variables {
    sqs_trigger = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:queue", batching_window_seconds = 301 }
  }

  expect_failures = [var.sqs_trigger]
}

run "refuses_a_large_batch_without_a_window" {
  command = plan

  variables {
    sqs_trigger = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:queue", batch_size = 11 }
  }

  expect_failures = [var.sqs_trigger]
}

run "refuses_a_queue_concurrency_of_one" {
  command = plan

  variables {
    sqs_trigger = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:queue", maximum_concurrency = 1 }
  }

  expect_failures = [var.sqs_trigger]
}

run "refuses_a_queue_concurrency_above_the_reservation" {
  command = plan

  variables {
    sqs_trigger          = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:queue", maximum_concurrency = 10 }
    reserved_concurrency = 5
  }

  expect_failures = [var.sqs_trigger]
}

run "refuses_an_invalid_schedule_expression" {
  command = plan

  variables {
    schedule = { expression = "every minute", inputs = null }
  }

  expect_failures = [var.schedule]
}

run "refuses_a_schedule_with_async_invocation_settings" {
  command = plan

  variables {
    schedule         = { expression = "rate(1 minute)", inputs = null }
    async_invocation = { on_failure_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:queue" }
  }

  expect_failures = [var.schedule]
}

run "refuses_a_schedule_without_an_input" {
  command = plan

  variables {
    schedule = { expression = "rate(1 minute)", inputs = [] }
  }

  expect_failures = [var.schedule]
}

run "refuses_schedule_inputs_that_are_not_json" {
  command = plan

  variables {
    schedule = { expression = "rate(1 minute)", inputs = ["{}", "tend"] }
  }

  expect_failures = [var.schedule]
}

run "refuses_more_schedule_inputs_than_twenty" {
  command = plan

  variables {
    schedule = { expression = "rate(1 minute)", inputs = [for number in range(21) : "{}"] }
  }

  expect_failures = [var.schedule]
}

run "refuses_batches_of_a_stream_above_10000_records" {
  command = plan

  variables {
    dynamodb_stream_trigger = { stream_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/1", batch_size = 10001 }
  }

  expect_failures = [var.dynamodb_stream_trigger]
}

run "refuses_a_stream_window_above_five_minutes" {
  command = plan

  variables {
    dynamodb_stream_trigger = { stream_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/1", batching_window_seconds = 301 }
  }

  expect_failures = [var.dynamodb_stream_trigger]
}

run "refuses_eleven_parallel_batches_of_a_shard" {
  command = plan

  variables {
    dynamodb_stream_trigger = { stream_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/1", parallelization_factor = 11 }
  }

  expect_failures = [var.dynamodb_stream_trigger]
}

run "refuses_a_vpc_without_subnets" {
  command = plan

  variables {
    vpc_config = { subnet_ids = [], security_group_ids = ["sg-1"] }
  }

  expect_failures = [var.vpc_config]
}

run "refuses_a_vpc_without_security_groups" {
  command = plan

  variables {
    vpc_config = { subnet_ids = ["subnet-1"], security_group_ids = [] }
  }

  expect_failures = [var.vpc_config]
}
