################################################################################
# Subnets
################################################################################

resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = "Private subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
  tags        = var.tags
}

################################################################################
# Security groups
################################################################################

# No egress: a cache only answers, and traffic between its nodes passes no security group.
resource "aws_security_group" "cache" {
  name_prefix            = "${var.name}-cache-"
  description            = "The cache ${var.name}: in from its clients"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-cache" })

  # A group of another VPC takes its place before it goes. The first release's group keeps its name.
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [name_prefix]
  }
}

locals {
  client_security_group_id = var.client_security_group == null ? aws_security_group.clients[0].id : var.client_security_group.id
}

# Clients of the cache carry this group, and need no other rule for it.
resource "aws_security_group" "clients" {
  #checkov:skip=CKV2_AWS_5:The clients that carry it are other modules'.
  count = var.client_security_group == null ? 1 : 0

  name_prefix            = "${var.name}-cache-clients-"
  description            = "Clients of the cache ${var.name}: out to it"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-cache-clients" })

  # Lambda keeps its network interfaces for a while after the last function has gone.
  timeouts {
    delete = "45m"
  }

  # The functions that carry it change first, and then it goes: Terraform would otherwise try to delete it before.
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [name_prefix]
  }
}

resource "aws_vpc_security_group_egress_rule" "clients" {
  security_group_id            = local.client_security_group_id
  description                  = "To the cache"
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
  referenced_security_group_id = aws_security_group.cache.id
  tags                         = merge(var.tags, { Name = "${var.name}-cache" })
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  security_group_id            = aws_security_group.cache.id
  description                  = "From its clients"
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
  referenced_security_group_id = local.client_security_group_id
  tags                         = merge(var.tags, { Name = "${var.name}-cache-clients" })
}

resource "aws_vpc_security_group_ingress_rule" "others" {
  for_each = var.other_client_security_groups

  security_group_id            = aws_security_group.cache.id
  description                  = "From ${each.key}, which has a group of its own"
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
  referenced_security_group_id = each.value
  tags                         = merge(var.tags, { Name = "${var.name}-cache-others" })
}
