mock_provider "aws" {
  source = "../../mocks"
}

override_resource {
  target = aws_sqs_queue.dead_letters["events"]
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq" }
}

override_resource {
  target = aws_sqs_queue.dead_letters["deliveries"]
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries-dlq" }
}

override_resource {
  target = aws_sqs_queue.this["events"]
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events" }
}

variables {
  names      = { events = "deals-test-events", deliveries = "deals-test-deliveries" }
  events     = { function_timeout_seconds = 60 }
  deliveries = { function_timeout_seconds = 40, batching_window_seconds = 5, receive_count_max = 3 }
}

run "given_key_encrypts_all_four_queues" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition = alltrue([
      for resource in concat(values(aws_sqs_queue.this), values(aws_sqs_queue.dead_letters)) :
      resource.kms_master_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1"
    ])
    error_message = "every queue must use the given key"
  }
}

run "each_queue_has_its_own_dead_letter_queue" {
  assert {
    condition = jsondecode(aws_sqs_queue_redrive_policy.this["events"].redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq"
      maxReceiveCount     = 40
    }
    error_message = "an event must have half an hour of attempts before it becomes a dead letter"
  }

  assert {
    condition = jsondecode(aws_sqs_queue_redrive_policy.this["deliveries"].redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries-dlq"
      maxReceiveCount     = 3
    }
    error_message = "the number of attempts must be the given one"
  }

  assert {
    condition = { for queue, resource in aws_sqs_queue.dead_letters : queue => jsondecode(resource.redrive_allow_policy).sourceQueueArns } == {
      deliveries = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries"]
      events     = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-events"]
    }
    error_message = "no other queue may use a dead-letter queue"
  }

  assert {
    condition     = alltrue([for resource in aws_sqs_queue.dead_letters : resource.message_retention_seconds == 1209600])
    error_message = "dead letters must be kept for 14 days, SQS's maximum"
  }
}

run "a_killed_functions_message_waits_for_its_timeout_the_window_and_a_cold_start" {
  command = plan

  assert {
    condition     = { for queue, resource in aws_sqs_queue.this : queue => resource.visibility_timeout_seconds } == { deliveries = 60, events = 75 }
    error_message = "a shorter one delivers a message again while it is processed, a longer one delays it after a crash"
  }

  assert {
    condition     = output.visibility_timeouts_seconds == { deliveries = 60, events = 75 }
    error_message = "the triggers must be checked against the same numbers"
  }
}

run "given_visibility_timeout_is_kept" {
  command = plan

  variables {
    events = { function_timeout_seconds = 60, visibility_timeout_seconds = 360 }
  }

  assert {
    condition     = aws_sqs_queue.this["events"].visibility_timeout_seconds == 360 && output.visibility_timeouts_seconds.events == 360
    error_message = "who is throttled by an account's limit may follow AWS's advice of six timeouts"
  }
}

run "queues_allow_the_providers_maximum_message_size" {
  command = plan

  assert {
    condition     = alltrue([for resource in concat(values(aws_sqs_queue.this), values(aws_sqs_queue.dead_letters)) : resource.max_message_size == 262144])
    error_message = "provider 5.100 refuses more than 256 KiB"
  }
}

run "queue_policy_without_sources_only_refuses_plain_http" {
  command = plan

  assert {
    condition = alltrue([
      for resource in concat(values(aws_sqs_queue.this), values(aws_sqs_queue.dead_letters)) : jsondecode(resource.policy).Statement == [{
        Sid       = "DenyPlainText"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
        Resource  = "arn:aws:sqs:eu-west-1:123456789012:${resource.name}"
      }]
    ])
    error_message = "each queue must refuse plain HTTP and admit nobody"
  }

  assert {
    condition     = alltrue([for resource in aws_sqs_queue.this : resource.sqs_managed_sse_enabled])
    error_message = "without a key SQS must encrypt with its own"
  }
}

run "queues_accept_plain_http_where_tls_is_not_required" {
  command = plan

  variables {
    tls_required = false
    sns_topics = {
      prices = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:prices" }
    }
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.this["events"].policy).Statement[*].Sid == ["AllowTopics"]
    error_message = "only the statements of the sources may remain"
  }
}

run "only_the_named_topics_and_rules_may_send_and_only_to_events" {
  variables {
    sns_topics = {
      prices = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:prices" }
    }
    event_bus_rules = {
      catalogue = { event_bus_name = "shop", event_pattern = "{\"source\":[\"catalogue\"]}" }
    }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.this["catalogue"]
    values = { arn = "arn:aws:events:eu-west-1:123456789012:rule/shop/deals-test-events-catalogue" }
  }

  assert {
    condition = { for statement in jsondecode(aws_sqs_queue.this["events"].policy).Statement : statement.Principal.Service => statement.Condition.ArnEquals["aws:SourceArn"] if statement.Effect == "Allow" } == {
      "events.amazonaws.com" = ["arn:aws:events:eu-west-1:123456789012:rule/shop/deals-test-events-catalogue"]
      "sns.amazonaws.com"    = ["arn:aws:sns:eu-west-1:123456789012:prices"]
    }
    error_message = "a service may send only for the named sources"
  }

  assert {
    condition     = length(jsondecode(aws_sqs_queue.this["deliveries"].policy).Statement) == 1
    error_message = "no service may send to deliveries"
  }

  assert {
    condition     = !aws_sns_topic_subscription.this["prices"].raw_message_delivery && aws_sns_topic_subscription.this["prices"].endpoint == "arn:aws:sqs:eu-west-1:123456789012:deals-test-events"
    error_message = "SNS must deliver its envelope, whose MessageId tells a repeat"
  }

  assert {
    condition = (
      aws_cloudwatch_event_target.this["catalogue"].input_path == null
      && length(aws_cloudwatch_event_target.this["catalogue"].input_transformer) == 0
      && aws_cloudwatch_event_target.this["catalogue"].event_bus_name == "shop"
    )
    error_message = "EventBridge must deliver whole events of the given bus, whose id tells a repeat"
  }
}

run "what_a_source_cannot_deliver_goes_to_the_events_dead_letters" {
  variables {
    sns_topics      = { prices = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:prices" } }
    event_bus_rules = { catalogue = { event_bus_name = "shop", event_pattern = "{\"source\":[\"catalogue\"]}" } }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.this["catalogue"]
    values = { arn = "arn:aws:events:eu-west-1:123456789012:rule/shop/deals-test-events-catalogue" }
  }

  assert {
    condition     = aws_cloudwatch_event_target.this["catalogue"].dead_letter_config[0].arn == "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq"
    error_message = "EventBridge must not drop in silence what it could not deliver"
  }

  assert {
    condition     = jsondecode(aws_sns_topic_subscription.this["prices"].redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq" }
    error_message = "SNS must not drop in silence what it could not deliver"
  }

  assert {
    condition = [for statement in jsondecode(aws_sqs_queue.dead_letters["events"].policy).Statement : merge(statement, { Sid = null }) if statement.Effect == "Allow"] == [
      for source in ["sns:arn:aws:sns:eu-west-1:123456789012:prices", "events:arn:aws:events:eu-west-1:123456789012:rule/shop/deals-test-events-catalogue"] : {
        Sid       = null
        Effect    = "Allow"
        Principal = { Service = "${split(":", source)[0]}.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Condition = { ArnEquals = { "aws:SourceArn" = [trimprefix(source, "${split(":", source)[0]}:")] } }
        Resource  = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq"
      }
    ]
    error_message = "only the named topics and rules may send to the dead-letter queue of events"
  }

  assert {
    condition     = length(jsondecode(aws_sqs_queue.dead_letters["deliveries"].policy).Statement) == 1
    error_message = "no service may send to the dead-letter queue of deliveries"
  }
}

run "there_is_neither_a_forwards_queue_nor_a_bus_unless_wanted" {
  command = plan

  assert {
    condition     = toset(keys(aws_sqs_queue.this)) == toset(["deliveries", "events"]) && length(aws_cloudwatch_event_bus.forwarded) == 0
    error_message = "one Region needs neither"
  }

  assert {
    condition     = output.forwards_queue_url == null && output.forwards_dlq_arn == null && output.forwarded_events_bus_arn == null
    error_message = "outputs of what there is not must be null"
  }
}

run "forwards_are_tried_for_half_a_day_and_kept_for_fourteen" {
  variables {
    forwards    = { name = "deals-test-forwards", function_timeout_seconds = 30 }
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  override_resource {
    target = aws_sqs_queue.dead_letters["forwards"]
    values = { arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-forwards-dlq" }
  }

  assert {
    condition = jsondecode(aws_sqs_queue_redrive_policy.this["forwards"].redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-forwards-dlq"
      maxReceiveCount     = 1000
    }
    error_message = "a Region that is down for hours must not turn events into dead letters"
  }

  assert {
    condition     = aws_sqs_queue.this["forwards"].message_retention_seconds == 1209600 && output.visibility_timeouts_seconds.forwards == 45
    error_message = "an event must be tried each 45 seconds, and kept for as long as SQS keeps anything"
  }

  assert {
    condition     = aws_sqs_queue.this["forwards"].kms_master_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1" && jsondecode(aws_sqs_queue.this["forwards"].policy).Statement[*].Sid == ["DenyPlainText"]
    error_message = "the queue must be encrypted with the given key, refuse plain HTTP and admit nobody"
  }
}

run "only_forwarded_events_of_named_accounts_come_by_the_bus" {
  variables {
    forwarded_events = { received = true, bus_name = "deals-test-forwarded", account_ids = ["210987654321"] }
    kms_key_arn      = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  override_resource {
    target = aws_cloudwatch_event_bus.forwarded[0]
    values = { arn = "arn:aws:events:eu-west-1:123456789012:event-bus/deals-test-forwarded" }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.forwarded[0]
    values = { arn = "arn:aws:events:eu-west-1:123456789012:rule/deals-test-forwarded/forwarded" }
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_bus_policy.forwarded[0].policy).Statement == [{
      Sid       = "AllowForwarders"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::210987654321:root"] }
      Action    = "events:PutEvents"
      Resource  = "arn:aws:events:eu-west-1:123456789012:event-bus/deals-test-forwarded"
      Condition = {
        StringEquals = { "events:source" = "deals-websocket", "events:detail-type" = "ForwardedEvent" }
        ArnLike      = { "aws:PrincipalArn" = ["arn:aws:iam::210987654321:role/*-forwarder-*"] }
      }
    }]
    error_message = "the bus must take nothing but forwarded events, from the forwarders of the named accounts"
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.forwarded[0].event_pattern) == { source = ["deals-websocket"], "detail-type" = ["ForwardedEvent"] }
    error_message = "the rule must pick forwarded events alone"
  }

  assert {
    condition = (
      aws_cloudwatch_event_target.forwarded[0].arn == "arn:aws:sqs:eu-west-1:123456789012:deals-test-events"
      && aws_cloudwatch_event_target.forwarded[0].dead_letter_config[0].arn == "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq"
      && aws_cloudwatch_event_target.forwarded[0].input_path == null
    )
    error_message = "whole events must go to the events queue, and to its dead-letter queue if they cannot"
  }

  assert {
    condition = { for queue in [aws_sqs_queue.this["events"], aws_sqs_queue.dead_letters["events"]] : queue.name => [
      for statement in jsondecode(queue.policy).Statement : statement.Condition.ArnEquals["aws:SourceArn"] if statement.Effect == "Allow"
      ] } == {
      deals-test-events     = [["arn:aws:events:eu-west-1:123456789012:rule/deals-test-forwarded/forwarded"]]
      deals-test-events-dlq = [["arn:aws:events:eu-west-1:123456789012:rule/deals-test-forwarded/forwarded"]]
    }
    error_message = "the bus's rule must be the only source"
  }

  assert {
    condition     = aws_cloudwatch_event_bus.forwarded[0].kms_key_identifier == "arn:aws:kms:eu-west-1:123456789012:key/1" && output.forwarded_events_bus_arn == "arn:aws:events:eu-west-1:123456789012:event-bus/deals-test-forwarded"
    error_message = "the bus must be encrypted with the given key, and known to other deployments"
  }
}

run "a_bus_for_this_account_alone_needs_no_policy" {
  command = plan

  variables {
    forwarded_events = { received = true, bus_name = "deals-test-forwarded" }
  }

  assert {
    condition     = length(aws_cloudwatch_event_bus_policy.forwarded) == 0
    error_message = "without a policy a bus admits its own account only"
  }
}
