data "aws_region" "current" {}

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:The first two by name are taken, and a new Availability Zone gets the last name; or name them by the variable.
  count = local.made ? 1 : 0

  state = "available"

  # Local Zones and Wavelength Zones have no interface endpoints.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  made = var.existing_vpc == null

  # Numbers, known at every plan, are the keys of what there is one of for each zone: under the caller's depends_on no
  # plan knows the zones' names.
  zone_numbers = local.made ? [for index in range(var.availability_zones == null ? 2 : length(var.availability_zones)) : tostring(index + 1)] : []

  # Not every zone has every service. Where the endpoint of Lambda is, there is Lambda too.
  suitable_zones = sort(setintersection(
    flatten(data.aws_availability_zones.available[*].names),
    [for service in values(data.aws_vpc_endpoint_service.interface) : service.availability_zones]...
  ))
  availability_zones = coalesce(var.availability_zones, local.suitable_zones)

  # Four equal parts, one used per Availability Zone: a /24 gives 59 addresses in each.
  subnets = {
    for index, number in local.zone_numbers : number => {
      availability_zone = try(local.availability_zones[index], null)
      cidr_block        = cidrsubnet(var.cidr_block, 2, index)
    }
  }

  vpc_id     = local.made ? aws_vpc.this[0].id : var.existing_vpc.id
  subnet_ids = local.made ? [for number in local.zone_numbers : aws_subnet.private[number].id] : var.existing_vpc.subnet_ids
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

  lifecycle {
    precondition {
      condition     = length(local.suitable_zones) >= length(local.zone_numbers)
      error_message = "availability_zones: only ${join(", ", local.suitable_zones)} in ${data.aws_region.current.id} has Lambda and all of interface_endpoints; leave an endpoint out, or bring existing_vpc."
    }

    precondition {
      condition     = length(setsubtract(coalesce(var.availability_zones, []), local.suitable_zones)) == 0
      error_message = "availability_zones: ${join(", ", setsubtract(coalesce(var.availability_zones, []), local.suitable_zones))} lacks Lambda or one of interface_endpoints; choose among ${join(", ", local.suitable_zones)}."
    }
  }
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
  availability_zone       = each.value.availability_zone
  cidr_block              = each.value.cidr_block
  map_public_ip_on_launch = false
  tags                    = merge(var.tags, { Name = "${var.name}-private-${each.value.availability_zone}" })

  # As long as Lambda keeps its network interfaces.
  timeouts {
    delete = "45m"
  }

  # The functions leave it first, and then it goes: Terraform would otherwise try to delete it before.
  lifecycle {
    create_before_destroy = true
  }
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
