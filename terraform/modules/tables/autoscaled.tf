################################################################################
# Tables with indexes whose capacity is provisioned
################################################################################

resource "aws_dynamodb_table" "autoscaled" {
  #checkov:skip=CKV_AWS_28:It is the variable point_in_time_recovery_enabled, and on by default.
  #checkov:skip=CKV2_AWS_16:aws_appautoscaling_target scales it and its indexes; the scanner does not follow a target from key to key.
  for_each = { for table in local.autoscaled : table => local.tables[table] }

  name                        = var.names[each.key]
  billing_mode                = "PROVISIONED"
  read_capacity               = var.provisioned_capacity[each.key].reads_min
  write_capacity              = var.provisioned_capacity[each.key].writes_min
  hash_key                    = each.value.hash_key
  range_key                   = each.value.range_key
  deletion_protection_enabled = var.deletion_protection_enabled
  table_class                 = lookup(var.table_classes, each.key, "STANDARD")
  tags                        = merge(var.tags, lookup(var.table_tags, each.key, {}))

  dynamic "attribute" {
    for_each = local.key_attributes[each.key]

    content {
      name = attribute.value
      type = contains(local.number_attributes, attribute.value) ? "N" : "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = lookup(local.indexes, each.key, {})

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash_key
      range_key          = global_secondary_index.value.range_key
      projection_type    = "INCLUDE"
      read_capacity      = var.provisioned_capacity[each.key].reads_min
      write_capacity     = var.provisioned_capacity[each.key].writes_min
      non_key_attributes = global_secondary_index.value.projected
    }
  }

  ttl {
    attribute_name = local.ttl_attribute
    enabled        = true
  }

  point_in_time_recovery {
    enabled                 = var.point_in_time_recovery_enabled
    recovery_period_in_days = var.point_in_time_recovery_enabled ? var.point_in_time_recovery_days : null
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  # Autoscaling's. With them a change of an index is ignored too: to make one, leave the table on demand for an apply.
  lifecycle {
    ignore_changes = [read_capacity, write_capacity, global_secondary_index]
  }
}

################################################################################
# Autoscaling, of tables and of each index
################################################################################

locals {
  scalable = merge([
    for table, capacity in var.provisioned_capacity : merge([
      for index in concat([""], keys(lookup(local.indexes, table, {}))) : {
        for side in ["Read", "Write"] : join("/", compact([table, index, side])) => {
          resource_id = join("/", concat(["table", local.names[table]], index == "" ? [] : ["index", index]))
          dimension   = "dynamodb:${index == "" ? "table" : "index"}:${side}CapacityUnits"
          metric      = "DynamoDB${side}CapacityUtilization"
          minimum     = side == "Read" ? capacity.reads_min : capacity.writes_min
          maximum     = side == "Read" ? capacity.reads_max : capacity.writes_max
          target      = capacity.utilization_percent
        }
      }
    ]...)
  ]...)
}

resource "aws_appautoscaling_target" "this" {
  for_each = local.scalable

  service_namespace  = "dynamodb"
  resource_id        = each.value.resource_id
  scalable_dimension = each.value.dimension
  min_capacity       = each.value.minimum
  max_capacity       = each.value.maximum
  tags               = var.tags
}

resource "aws_appautoscaling_policy" "this" {
  for_each = local.scalable

  name               = "${each.value.metric}:${each.value.resource_id}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = each.value.target

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
    }
  }
}
