provider "aws" {
  region = var.region
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

################################################################################
# The service
################################################################################

module "deals_websocket" {
  source = "../../stacks/deals-websocket"

  name        = "deals"
  environment = "complete"
  tags        = { Team = "deals" }

  packages_manifest = var.packages_manifest
  package_bucket    = var.package_bucket
  package_prefix    = var.package_prefix

  jwt_issuer                      = "https://login.example.com/"
  jwt_audience                    = "deals"
  existing_jwt_secret             = { arn = var.jwt_secret_arn }
  existing_jwt_secret_kms_key_arn = var.jwt_secret_kms_key_arn

  default_throttling = { rate_limit = 500, burst_limit = 250 }
  route_throttling = {
    "$connect"  = { rate_limit = 400, burst_limit = 200 }
    sendMessage = { rate_limit = 200, burst_limit = 100 }
  }

  sns_topics = {
    prices = { topic_arn = aws_sns_topic.prices.arn }
  }
  event_bus_rules = {
    catalogue = {
      event_bus_name = aws_cloudwatch_event_bus.shop.name
      event_pattern  = jsonencode({ source = ["shop.catalogue"], detail-type = ["DealPublished"] })
    }
  }

  memory_mb            = { delivery = 3008 }
  reserved_concurrency = { authorizer = 20, connection_handler = 20, delivery = 4 }
  maximum_concurrency  = { broadcast = 20, delivery = 4 }

  # Services that use Redis publish through it; with many small groups, its index is faster to read than the tables.
  redis_enabled            = true
  redis_node_type          = "cache.t4g.small"
  redis_maintenance_window = "sun:04:30-sun:05:30"
  redis_slow_log_enabled   = true
  network_cidr_block       = "10.84.0.0/24"
  network_flow_logs        = { traffic_type = "REJECT", retention_days = 90 }

  kms_key_arn                 = aws_kms_key.deals.arn
  access_log_enabled          = true
  execution_logging_level     = "ERROR"
  detailed_metrics_enabled    = true
  log_retention_days          = 90
  manage_account_logging_role = true
}

################################################################################
# Publishers of other teams
################################################################################

resource "aws_sns_topic" "prices" {
  name              = "prices"
  kms_master_key_id = aws_kms_key.deals.arn
}

resource "aws_cloudwatch_event_bus" "shop" {
  name = "shop"
}

# A backend that publishes by invoking `broadcast` and may do nothing else.
resource "aws_iam_policy" "publisher" {
  name        = "deals-complete-publisher"
  description = "Publishes deals by invoking broadcast"
  policy      = module.deals_websocket.publisher_policies.invoke
}

# A service in the same VPC that publishes through Redis and may do nothing else: it has the security group
# `redis_publisher.security_group_id` and connects as `user_name` by IAM.
resource "aws_iam_policy" "redis_publisher" {
  name        = "deals-complete-redis-publisher"
  description = "Publishes deals through Redis"
  policy      = module.deals_websocket.publisher_policies.redis
}

################################################################################
# Encryption
################################################################################

resource "aws_kms_key" "deals" {
  description         = "Tables, queues, cache and logs of deals-complete"
  enable_key_rotation = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AccountGrantsByIam"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*" # in a key's policy: the key itself
      },
      {
        Sid       = "LogGroupsEncrypt"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.${data.aws_partition.current.dns_suffix}" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"]
        Resource  = "*"
        Condition = {
          ArnLike = {
            "kms:EncryptionContext:aws:logs:arn" = [
              "arn:${data.aws_partition.current.partition}:logs:${var.region}:${data.aws_caller_identity.current.account_id}:log-group:/aws/lambda/deals-complete-*",
              "arn:${data.aws_partition.current.partition}:logs:${var.region}:${data.aws_caller_identity.current.account_id}:log-group:/aws/apigateway/deals-complete/*",
              "arn:${data.aws_partition.current.partition}:logs:${var.region}:${data.aws_caller_identity.current.account_id}:log-group:API-Gateway-Execution-Logs_*",
              "arn:${data.aws_partition.current.partition}:logs:${var.region}:${data.aws_caller_identity.current.account_id}:log-group:/aws/vendedlogs/elasticache/deals-complete/*",
              "arn:${data.aws_partition.current.partition}:logs:${var.region}:${data.aws_caller_identity.current.account_id}:log-group:/aws/vpc/deals-complete/*",
            ]
          }
        }
      },
      {
        Sid       = "TopicsSendToTheQueue"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
      # Without a condition: EventBridge does not say for whom it uses a key, and would drop the events. Which rules may
      # send is in the queue's own policy.
      {
        Sid       = "RulesSendToTheQueue"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey"]
        Resource  = "*"
      },
    ]
  })
}
