# Two Regions that serve one audience: what the options add, and that they add nothing otherwise.
mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "one_region_has_neither_forwarder_nor_queue_nor_bus" {
  command = plan

  assert {
    condition     = !contains(keys(local.functions), "forwarder") && !contains(keys(output.queue_urls), "forwards") && output.forwarded_events_bus_arn == null
    error_message = "one Region must cost nothing more"
  }

  assert {
    condition     = length(setintersection(["FORWARD_EVENTS_TO", "FORWARDS_QUEUE_URL"], keys(local.functions.broadcast.environment))) == 0 && !contains(keys(local.permissions.broadcast), "QueueForwards")
    error_message = "broadcast must not forward"
  }
}

run "forwarder_may_put_events_on_exactly_the_named_buses" {
  variables {
    forward_events_to = {
      us-east-1    = "arn:aws:events:us-east-1:123456789012:event-bus/deals-test-forwarded"
      eu-central-1 = "arn:aws:events:eu-central-1:210987654321:event-bus/deals-test-forwarded"
    }
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition = local.permissions.forwarder == {
      PutOnBuses = {
        actions = ["events:PutEvents"]
        resources = [
          "arn:aws:events:eu-central-1:210987654321:event-bus/deals-test-forwarded",
          "arn:aws:events:us-east-1:123456789012:event-bus/deals-test-forwarded",
        ]
      }
    }
    error_message = "the forwarder must be able to do nothing else"
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(output.operator_policies["full"]).Statement : statement.Sid => [
      for arn in statement.Resource : arn if contains([output.queue_arns.forwards, output.queue_arns.forwards_dlq], arn)
      ] if contains(["CountLetters", "LookAtLetters", "RedriveLetters", "RemoveLetters"], statement.Sid) }) == jsonencode({
      CountLetters   = [output.queue_arns.forwards, output.queue_arns.forwards_dlq]
      LookAtLetters  = [output.queue_arns.forwards_dlq]
      RedriveLetters = [output.queue_arns.forwards]
      RemoveLetters  = [output.queue_arns.forwards_dlq]
    })
    error_message = "operators must be able to look at what other Regions did not accept, and to send it again"
  }

  assert {
    condition     = max([for policy in values(output.operator_policies) : length(policy)]...) <= 6144
    error_message = "a policy of operators must fit a managed policy, also with forwarding"
  }

  # As many as FORWARDING_ALARMS in deals_ops/cost.py.
  assert {
    condition = toset([for id in keys(output.alarm_names) : id if contains(["forwarder", "forwards"], element(split("/", id), length(split("/", id)) - 1))]) == toset([
      "dead_letters/forwards", "lambda_duration/forwarder", "lambda_errors/forwarder", "lambda_throttles/forwarder", "queue_age/forwards",
    ])
    error_message = "a Region that gets no events must be seen"
  }

  assert {
    condition     = local.permissions.broadcast.QueueForwards == { actions = ["sqs:SendMessage"], resources = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-forwards"] }
    error_message = "broadcast must be able to queue, and not to put events itself"
  }

  assert {
    condition = local.functions.broadcast.environment.FORWARD_EVENTS_TO == join(",", [
      "arn:aws:events:eu-central-1:210987654321:event-bus/deals-test-forwarded",
      "arn:aws:events:us-east-1:123456789012:event-bus/deals-test-forwarded",
    ]) && local.functions.broadcast.environment.FORWARDS_QUEUE_URL == "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-forwards"
    error_message = "broadcast must know the buses and the queue"
  }

  assert {
    condition     = local.key_permissions.forwarder.UseKeys.actions == ["kms:Decrypt"] && local.key_permissions.forwarder.UseKeys.conditions[0].values == ["sqs.eu-west-1.amazonaws.com"]
    error_message = "the forwarder must read its encrypted queue, and nothing else"
  }

  assert {
    condition     = output.function_names.forwarder == "deals-test-forwarder" && output.queue_urls.forwards == "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-forwards"
    error_message = "names must be those of the stack"
  }
}

run "with_redis_broadcast_reaches_the_queue_and_the_forwarder_is_outside" {
  variables {
    packages_manifest = "tests/fixtures/manifest_with_redis.json"
    redis_enabled     = true
    forward_events_to = { us-east-1 = "arn:aws:events:us-east-1:123456789012:event-bus/deals-test-forwarded" }
  }

  assert {
    condition     = !contains(local.vpc_functions, "forwarder")
    error_message = "no VPC endpoint serves another Region's EventBridge"
  }

  assert {
    condition     = contains(jsondecode(module.network[0].endpoint_policies.sqs).Statement[0].Resource, "arn:aws:sqs:eu-west-1:123456789012:deals-test-forwards")
    error_message = "the endpoint must let broadcast queue"
  }
}

run "receiving_makes_a_bus_that_named_accounts_may_use" {
  variables {
    receive_forwarded_events = true
    forwarding_account_ids   = ["210987654321"]
  }

  assert {
    condition     = module.fan_out.forwarded_events_bus_arn != null && local.own_bus_arn == "arn:aws:events:eu-west-1:123456789012:event-bus/deals-test-forwarded"
    error_message = "other Regions must be able to compose the ARN"
  }

  assert {
    condition     = !contains(keys(local.functions), "forwarder")
    error_message = "receiving does not mean forwarding"
  }
}

run "refuses_what_is_no_event_bus" {
  command = plan

  variables {
    forward_events_to = { us-east-1 = "arn:aws:sqs:us-east-1:123456789012:deals-test-events" }
  }

  expect_failures = [var.forward_events_to]
}

run "refuses_its_own_bus" {
  command = plan

  variables {
    forward_events_to = { eu-west-1 = "arn:aws:events:eu-west-1:123456789012:event-bus/deals-test-forwarded" }
  }

  expect_failures = [var.forward_events_to]
}

run "refuses_more_buses_than_one_call_reaches" {
  command = plan

  variables {
    forward_events_to = { for number in range(11) : "bus-${number}" => "arn:aws:events:us-east-1:123456789012:event-bus/deals-${number}" }
  }

  expect_failures = [var.forward_events_to]
}

run "refuses_forwarding_without_the_package" {
  command = plan

  variables {
    packages_manifest = "tests/fixtures/without_forwarder.json"
    forward_events_to = { us-east-1 = "arn:aws:events:us-east-1:123456789012:event-bus/deals-test-forwarded" }
  }

  expect_failures = [var.packages_manifest]
}

run "refuses_accounts_without_a_bus" {
  command = plan

  variables {
    forwarding_account_ids = ["210987654321"]
  }

  expect_failures = [var.forwarding_account_ids]
}

run "refuses_an_account_that_is_not_twelve_digits" {
  command = plan

  variables {
    receive_forwarded_events = true
    forwarding_account_ids   = ["everybody"]
  }

  expect_failures = [var.forwarding_account_ids]
}
