mock_provider "aws" {
  source = "../../mocks"

  override_resource {
    target = module.function["broadcast"].aws_lambda_alias.live
    values = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live", invoke_arn = "mock" }
  }
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest_with_redis.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "publishers_may_invoke_the_alias_alone_or_send_to_the_events_queue" {
  assert {
    condition     = jsondecode(output.publisher_policies.invoke).Statement == [{ Sid = "PublishByInvoking", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live"] }]
    error_message = "a publisher may invoke the version in service and nothing else, or a rollback would not reach it"
  }

  assert {
    condition     = output.function_arns.broadcast == jsondecode(output.publisher_policies.invoke).Statement[0].Resource[0]
    error_message = "what is handed out to invoke must be what the policy allows"
  }

  assert {
    condition     = jsondecode(output.publisher_policies.queue).Statement == [{ Sid = "PublishByQueue", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-west-1:123456789012:deals-test-events"] }]
    error_message = "a publisher may send to the events queue and nothing else"
  }

  assert {
    condition     = output.publisher_policies.redis == null
    error_message = "without Redis nobody publishes through it"
  }
}

run "publishers_use_a_customers_key_only_through_the_queue" {
  variables {
    kms_key_arn   = "arn:aws:kms:eu-west-1:123456789012:key/1"
    redis_enabled = true
  }

  assert {
    condition     = [for statement in jsondecode(output.publisher_policies.queue).Statement : statement if statement.Sid == "UseKey"] == [{ Sid = "UseKey", Effect = "Allow", Action = ["kms:GenerateDataKey", "kms:Decrypt"], Resource = ["arn:aws:kms:eu-west-1:123456789012:key/1"], Condition = { StringEquals = { "kms:ViaService" = ["sqs.eu-west-1.amazonaws.com"] } } }]
    error_message = "sending to an encrypted queue needs the queue's key"
  }

  assert {
    condition     = !strcontains(output.publisher_policies.invoke, "kms:") && !strcontains(output.publisher_policies.redis, "kms:")
    error_message = "invoking and Redis by IAM need no key"
  }

  assert {
    condition = jsondecode(output.publisher_policies.redis).Statement == [{
      Sid      = "PublishByRedis", Effect = "Allow", Action = ["elasticache:Connect"]
      Resource = ["arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:deals-test", "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-publisher"]
    }]
    error_message = "a publisher may connect as the publishers' user alone"
  }
}

run "publishers_read_the_token_of_redis_where_there_is_one" {
  variables {
    kms_key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/1"
    redis_enabled        = true
    redis_authentication = "auth_token"
    redis_auth_token     = "a-token-of-at-least-sixteen-characters"
  }

  assert {
    condition     = { for statement in jsondecode(output.publisher_policies.redis).Statement : statement.Sid => "${join(" ", statement.Action)} ${join(" ", statement.Resource)}" } == { ReadRedisToken = "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf", UseKey = "kms:Decrypt arn:aws:kms:eu-west-1:123456789012:key/1" }
    error_message = "with an AUTH token publishers must be able to read it"
  }
}
