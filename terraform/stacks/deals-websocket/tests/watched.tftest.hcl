# What `test -json -verbose` prints of this is what tests/terraform/test_alarms.py reads. It is applied, so that the API
# has an id, and switches on all that can be watched.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = {
      partition  = "aws"
      dns_suffix = "amazonaws.com"
    }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }

  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      id            = "a1b2c3d4e5"
      api_endpoint  = "wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5"
    }
  }

  mock_resource "aws_apigatewayv2_stage" {
    defaults = { invoke_url = "wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1" }
  }

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:rule/mock" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:mock" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      arn     = "arn:aws:lambda:eu-west-1:123456789012:function:mock"
      version = "1"
    }
  }

  mock_resource "aws_lambda_alias" {
    defaults = {
      arn        = "arn:aws:lambda:eu-west-1:123456789012:function:mock:live"
      invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:mock:live/invocations"
    }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-west-1:123456789012:deals-test-alarms" }
  }

  mock_resource "aws_secretsmanager_secret_version" {
    defaults = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-jwt-signing-keys-AbCdEf" }
  }

  override_resource {
    target = module.tables.aws_dynamodb_table.this["connections"]
    values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-connections" }
  }

  override_resource {
    target = module.tables.aws_dynamodb_table.this["subscriptions"]
    values = {
      arn        = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-subscriptions"
      stream_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-subscriptions/stream/2026-01-01T00:00:00.000"
    }
  }

  override_resource {
    target = module.tables.aws_dynamodb_table.this["messages"]
    values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-messages" }
  }

  override_resource {
    target = module.tables.aws_dynamodb_table.this["history"]
    values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-history" }
  }

  override_resource {
    target = module.tables.aws_dynamodb_table.this["limits"]
    values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-limits" }
  }

  override_resource {
    target = module.tables.aws_dynamodb_table.this["revocations"]
    values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-revocations" }
  }

  override_resource {
    target = module.fan_out.aws_sqs_queue.this["events"]
    values = {
      arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events"
      url = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-events"
    }
  }

  override_resource {
    target = module.fan_out.aws_sqs_queue.this["deliveries"]
    values = {
      arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries"
      url = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-deliveries"
    }
  }

  override_resource {
    target = module.fan_out.aws_sqs_queue.dead_letters["events"]
    values = {
      arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events-dlq"
      url = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-events-dlq"
    }
  }

  override_resource {
    target = module.fan_out.aws_sqs_queue.dead_letters["deliveries"]
    values = {
      arn = "arn:aws:sqs:eu-west-1:123456789012:deals-test-deliveries-dlq"
      url = "https://sqs.eu-west-1.amazonaws.com/123456789012/deals-test-deliveries-dlq"
    }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1c", "eu-west-1a", "eu-west-1b"] }
  }

  mock_data "aws_ec2_managed_prefix_list" {
    defaults = { id = "pl-0123456789abcdef0" }
  }

  mock_data "aws_vpc" {
    defaults = { cidr_block = "10.20.0.0/16" }
  }

  mock_resource "aws_elasticache_replication_group" {
    defaults = {
      arn                      = "arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:deals-test"
      id                       = "deals-test"
      member_clusters          = ["deals-test-002", "deals-test-001"]
      primary_endpoint_address = "master.deals-test.abc123.euw1.cache.amazonaws.com"
    }
  }

  override_resource {
    target = module.cache[0].aws_elasticache_user.this["broadcast"]
    values = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-broadcast" }
  }

  override_resource {
    target = module.cache[0].aws_elasticache_user.this["redis_relay"]
    values = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-redis-relay" }
  }

  override_resource {
    target = module.cache[0].aws_elasticache_user.this["index_projector"]
    values = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-index-projector" }
  }

  override_resource {
    target = module.cache[0].aws_elasticache_user.this["message_router"]
    values = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-message-router" }
  }

  override_resource {
    target = module.cache[0].aws_elasticache_user.this["publisher"]
    values = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-publisher" }
  }

  override_resource {
    target = module.cache[0].aws_secretsmanager_secret_version.auth_token[0]
    values = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf" }
  }

  override_resource {
    target = module.cache[0].aws_security_group.clients
    values = { id = "sg-clients" }
  }
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest_with_redis.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
  redis_enabled     = true
}

run "everything_is_watched" {
  variables {
    reserved_concurrency = { authorizer = 50 }
  }

  assert {
    condition     = length(setsubtract(keys(module.function), [for id in keys(output.alarm_names) : split("/", id)[1] if startswith(id, "lambda_duration/")])) == 0
    error_message = "every function"
  }

  assert {
    condition     = length(setsubtract(keys(module.tables.names), [for id in keys(output.alarm_names) : split("/", id)[1] if startswith(id, "dynamodb_throttles/")])) == 0
    error_message = "every table"
  }

  assert {
    condition     = [for id in keys(output.alarm_names) : id if startswith(id, "dead_letters/")] == ["dead_letters/deliveries", "dead_letters/events"]
    error_message = "both dead-letter queues"
  }

  assert {
    condition     = output.dashboard_name == "deals-test"
    error_message = "and there is a dashboard"
  }
}
