data "aws_region" "current" {}

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

  # The messages may be in a table that exists: a replica of another Region's.
  made = { for table, keys in local.tables : table => keys if table != "messages" || var.existing_messages_table == null }

  # Autoscaling changes capacities behind Terraform's back. Those of indexes are in sets, of which nothing less than all can
  # be ignored: a table with indexes is a resource of its own then (autoscaled.tf).
  autoscaled  = [for table in keys(var.provisioned_capacity) : table if contains(keys(local.indexes), table)]
  tables_made = merge(aws_dynamodb_table.this, aws_dynamodb_table.autoscaled)

  names = merge({ for table, resource in local.tables_made : table => resource.name }, { for existing in var.existing_messages_table[*] : "messages" => split("/", existing.arn)[1] })
  arns  = merge({ for table, resource in local.tables_made : table => resource.arn }, { for existing in var.existing_messages_table[*] : "messages" => existing.arn })

  # A replica is made from a stream, as an index kept elsewhere is.
  streamed = concat(var.subscriptions_stream_enabled ? ["subscriptions"] : [], length(var.messages_replicas) > 0 ? ["messages"] : [])
}

################################################################################
# Tables
################################################################################

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_28:It is the variable point_in_time_recovery_enabled, and on by default.
  #checkov:skip=CKV2_AWS_16:It is on demand, which scales by itself; where provisioned_capacity names it, aws_appautoscaling_target scales it.
  for_each = { for table, keys in local.made : table => keys if !contains(local.autoscaled, table) }

  name                        = var.names[each.key]
  billing_mode                = contains(keys(var.provisioned_capacity), each.key) ? "PROVISIONED" : "PAY_PER_REQUEST"
  read_capacity               = try(var.provisioned_capacity[each.key].reads_min, null)
  write_capacity              = try(var.provisioned_capacity[each.key].writes_min, null)
  hash_key                    = each.value.hash_key
  range_key                   = each.value.range_key
  deletion_protection_enabled = var.deletion_protection_enabled
  table_class                 = lookup(var.table_classes, each.key, "STANDARD")
  tags                        = merge(var.tags, lookup(var.table_tags, each.key, {}))

  # Both images: readers need what a change removed as well as what it added.
  stream_enabled   = contains(local.streamed, each.key) ? true : null
  stream_view_type = contains(local.streamed, each.key) ? "NEW_AND_OLD_IMAGES" : null

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

  # Each Region's key encrypts its replica. Provider 5 cannot protect a replica from deletion: that is set
  # by hand (docs/adr/0054).
  dynamic "replica" {
    for_each = each.key == "messages" ? var.messages_replicas : {}

    content {
      region_name            = replica.key
      kms_key_arn            = replica.value.kms_key_arn
      point_in_time_recovery = var.point_in_time_recovery_enabled
      propagate_tags         = true
    }
  }

  # Autoscaling's, where there is any.
  lifecycle {
    ignore_changes = [read_capacity, write_capacity]
  }
}
