data "aws_vpc" "existing" {
  count = local.made ? 0 : 1

  id = var.existing_vpc.id
}

data "aws_ec2_managed_prefix_list" "dynamodb" {
  name = "com.amazonaws.${data.aws_region.current.id}.dynamodb"
}

locals {
  group_made         = var.existing_security_groups == null
  security_group_ids = local.group_made ? [aws_security_group.functions[0].id] : var.existing_security_groups.ids

  # Destinations of the functions' HTTPS. DNS goes to the VPC's resolver, which no security group filters.
  egress = merge(
    { "DynamoDB by the gateway endpoint" = { prefix_list_ids = [data.aws_ec2_managed_prefix_list.dynamodb.id] } },
    length(local.interface_endpoints) == 0 ? {} : {
      "AWS by the interface endpoints" = { security_groups = aws_security_group.endpoints[*].id }
    },
    local.made || var.internet_egress ? {} : {
      "AWS by the endpoints that the VPC has" = { cidr_blocks = flatten([for vpc in data.aws_vpc.existing : [for block in vpc.cidr_block_associations : block.cidr_block if block.state == "associated"]]) }
    },
    !var.internet_egress ? {} : {
      "AWS by the NAT gateway" = { cidr_blocks = ["0.0.0.0/0"] }
    },
  )
}

################################################################################
# Functions
################################################################################

# Its rules are inline, so that an apply removes rules added by hand.
resource "aws_security_group" "functions" {
  #checkov:skip=CKV2_AWS_5:The functions that carry it are another module's.
  count = local.group_made ? 1 : 0

  name_prefix            = "${var.name}-functions-"
  description            = "The functions of ${var.name}: out to AWS, and in from nowhere"
  vpc_id                 = local.vpc_id
  ingress                = []
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-functions" })

  dynamic "egress" {
    for_each = local.egress

    content {
      description     = egress.key
      protocol        = "tcp"
      from_port       = 443
      to_port         = 443
      security_groups = try(egress.value.security_groups, null)
      prefix_list_ids = try(egress.value.prefix_list_ids, null)
      cidr_blocks     = try(egress.value.cidr_blocks, null)
    }
  }

  # Lambda keeps its network interfaces for a while after the last function has gone.
  timeouts {
    delete = "45m"
  }

  # The functions that carry it change first, and then it goes: Terraform would otherwise try to delete it before. The
  # first release's group has no random end in its name, and keeps that: AWS renames none.
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [name_prefix]
  }
}

################################################################################
# Endpoints
################################################################################

resource "aws_security_group" "endpoints" {
  count = length(local.interface_endpoints) > 0 ? 1 : 0

  name_prefix            = "${var.name}-endpoints-"
  description            = "The interface endpoints of ${var.name}: in from its functions"
  vpc_id                 = local.vpc_id
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-endpoints" })

  # The rule that names it changes first, and then it goes. The first release's group keeps its name.
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [name_prefix]
  }
}

# Endpoints are made only in a VPC that is made, and there the functions have the group that is made.
resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = length(local.interface_endpoints) > 0 ? 1 : 0

  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "HTTPS from the functions"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.functions[0].id
  tags                         = merge(var.tags, { Name = "${var.name}-functions" })
}

# Since 0.3.0: there is one group, so its rule has no name of its own.
moved {
  from = aws_vpc_security_group_ingress_rule.endpoints["0"]
  to   = aws_vpc_security_group_ingress_rule.endpoints[0]
}
