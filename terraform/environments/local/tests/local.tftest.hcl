mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000000" }
  }

  mock_data "aws_partition" {
    defaults = {
      partition  = "aws"
      dns_suffix = "amazonaws.com"
    }
  }

  mock_data "aws_region" {
    defaults = { id = "us-east-1" }
  }

  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      id            = "a1b2c3d4e5"
      api_endpoint  = "wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5"
    }
  }

  mock_resource "aws_apigatewayv2_stage" {
    defaults = { invoke_url = "wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/v1" }
  }

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:rule/mock" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:000000000000:log-group:mock" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::000000000000:role/mock" }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      arn     = "arn:aws:lambda:us-east-1:000000000000:function:mock"
      version = "1"
    }
  }

  mock_resource "aws_lambda_alias" {
    defaults = {
      arn        = "arn:aws:lambda:us-east-1:000000000000:function:mock:live"
      invoke_arn = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:mock:live/invocations"
    }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:000000000000:deals-local-alarms" }
  }

  mock_resource "aws_secretsmanager_secret_version" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:deals-test-jwt-signing-keys-AbCdEf" }
  }

  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:us-east-1:000000000000:table/mock" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:000000000000:mock" }
  }
}

variables {
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "addresses_are_the_local_clouds_on_the_given_port" {
  variables {
    port = 4599
  }

  assert {
    condition     = output.env.WEBSOCKET_API_GATEWAY_URL == "ws://127.0.0.1:4599/_aws/execute-api/a1b2c3d4e5/v1" && output.management_endpoint == "http://127.0.0.1:4599/_aws/execute-api/a1b2c3d4e5/v1"
    error_message = "clients and functions must find the local cloud where it listens"
  }
}

run "names_are_those_of_the_local_environment" {
  command = plan

  assert {
    condition     = output.function_names.connection_handler == "deals-local-connection_handler" && output.table_names.connections == "deals-local-connections"
    error_message = "tests and tools find things by these names"
  }
}

run "refuses_a_port_that_does_not_exist" {
  command = plan

  variables {
    port = 65536
  }

  expect_failures = [var.port]
}

run "redis_is_the_server_on_the_given_port_with_its_password_in_a_secret" {
  command = plan

  override_data {
    target = module.deals_websocket.module.network[0].data.aws_availability_zones.available[0]
    values = { names = ["us-east-1a", "us-east-1b"] }
  }

  variables {
    packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest_with_redis.json"
    redis_enabled     = true
    redis_port        = 16379
    redis_auth_token  = "a-token-of-at-least-sixteen-characters"
  }

  assert {
    condition     = output.redis.port == 16379 && output.redis_publisher.user_name == null
    error_message = "the port is what the local cloud reports, or each plan would replace the cache"
  }
}
