# AWS as every test here sees it: account 123456789012 in eu-west-1. What a test compares in more detail, its own
# mock_provider block overrides.

mock_data "aws_availability_zones" {
  defaults = { names = ["eu-west-1c", "eu-west-1a", "eu-west-1b"] }
}

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_ec2_managed_prefix_list" {
  defaults = { id = "pl-0123456789abcdef0" }
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

mock_data "aws_vpc" {
  defaults = {
    cidr_block              = "10.20.0.0/16"
    cidr_block_associations = [{ association_id = "vpc-cidr-assoc-1", cidr_block = "10.20.0.0/16", state = "associated" }]
  }
}

mock_data "aws_vpc_endpoint_service" {
  defaults = {
    availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    service_name       = "com.amazonaws.eu-west-1.mock"
  }
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

mock_resource "aws_elasticache_replication_group" {
  defaults = {
    arn                      = "arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:deals-test"
    id                       = "deals-test"
    member_clusters          = ["deals-test-002", "deals-test-001"]
    primary_endpoint_address = "master.deals-test.abc123.euw1.cache.amazonaws.com"
  }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
}

mock_resource "aws_lambda_alias" {
  defaults = {
    arn        = "arn:aws:lambda:eu-west-1:123456789012:function:mock:live"
    invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:mock:live/invocations"
  }
}

mock_resource "aws_lambda_function" {
  defaults = {
    arn     = "arn:aws:lambda:eu-west-1:123456789012:function:mock"
    version = "1"
  }
}

mock_resource "aws_secretsmanager_secret_version" {
  defaults = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-jwt-signing-keys-AbCdEf" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-west-1:123456789012:deals-test-alarms" }
}

mock_resource "aws_dynamodb_table" {
  defaults = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/mock" }
}

mock_resource "aws_sqs_queue" {
  defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:mock" }
}
