data "aws_region" "current" {}

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:The first two by name are taken, and a new Availability Zone gets the last name; or name them by the variable.
  count = local.made && var.availability_zones == null ? 1 : 0

  state = "available"

  # Local Zones and Wavelength Zones have no interface endpoints.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  # Decided by the subnets: their number is known at plan time even if the same configuration creates the VPC, whose id
  # is not.
  made = length(var.subnet_ids) == 0

  availability_zones = !local.made ? [] : var.availability_zones != null ? var.availability_zones : slice(sort(data.aws_availability_zones.available[0].names), 0, 2)

  # Four equal parts, one used per Availability Zone: a /24 gives 59 addresses in each.
  subnets = { for index, zone in local.availability_zones : zone => cidrsubnet(var.cidr_block, 2, index) }

  vpc_id     = local.made ? aws_vpc.this[0].id : var.vpc_id
  subnet_ids = local.made ? [for zone in local.availability_zones : aws_subnet.private[zone].id] : var.subnet_ids
}

################################################################################
# VPC
################################################################################

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:Flow logs are the variable flow_logs: they are charged by size, and nothing here leads outside.
  count = local.made ? 1 : 0

  cidr_block = var.cidr_block
  tags       = merge(var.tags, { Name = var.name })

  # Both, or the endpoints' private names do not resolve.
  enable_dns_support   = true
  enable_dns_hostnames = true
}

# A resource without a security group gets this one, which lets nothing through.
resource "aws_default_security_group" "this" {
  count = local.made ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = merge(var.tags, { Name = "${var.name}-default" })
}

################################################################################
# Subnets
################################################################################

resource "aws_subnet" "private" {
  for_each = local.subnets

  vpc_id                  = aws_vpc.this[0].id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false
  tags                    = merge(var.tags, { Name = "${var.name}-private-${each.key}" })
}

# No route but the VPC's own and the gateway endpoint's: nothing here reaches the internet, and nothing reaches it.
resource "aws_route_table" "private" {
  count = local.made ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = merge(var.tags, { Name = "${var.name}-private" })
}

resource "aws_route_table_association" "private" {
  for_each = local.subnets

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[0].id
}
