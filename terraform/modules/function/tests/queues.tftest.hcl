mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name            = "deals-test-broadcast"
  description     = "Fed by queues of others"
  handler         = "broadcast.handler.handler"
  timeout_seconds = 30
  package         = { path = "tests/fixtures/package.zip" }
  sqs_trigger     = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events", maximum_concurrency = 10 }
  further_queues  = { shop = { queue_arn = "arn:aws:sqs:eu-west-1:210987654321:shop-deals", visibility_timeout_seconds = 60, maximum_concurrency = 4 } }
}

run "queue_of_another_account_feeds_the_version_in_service" {
  assert {
    condition     = aws_lambda_event_source_mapping.further["shop"].event_source_arn == "arn:aws:sqs:eu-west-1:210987654321:shop-deals" && aws_lambda_event_source_mapping.further["shop"].function_name == aws_lambda_alias.live[0].arn && one(aws_lambda_event_source_mapping.further["shop"].scaling_config).maximum_concurrency == 4
    error_message = "the queue must feed what the alias points to, within its share"
  }

  assert {
    condition     = contains(aws_lambda_event_source_mapping.further["shop"].function_response_types, "ReportBatchItemFailures")
    error_message = "one failure must not repeat a whole batch"
  }

  assert {
    condition     = one([for statement in jsondecode(output.policy).Statement : statement.Resource if statement.Sid == "ReceiveFromFurtherQueues"]) == ["arn:aws:sqs:eu-west-1:210987654321:shop-deals"]
    error_message = "the role may receive from the named queue alone"
  }
}

run "without_further_queues_there_is_neither_mapping_nor_right" {
  command = plan

  variables {
    further_queues = {}
  }

  assert {
    condition     = length(aws_lambda_event_source_mapping.further) == 0
    error_message = "no queue, no mapping"
  }
}

run "refuses_a_fifo_queue_and_a_short_visibility_timeout" {
  command = plan

  variables {
    further_queues = { shop = { queue_arn = "arn:aws:sqs:eu-west-1:210987654321:shop-deals.fifo", visibility_timeout_seconds = 29, maximum_concurrency = 1 } }
  }

  expect_failures = [var.further_queues]
}

run "refuses_more_invocations_than_are_reserved" {
  command = plan

  variables {
    reserved_concurrency = 12
  }

  expect_failures = [var.further_queues]
}
