data "aws_caller_identity" "current" {}

# By name in either partition: in China some services' names begin otherwise.
data "aws_vpc_endpoint_service" "interface" {
  for_each = toset(local.made ? distinct(concat(["lambda"], var.interface_endpoints)) : [])

  service_type = "Interface"

  filter {
    name   = "service-name"
    values = [for prefix in ["com.amazonaws", "cn.com.amazonaws"] : "${prefix}.${data.aws_region.current.id}.${each.key}"]
  }
}

locals {
  # Only in a VPC of its own. In a shared VPC, these private names and narrow policies would apply to others too.
  interface_endpoints = local.made ? var.interface_endpoints : []

  # A policy names what may be reached through its endpoint, by this account's callers alone. Without one an endpoint
  # lets traffic out to everybody's queues and tables.
  endpoint_policies = {
    for service in local.made ? concat(local.interface_endpoints, ["dynamodb"]) : [] : service => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "OwnThingsByOwnCallers"
        Effect    = "Allow"
        Principal = "*"
        Action    = "${service}:*"
        Resource  = coalescelist(lookup(var.endpoint_resources, service, []), ["*"])
        Condition = {
          StringEquals = {
            "aws:PrincipalAccount" = data.aws_caller_identity.current.account_id
            "aws:ResourceAccount"  = data.aws_caller_identity.current.account_id
          }
        }
      }]
    })
  }
}

################################################################################
# Endpoints
################################################################################

resource "aws_vpc_endpoint" "dynamodb" {
  count = local.made ? 1 : 0

  vpc_id            = local.vpc_id
  service_name      = "com.amazonaws.${data.aws_region.current.id}.dynamodb" # in China too
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private[0].id]
  policy            = local.endpoint_policies["dynamodb"]
  tags              = merge(var.tags, { Name = "${var.name}-dynamodb" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = toset(local.interface_endpoints)

  vpc_id              = local.vpc_id
  service_name        = data.aws_vpc_endpoint_service.interface[each.key].service_name
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = local.subnet_ids
  security_group_ids  = [aws_security_group.endpoints[0].id]
  policy              = local.endpoint_policies[each.key]
  tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })
}
