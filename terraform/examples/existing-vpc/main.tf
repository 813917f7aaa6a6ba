provider "aws" {}

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

################################################################################
# The service, with Redis and its functions in a VPC that exists
################################################################################

module "deals_websocket" {
  source = "../../stacks/deals-websocket"

  environment        = "vpc"
  packages_manifest  = var.packages_manifest
  jwt_secret         = var.jwt_secret
  access_log_enabled = false

  redis_enabled   = true
  existing_vpc    = { id = var.vpc_id, subnet_ids = var.subnet_ids }
  internet_egress = var.internet_egress
}

################################################################################
# Endpoints that the VPC lacks
################################################################################

locals {
  missing_interfaces = setsubtract(var.missing_endpoints, ["dynamodb"])

  # They serve the whole VPC, so they let through whatever this account calls, and nobody else's credentials.
  endpoint_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OwnCallers"
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:PrincipalAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

# By name in either partition: in China some services' names begin otherwise.
data "aws_vpc_endpoint_service" "missing" {
  for_each = local.missing_interfaces

  service_type = "Interface"

  filter {
    name   = "service-name"
    values = [for prefix in ["com.amazonaws", "cn.com.amazonaws"] : "${prefix}.${data.aws_region.current.id}.${each.key}"]
  }
}

data "aws_vpc" "this" {
  id = var.vpc_id
}

resource "aws_vpc_endpoint" "dynamodb" {
  count = contains(var.missing_endpoints, "dynamodb") ? 1 : 0

  vpc_id            = var.vpc_id
  service_name      = "com.amazonaws.${data.aws_region.current.id}.dynamodb" # in China too
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.route_table_ids
  policy            = local.endpoint_policy
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.missing_interfaces

  vpc_id              = var.vpc_id
  service_name        = data.aws_vpc_endpoint_service.missing[each.key].service_name
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.endpoints[0].id]
  policy              = local.endpoint_policy
}

resource "aws_security_group" "endpoints" {
  count = length(local.missing_interfaces) > 0 ? 1 : 0

  name_prefix = "deals-vpc-endpoints-"
  description = "Interface endpoints: in from the VPC by HTTPS"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

# With private DNS everything in the VPC comes to them, not the functions alone.
resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = length(local.missing_interfaces) > 0 ? length(data.aws_vpc.this.cidr_block_associations) : 0

  security_group_id = aws_security_group.endpoints[0].id
  description       = "HTTPS from the VPC"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = data.aws_vpc.this.cidr_block_associations[count.index].cidr_block
}

################################################################################
# Outputs
################################################################################

output "websocket_url" {
  description = "WebSocket URL that clients connect to"
  value       = module.deals_websocket.websocket_url
}

output "redis_publisher" {
  description = "What a service of the VPC needs to publish through Redis"
  value       = module.deals_websocket.redis_publisher
}
