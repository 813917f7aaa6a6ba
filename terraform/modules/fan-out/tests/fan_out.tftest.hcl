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

run "a_given_key_encrypts_all_four_queues" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition = alltrue([
      for resource in concat(values(aws_sqs_queue.this), values(aws_sqs_queue.dead_letters)) :
      resource.kms_master_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1"
    ])
    error_message = "a queue without the key would hold payloads that the key should guard"
  }
}

run "each_queue_has_a_dead_letter_queue_that_takes_from_it_alone" {
  assert {
    condition = jsondecode(aws_sqs_queue.this["events"].redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq"
      maxReceiveCount     = 5
    }
    error_message = "an event that fails five times is kept, not lost"
  }

  assert {
    condition = jsondecode(aws_sqs_queue.this["deliveries"].redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries-dlq"
      maxReceiveCount     = 3
    }
    error_message = "the number of attempts is the given one"
  }

  assert {
    condition = { for queue, resource in aws_sqs_queue.dead_letters : queue => jsondecode(resource.redrive_allow_policy).sourceQueueArns } == {
      deliveries = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries"]
      events     = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-events"]
    }
    error_message = "no other queue may use these dead-letter queues"
  }

  assert {
    condition     = alltrue([for resource in aws_sqs_queue.dead_letters : resource.message_retention_seconds == 1209600])
    error_message = "dead letters wait as long as SQS keeps anything, 14 days"
  }
}

run "a_message_stays_hidden_six_timeouts_and_the_window" {
  command = plan

  assert {
    condition     = { for queue, resource in aws_sqs_queue.this : queue => resource.visibility_timeout_seconds } == { deliveries = 245, events = 360 }
    error_message = "less, and a message is handed out again while it is still worked on"
  }
}

run "queues_take_what_the_provider_lets_them_take" {
  command = plan

  assert {
    condition     = alltrue([for resource in concat(values(aws_sqs_queue.this), values(aws_sqs_queue.dead_letters)) : resource.max_message_size == 262144])
    error_message = "provider 5.100 refuses more than 256 KiB"
  }
}

run "without_sources_a_queue_policy_does_nothing_but_refuse_plain_text" {
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
    error_message = "each queue refuses plain text on itself and opens to nobody"
  }

  assert {
    condition     = alltrue([for resource in aws_sqs_queue.this : resource.sqs_managed_sse_enabled])
    error_message = "without a key SQS encrypts by its own"
  }
}

run "a_local_cloud_without_tls_can_use_the_queues" {
  command = plan

  variables {
    tls_required = false
    sns_topics = {
      prices = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:prices" }
    }
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.this["events"].policy).Statement[*].Sid == ["AllowTopics"]
    error_message = "what is left is what the sources need"
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
    error_message = "a service may send for exactly the named sources"
  }

  assert {
    condition     = length(jsondecode(aws_sqs_queue.this["deliveries"].policy).Statement) == 1
    error_message = "nobody but broadcast and delivery sends to deliveries"
  }

  assert {
    condition     = aws_sns_topic_subscription.this["prices"].raw_message_delivery && aws_sns_topic_subscription.this["prices"].endpoint == "arn:aws:sqs:eu-west-1:123456789012:deals-test-events"
    error_message = "an event from SNS comes without SNS's envelope"
  }

  assert {
    condition     = aws_cloudwatch_event_target.this["catalogue"].input_path == "$.detail" && aws_cloudwatch_event_target.this["catalogue"].event_bus_name == "shop"
    error_message = "an event from EventBridge is the detail, from the given bus"
  }
}
