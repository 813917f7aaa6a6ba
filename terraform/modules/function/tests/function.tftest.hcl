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

run "runs_on_arm64_and_python_3_13_unless_told_otherwise" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.runtime == "python3.13" && one(aws_lambda_function.this.architectures) == "arm64"
    error_message = "the defaults are python3.13 on arm64"
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "without a reservation the function draws on the account's pool"
  }
}

run "callers_get_the_alias_of_a_published_version" {
  assert {
    condition     = aws_lambda_function.this.publish && aws_lambda_alias.live.function_version == "7"
    error_message = "each change is published, and the alias points to the new version"
  }

  assert {
    condition     = output.target.name == "deals-test-broadcast" && output.target.qualifier == "live" && strcontains(output.target.invoke_arn, ":live/")
    error_message = "what a route invokes is the alias, not the latest code"
  }
}

run "may_write_its_own_logs_and_nothing_else_by_default" {
  assert {
    condition     = length(jsondecode(output.policy).Statement) == 1
    error_message = "no statement is granted that nobody asked for"
  }

  assert {
    condition     = jsondecode(output.policy).Statement[0].Resource == ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deals-test-broadcast:log-stream:*"]
    error_message = "logs go to the function's own group only"
  }

  assert {
    condition     = !contains(jsondecode(output.policy).Statement[0].Action, "logs:CreateLogGroup")
    error_message = "the group is Terraform's: a function that makes one makes it without retention"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == { Service = "lambda.amazonaws.com" }
    error_message = "only Lambda assumes the role"
  }
}

run "statements_become_the_policy_with_their_conditions" {
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
    error_message = "the statement keeps its actions"
  }

  assert {
    condition = [for statement in jsondecode(output.policy).Statement : statement if statement.Sid == "UseKey"][0].Condition == {
      Bool = { "aws:SecureTransport" = ["true"] }
      StringEquals = {
        "kms:CallerAccount" = ["123456789012"]
        "kms:ViaService"    = ["sqs.eu-west-1.amazonaws.com"]
      }
    }
    error_message = "conditions of one test are joined, so that all of them hold"
  }
}

run "a_trigger_reads_its_queue_through_the_alias_and_reports_items_one_by_one" {
  variables {
    sqs_trigger = { queue_arn = "arn:aws:sqs:eu-west-1:123456789012:events", maximum_concurrency = 5 }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.sqs[0].function_name == aws_lambda_alias.live.arn
    error_message = "the queue feeds the version in service"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.sqs[0].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "without ReportBatchItemFailures one bad item repeats the whole batch"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.sqs[0].scaling_config[0].maximum_concurrency == 5
    error_message = "the concurrency is bounded at the mapping"
  }

  assert {
    condition = [for statement in jsondecode(output.policy).Statement : statement if statement.Sid == "ReceiveFromTrigger"][0] == {
      Sid      = "ReceiveFromTrigger"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      Resource = ["arn:aws:sqs:eu-west-1:123456789012:events"]
    }
    error_message = "the role may do what the mapping needs on that one queue"
  }
}

run "failed_invocations_are_kept_whichever_qualifier_was_invoked" {
  variables {
    async_invocation = { on_failure_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:events-dlq", maximum_retry_attempts = 1 }
  }

  assert {
    condition     = toset([for config in aws_lambda_function_event_invoke_config.this : config.qualifier]) == toset(["live", "$LATEST"])
    error_message = "settings hold for one qualifier only, and publishers may name none"
  }

  assert {
    condition = alltrue([
      for config in aws_lambda_function_event_invoke_config.this :
      config.maximum_retry_attempts == 1 && config.destination_config[0].on_failure[0].destination == "arn:aws:sqs:eu-west-1:123456789012:events-dlq"
    ])
    error_message = "a failed event goes to the queue after its retries"
  }

  assert {
    condition     = [for statement in jsondecode(output.policy).Statement : statement.Resource if statement.Sid == "SendFailedInvocations"][0] == ["arn:aws:sqs:eu-west-1:123456789012:events-dlq"]
    error_message = "the role may send to that queue"
  }
}

run "without_a_schedule_nothing_runs_it" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_event_rule.schedule) + length(aws_lambda_permission.schedule) + length(aws_lambda_function_event_invoke_config.schedule) == 0
    error_message = "no rule, no right and no settings that nobody asked for"
  }
}

run "a_schedule_runs_the_alias_by_a_right_of_its_own" {
  variables {
    schedule = { expression = "rate(1 minute)" }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.schedule[0]
    values = { arn = "arn:aws:events:eu-west-1:123456789012:rule/deals-test-broadcast" }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule[0].schedule_expression == "rate(1 minute)" && aws_cloudwatch_event_rule.schedule[0].state == "ENABLED"
    error_message = "the rule is on and has the expression"
  }

  assert {
    condition     = aws_cloudwatch_event_target.schedule[0].arn == "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live"
    error_message = "the version in service runs, not the latest code"
  }

  assert {
    condition = (
      aws_lambda_permission.schedule[0].principal == "events.amazonaws.com"
      && aws_lambda_permission.schedule[0].source_arn == "arn:aws:events:eu-west-1:123456789012:rule/deals-test-broadcast"
      && aws_lambda_permission.schedule[0].qualifier == "live"
    )
    error_message = "this rule alone may run it, and the alias alone"
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.schedule[0].maximum_retry_attempts == 0 && aws_lambda_function_event_invoke_config.schedule[0].maximum_event_age_in_seconds == 60
    error_message = "a run that fails is not repeated beside the next"
  }
}

run "a_schedule_can_be_switched_off" {
  command = plan

  variables {
    schedule = { expression = "cron(0 12 * * ? *)", enabled = false }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule[0].state == "DISABLED"
    error_message = "the rule stays and does nothing"
  }
}

run "a_long_name_gives_a_role_name_within_iams_64_characters_that_stays_unique" {
  variables {
    name = "deals-with-quite-a-long-name-staging-connection_handler"
  }

  assert {
    condition     = length(aws_iam_role.this.name) <= 64 && startswith(aws_iam_role.this.name, "deals-with-quite-a-long-name-staging-connection_handler")
    error_message = "IAM refuses role names above 64 characters"
  }

  assert {
    condition     = endswith(aws_iam_role.this.name, substr(sha256("deals-with-quite-a-long-name-staging-connection_handler-eu-west-1"), 0, 8))
    error_message = "what was cut off is told apart by a hash"
  }
}

run "a_short_name_carries_the_region_since_roles_are_global" {
  command = plan

  assert {
    condition     = aws_iam_role.this.name == "deals-test-broadcast-eu-west-1"
    error_message = "the same function in a second Region must not collide"
  }
}

run "a_local_zip_is_uploaded_when_it_has_the_promised_hash" {
  command = plan

  variables {
    package = {
      path   = "tests/fixtures/package.zip"
      sha256 = "3d491ab727ce0bc744787d2972a606e3917e078aa1c6fb72f64ca307eb72697a"
    }
  }

  assert {
    condition     = aws_lambda_function.this.source_code_hash == filebase64sha256("tests/fixtures/package.zip")
    error_message = "a changed zip is a changed function"
  }
}

run "an_s3_zip_that_changes_under_its_key_is_deployed_anew" {
  command = plan

  variables {
    package = {
      s3_bucket = "packages"
      s3_key    = "broadcast.zip"
      sha256    = "3d491ab727ce0bc744787d2972a606e3917e078aa1c6fb72f64ca307eb72697a"
    }
  }

  assert {
    condition     = aws_lambda_function.this.source_code_hash == "3d491ab727ce0bc744787d2972a606e3917e078aa1c6fb72f64ca307eb72697a"
    error_message = "the hash is what tells Terraform of a new zip"
  }
}

run "nothing_is_traced_and_no_right_given_unless_asked" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "PassThrough" && !strcontains(aws_iam_role_policy.this.policy, "xray:")
    error_message = "the function may send no segments where none are made"
  }
}

run "a_traced_function_may_send_its_segments_and_nothing_else_new" {
  command = plan

  variables {
    tracing_mode = "Active"
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "Lambda traces it"
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Action if statement.Sid == "SendTraces"]) == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    error_message = "the two actions, which know no resources"
  }
}

run "a_schedule_may_say_what_is_to_be_done" {
  variables {
    schedule = { expression = "rate(1 minute)", input = "{\"task\":\"tend\"}" }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.schedule[0]
    values = { arn = "arn:aws:events:eu-west-1:123456789012:rule/deals-test-broadcast" }
  }

  assert {
    condition     = aws_cloudwatch_event_target.schedule[0].input == "{\"task\":\"tend\"}"
    error_message = "the function tells its schedule from what else calls it"
  }
}

run "a_stream_is_read_from_its_beginning_and_until_it_drops_the_record" {
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
    error_message = "no record is passed over while the stream has it"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.dynamodb_stream[0].bisect_batch_on_function_error && aws_lambda_event_source_mapping.dynamodb_stream[0].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "one bad record does not repeat all before it"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.dynamodb_stream[0].function_name == aws_lambda_alias.live.arn && aws_lambda_event_source_mapping.dynamodb_stream[0].parallelization_factor == 4
    error_message = "the stream feeds the version in service, several batches at a time"
  }

  assert {
    condition = { for statement in jsondecode(output.policy).Statement : statement.Sid => "${join(" ", statement.Action)} ${join(" ", statement.Resource)}" if statement.Sid != "WriteOwnLogs" } == {
      FindStream        = "dynamodb:ListStreams arn:aws:dynamodb:eu-west-1:123456789012:table/subscriptions/stream/*"
      ReadStream        = "dynamodb:DescribeStream dynamodb:GetShardIterator dynamodb:GetRecords arn:aws:dynamodb:eu-west-1:123456789012:table/subscriptions/stream/2026-01-01T00:00:00.000"
      SendFailedRecords = "sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:stream-dlq"
    }
    error_message = "the role may do what the mapping needs on that one stream"
  }
}

run "outside_a_vpc_there_are_no_network_interfaces_to_manage" {
  assert {
    condition     = length(aws_lambda_function.this.vpc_config) == 0 && !strcontains(output.policy, "ec2:")
    error_message = "no right that nobody needs"
  }
}

run "in_a_vpc_lambda_manages_network_interfaces_and_the_code_may_not" {
  variables {
    vpc_config = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = one(aws_lambda_function.this.vpc_config).subnet_ids == toset(["subnet-1", "subnet-2"]) && one(aws_lambda_function.this.vpc_config).security_group_ids == toset(["sg-1"]) && !one(aws_lambda_function.this.vpc_config).ipv6_allowed_for_dual_stack
    error_message = "there, by IPv4, with these groups"
  }

  assert {
    condition = [for statement in jsondecode(output.policy).Statement : statement if statement.Sid == "DenyNetworkInterfacesToCode"][0] == {
      Sid       = "DenyNetworkInterfacesToCode"
      Effect    = "Deny"
      Action    = [for statement in jsondecode(output.policy).Statement : statement.Action if statement.Sid == "ManageNetworkInterfaces"][0]
      Resource  = ["*"]
      Condition = { ArnEquals = { "lambda:SourceFunctionArn" = ["arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast"] } }
    }
    error_message = "each of the rights is Lambda's alone"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policy).Statement : alltrue([for action in statement.Action : !strcontains(action, "*")])])
    error_message = "an action is named in full"
  }
}
