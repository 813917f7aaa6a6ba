mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/deals-test-broadcast" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deals-test-broadcast" }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      arn     = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast"
      version = "7"
      # Of tests/fixtures/package.zip.
      code_sha256 = "PUkatyfOC8dEeH0pcqYG45F+B4qhxvty9kyjB+tyaXo="
    }
  }

  mock_resource "aws_lambda_alias" {
    defaults = {
      arn        = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live"
      invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live/invocations"
    }
  }
}

variables {
  name        = "deals-test-broadcast"
  description = "Who gets this event"
  handler     = "broadcast.handler.handler"
  package     = { s3_bucket = "packages", s3_key = "broadcast-1.0.0.zip" }
}

run "defaults_to_python_3_13_on_arm64" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.runtime == "python3.13" && one(aws_lambda_function.this.architectures) == "arm64"
    error_message = "the defaults must be python3.13 on arm64"
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "without a reservation the function must use the account's pool"
  }
}

run "callers_get_the_alias_of_a_published_version" {
  assert {
    condition     = aws_lambda_function.this.publish && aws_lambda_alias.live[0].function_version == "7"
    error_message = "every change must be published, with the alias on the new version"
  }

  assert {
    condition     = output.target.name == "deals-test-broadcast" && output.target.qualifier == "live" && strcontains(output.target.invoke_arn, ":live/")
    error_message = "routes must invoke the alias, not $LATEST"
  }
}

run "lambda_logs_the_codes_lines_and_of_its_own_only_failures" {
  assert {
    condition     = one(aws_lambda_function.this.logging_config).log_format == "JSON" && one(aws_lambda_function.this.logging_config).system_log_level == "WARN"
    error_message = "the text format writes three lines for each invocation, which nobody reads"
  }

  assert {
    condition     = one(aws_lambda_function.this.logging_config).application_log_level == "DEBUG"
    error_message = "Lambda must filter no line of the code, which has a level of its own"
  }
}

run "lambdas_reports_can_be_asked_for" {
  variables {
    system_log_level = "INFO"
  }

  assert {
    condition     = one(aws_lambda_function.this.logging_config).system_log_level == "INFO"
    error_message = "whoever looks for memory and INIT needs the reports"
  }
}

run "role_may_only_write_its_own_logs_by_default" {
  assert {
    condition     = length(jsondecode(output.policy).Statement) == 1
    error_message = "the role must have no further statement"
  }

  assert {
    condition     = jsondecode(output.policy).Statement[0].Resource == ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deals-test-broadcast:log-stream:*"]
    error_message = "the role may write only to the function's own log group"
  }

  assert {
    condition     = !contains(jsondecode(output.policy).Statement[0].Action, "logs:CreateLogGroup")
    error_message = "the role must not create log groups, which would have no retention"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == { Service = "lambda.amazonaws.com" }
    error_message = "only Lambda may assume the role"
  }
}

run "policy_holds_the_statements_and_their_conditions" {
  variables {
    policy_statements = {
      UseKey = {
        actions   = ["kms:Decrypt"]
        resources = ["arn:aws:kms:eu-west-1:123456789012:key/1"]
        conditions = [
          { test = "StringEquals", variable = "kms:ViaService", values = ["sqs.eu-west-1.amazonaws.com"] },
          { test = "StringEquals", variable = "kms:CallerAccount", values = ["123456789012"] },
          { test = "Bool", variable = "aws:SecureTransport", values = ["true"] },
        ]
      }
    }
  }

  assert {
    condition     = [for statement in jsondecode(output.policy).Statement : statement if statement.Sid == "UseKey"][0].Action == ["kms:Decrypt"]
    error_message = "the statement must keep its actions"
  }

  assert {
    condition = [for statement in jsondecode(output.policy).Statement : statement if statement.Sid == "UseKey"][0].Condition == {
      Bool = { "aws:SecureTransport" = ["true"] }
      StringEquals = {
        "kms:CallerAccount" = ["123456789012"]
        "kms:ViaService"    = ["sqs.eu-west-1.amazonaws.com"]
      }
    }
    error_message = "conditions with the same operator must be merged, so that all apply"
  }
}

run "queue_invokes_the_alias_and_reports_failed_items" {
  variables {
    sqs_trigger = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:events", maximum_concurrency = 5 }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.sqs[0].function_name == aws_lambda_alias.live[0].arn
    error_message = "the queue must invoke the alias"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.sqs[0].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "without ReportBatchItemFailures one failed item repeats the whole batch"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.sqs[0].scaling_config[0].maximum_concurrency == 5
    error_message = "the mapping must limit the concurrency"
  }

  assert {
    condition = [for statement in jsondecode(output.policy).Statement : statement if statement.Sid == "ReceiveFromTrigger"][0] == {
      Sid      = "ReceiveFromTrigger"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      Resource = ["arn:aws:sqs:eu-west-1:123456789012:events"]
    }
    error_message = "the role may do only what the mapping needs, on that queue"
  }
}

run "failed_invocations_of_any_qualifier_go_to_the_queue" {
  variables {
    async_invocation = { on_failure_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:events-dlq", maximum_retry_attempts = 1 }
  }

  assert {
    condition     = toset([for config in aws_lambda_function_event_invoke_config.this : config.qualifier]) == toset(["live", "$LATEST"])
    error_message = "settings apply to one qualifier, so both the alias and $LATEST need them"
  }

  assert {
    condition = alltrue([
      for config in aws_lambda_function_event_invoke_config.this :
      config.maximum_retry_attempts == 1 && config.destination_config[0].on_failure[0].destination == "arn:aws:sqs:eu-west-1:123456789012:events-dlq"
    ])
    error_message = "a failed event must go to the queue after its retries"
  }

  assert {
    condition     = [for statement in jsondecode(output.policy).Statement : statement.Resource if statement.Sid == "SendFailedInvocations"][0] == ["arn:aws:sqs:eu-west-1:123456789012:events-dlq"]
    error_message = "the role must be allowed to send to that queue"
  }
}

run "without_a_schedule_there_is_no_rule" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_event_rule.schedule) + length(aws_lambda_permission.schedule) + length(aws_lambda_function_event_invoke_config.schedule) == 0
    error_message = "there must be no rule, permission or settings"
  }
}

run "schedule_invokes_the_alias_with_its_own_permission" {
  variables {
    schedule = { expression = "rate(1 minute)", inputs = null }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.schedule[0]
    values = { arn = "arn:aws:events:eu-west-1:123456789012:rule/deals-test-broadcast" }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule[0].schedule_expression == "rate(1 minute)" && aws_cloudwatch_event_rule.schedule[0].state == "ENABLED"
    error_message = "the rule must be enabled and have the expression"
  }

  assert {
    condition     = aws_cloudwatch_event_target.schedule[0].arn == "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live"
    error_message = "the schedule must invoke the alias, not $LATEST"
  }

  assert {
    condition = (
      aws_lambda_permission.schedule[0].principal == "events.amazonaws.com"
      && aws_lambda_permission.schedule[0].source_arn == "arn:aws:events:eu-west-1:123456789012:rule/deals-test-broadcast"
      && aws_lambda_permission.schedule[0].qualifier == "live"
    )
    error_message = "only this rule may invoke the function, and only its alias"
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.schedule[0].maximum_retry_attempts == 0 && aws_lambda_function_event_invoke_config.schedule[0].maximum_event_age_in_seconds == 60
    error_message = "a failed run must not be retried, because the next follows"
  }
}

run "disabled_schedule_keeps_its_rule" {
  command = plan

  variables {
    schedule = { expression = "cron(0 12 * * ? *)", enabled = false, inputs = null }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule[0].state == "DISABLED"
    error_message = "the rule must be disabled, not removed"
  }
}

run "long_name_gives_a_unique_role_name_of_at_most_64_characters" {
  variables {
    name = "deals-with-quite-a-long-name-staging-connection_handler"
  }

  assert {
    condition     = length(aws_iam_role.this.name) <= 64 && startswith(aws_iam_role.this.name, "deals-with-quite-a-long-name-staging-connection_handler")
    error_message = "IAM refuses role names above 64 characters"
  }

  assert {
    condition     = endswith(aws_iam_role.this.name, substr(sha256("deals-with-quite-a-long-name-staging-connection_handler-eu-west-1"), 0, 8))
    error_message = "a hash must distinguish shortened names"
  }
}

run "role_name_contains_the_region_because_roles_are_global" {
  command = plan

  assert {
    condition     = aws_iam_role.this.name == "deals-test-broadcast-eu-west-1"
    error_message = "the same function in a second Region must get another role name"
  }
}

run "local_zip_with_the_given_hash_is_uploaded" {
  command = plan

  variables {
    package = {
      path   = "tests/fixtures/package.zip"
      sha256 = "3d491ab727ce0bc744787d2972a606e3917e078aa1c6fb72f64ca307eb72697a"
    }
  }

  assert {
    condition     = aws_lambda_function.this.source_code_hash == filebase64sha256("tests/fixtures/package.zip")
    error_message = "a changed zip must change the function"
  }
}

run "s3_zip_that_changes_under_its_key_is_deployed_again" {
  command = plan

  variables {
    package = {
      s3_bucket = "packages"
      s3_key    = "broadcast.zip"
      sha256    = "3d491ab727ce0bc744787d2972a606e3917e078aa1c6fb72f64ca307eb72697a"
    }
  }

  assert {
    condition     = aws_lambda_function.this.source_code_hash == filebase64sha256("tests/fixtures/package.zip")
    error_message = "the hash must change when the zip does, because its key does not"
  }
}

run "tracing_is_off_by_default_and_grants_nothing" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "PassThrough" && !strcontains(aws_iam_role_policy.this.policy, "xray:")
    error_message = "without tracing the role must not be allowed to send segments"
  }
}

run "traced_function_may_send_segments" {
  command = plan

  variables {
    tracing_mode = "Active"
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "Lambda must trace the function"
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Action if statement.Sid == "SendTraces"]) == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    error_message = "the role must get the two tracing actions, which support no resources"
  }
}

run "schedule_passes_its_input" {
  variables {
    schedule = { expression = "rate(1 minute)", inputs = ["{\"task\":\"tend\"}"] }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.schedule[0]
    values = { arn = "arn:aws:events:eu-west-1:123456789012:rule/deals-test-broadcast" }
  }

  assert {
    condition     = aws_cloudwatch_event_target.schedule[0].input == "{\"task\":\"tend\"}"
    error_message = "the schedule must pass its input"
  }
}

run "schedule_of_many_inputs_has_a_rule_for_each_five" {
  variables {
    schedule = { expression = "rate(1 minute)", inputs = [for share in range(7) : jsonencode({ share = share })] }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.schedule
    values = { arn = "arn:aws:events:eu-west-1:123456789012:rule/deals-test-broadcast" }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule[*].name == ["deals-test-broadcast", "deals-test-broadcast-2"] && length(aws_lambda_permission.schedule) == 2
    error_message = "a rule takes five targets, and each rule needs its permission"
  }

  assert {
    condition     = [for target in aws_cloudwatch_event_target.schedule : "${target.rule} ${target.input}"] == [for share in range(7) : "deals-test-broadcast${share < 5 ? "" : "-2"} {\"share\":${share}}"]
    error_message = "every input must have a target"
  }
}

run "stream_is_read_from_its_beginning_without_skipping_records" {
  variables {
    dynamodb_stream_trigger = {
      stream_arn             = "arn:aws:dynamodb:eu-west-1:123456789012:table/subscriptions/stream/2026-01-01T00:00:00.000"
      batch_size             = 500
      parallelization_factor = 4
      on_failure_queue_arn   = "arn:aws:sqs:eu-west-1:123456789012:stream-dlq"
    }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.dynamodb_stream[0].starting_position == "TRIM_HORIZON" && aws_lambda_event_source_mapping.dynamodb_stream[0].maximum_retry_attempts == -1 && aws_lambda_event_source_mapping.dynamodb_stream[0].maximum_record_age_in_seconds == -1
    error_message = "no record may be skipped while the stream holds it"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.dynamodb_stream[0].bisect_batch_on_function_error && aws_lambda_event_source_mapping.dynamodb_stream[0].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "a failed record must not repeat those before it"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.dynamodb_stream[0].function_name == aws_lambda_alias.live[0].arn && aws_lambda_event_source_mapping.dynamodb_stream[0].parallelization_factor == 4
    error_message = "the stream must invoke the alias, with several batches in parallel"
  }

  assert {
    condition = { for statement in jsondecode(output.policy).Statement : statement.Sid => "${join(" ", statement.Action)} ${join(" ", statement.Resource)}" if statement.Sid != "WriteOwnLogs" } == {
      FindStream        = "dynamodb:ListStreams arn:aws:dynamodb:eu-west-1:123456789012:table/subscriptions/stream/*"
      ReadStream        = "dynamodb:DescribeStream dynamodb:GetShardIterator dynamodb:GetRecords arn:aws:dynamodb:eu-west-1:123456789012:table/subscriptions/stream/2026-01-01T00:00:00.000"
      SendFailedRecords = "sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:stream-dlq"
    }
    error_message = "the role may do only what the mapping needs, on that stream"
  }
}

run "outside_a_vpc_the_role_may_not_manage_network_interfaces" {
  assert {
    condition     = length(aws_lambda_function.this.vpc_config) == 0 && !strcontains(output.policy, "ec2:")
    error_message = "the role must have no permission on network interfaces"
  }
}

run "in_a_vpc_lambda_but_not_the_code_may_manage_network_interfaces" {
  variables {
    vpc_config = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = one(aws_lambda_function.this.vpc_config).subnet_ids == toset(["subnet-1", "subnet-2"]) && one(aws_lambda_function.this.vpc_config).security_group_ids == toset(["sg-1"]) && !one(aws_lambda_function.this.vpc_config).ipv6_allowed_for_dual_stack
    error_message = "the function must be in these subnets with these groups, on IPv4"
  }

  assert {
    condition = [for statement in jsondecode(output.policy).Statement : statement if statement.Sid == "DenyNetworkInterfacesToCode"][0] == {
      Sid       = "DenyNetworkInterfacesToCode"
      Effect    = "Deny"
      Action    = [for statement in jsondecode(output.policy).Statement : statement.Action if statement.Sid == "ManageNetworkInterfaces"][0]
      Resource  = ["*"]
      Condition = { ArnEquals = { "lambda:SourceFunctionArn" = ["arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast"] } }
    }
    error_message = "the function's code must be denied every action on network interfaces"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policy).Statement : alltrue([for action in statement.Action : !strcontains(action, "*")])])
    error_message = "actions must be named in full"
  }
}

run "a_function_that_left_its_vpc_may_keep_the_rights_to_remove_its_interfaces" {
  variables {
    vpc_rights_retained = true
  }

  assert {
    condition     = length(aws_lambda_function.this.vpc_config) == 0 && strcontains(output.policy, "ec2:DeleteNetworkInterface") && strcontains(output.policy, "DenyNetworkInterfacesToCode")
    error_message = "the rights must stay Lambda's alone"
  }
}
