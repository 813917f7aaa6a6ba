locals {
  # What the code asks for by these names; a name is part of the contract with it.
  user_id_index = "UserIdIndex"
  due_index     = "DueIndex"
  recent_index  = "RecentIndex"

  # Indexes by table. Each costs one more write for every item that it projects.
  indexes = {
    connections = {
      # Everything that a push to a user needs, so that finding the user's connections is one query and no more.
      (local.user_id_index) = { hash_key = "user_id", range_key = null, projected = ["token_exp", local.ttl_attribute] }
      # Only attributes that say what is due, and none that change more often.
      (local.due_index) = { hash_key = "sweep", range_key = "due_at", projected = ["connected_at", "token_exp", "warned_exp", "handed_over"] }
    }
    revocations = {
      # One partition in order of time: what was revoked since the janitor's last run.
      (local.recent_index) = { hash_key = "kind", range_key = "revoked_at", projected = ["user_id", "before", "token_id"] }
    }
  }

  # Deleting by TTL is up to two days late: readers filter what has expired.
  ttl_attribute = "expires_at"

  tables = {
    connections   = { hash_key = "connection_id", range_key = null }
    subscriptions = { hash_key = "pk", range_key = "sk" }
    messages      = { hash_key = "user_id", range_key = "sk" }
    history       = { hash_key = "pk", range_key = "position" }
    limits        = { hash_key = "bucket", range_key = null }
    revocations   = { hash_key = "subject", range_key = null }
  }

  # Attributes of keys that are numbers, because they are ranged over as such; all others are strings.
  number_attributes = ["position", "due_at", "revoked_at"]

  # By table: the attributes that form a key or an index.
  key_attributes = {
    for table, keys in local.tables : table => compact(flatten([
      keys.hash_key, keys.range_key, [for index in values(lookup(local.indexes, table, {})) : [index.hash_key, index.range_key]],
    ]))
  }
}

################################################################################
# Tables
################################################################################

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_28:It is the variable point_in_time_recovery_enabled, and on by default.
  for_each = local.tables

  name                        = var.names[each.key]
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = each.value.hash_key
  range_key                   = each.value.range_key
  deletion_protection_enabled = var.deletion_protection_enabled
  table_class                 = lookup(var.table_classes, each.key, "STANDARD")
  tags                        = var.tags

  # Both images: readers need what a change removed as well as what it added.
  stream_enabled   = each.key == "subscriptions" && var.subscriptions_stream_enabled ? true : null
  stream_view_type = each.key == "subscriptions" && var.subscriptions_stream_enabled ? "NEW_AND_OLD_IMAGES" : null

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
      non_key_attributes = global_secondary_index.value.projected

      dynamic "on_demand_throughput" {
        for_each = contains(keys(var.throughput_maximums), each.key) ? [var.throughput_maximums[each.key]] : []

        content {
          max_read_request_units  = on_demand_throughput.value.reads
          max_write_request_units = on_demand_throughput.value.writes
        }
      }
    }
  }

  ttl {
    attribute_name = local.ttl_attribute
    enabled        = true
  }

  dynamic "on_demand_throughput" {
    for_each = contains(keys(var.throughput_maximums), each.key) ? [var.throughput_maximums[each.key]] : []

    content {
      max_read_request_units  = on_demand_throughput.value.reads
      max_write_request_units = on_demand_throughput.value.writes
    }
  }

  point_in_time_recovery {
    enabled                 = var.point_in_time_recovery_enabled
    recovery_period_in_days = var.point_in_time_recovery_enabled ? var.point_in_time_recovery_days : null
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}
