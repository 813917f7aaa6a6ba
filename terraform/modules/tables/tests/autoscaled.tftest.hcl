mock_provider "aws" {
  source = "../../mocks"
}

variables {
  names = {
    connections   = "deals-test-connections"
    subscriptions = "deals-test-subscriptions"
    messages      = "deals-test-messages"
    history       = "deals-test-history"
    limits        = "deals-test-limits"
    revocations   = "deals-test-revocations"
  }
}

run "capacity_of_a_table_and_each_of_its_indexes_is_scaled" {
  command = plan

  variables {
    provisioned_capacity = { connections = { reads_min = 50, reads_max = 4000, writes_min = 20, writes_max = 2000, utilization_percent = 70 } }
  }

  assert {
    condition     = aws_dynamodb_table.autoscaled["connections"].billing_mode == "PROVISIONED" && aws_dynamodb_table.autoscaled["connections"].read_capacity == 50 && alltrue([for index in aws_dynamodb_table.autoscaled["connections"].global_secondary_index : index.write_capacity == 20])
    error_message = "a table and its indexes begin with the least capacity"
  }

  assert {
    condition     = keys(aws_appautoscaling_target.this) == ["connections/DueIndex/Read", "connections/DueIndex/Write", "connections/Read", "connections/UserIdIndex/Read", "connections/UserIdIndex/Write", "connections/Write"]
    error_message = "an index that is not scaled throttles the writes of its table"
  }

  assert {
    condition     = aws_appautoscaling_target.this["connections/DueIndex/Write"].resource_id == "table/deals-test-connections/index/DueIndex" && aws_appautoscaling_target.this["connections/DueIndex/Write"].scalable_dimension == "dynamodb:index:WriteCapacityUnits" && aws_appautoscaling_target.this["connections/DueIndex/Write"].max_capacity == 2000
    error_message = "an index is scaled by its own name"
  }

  assert {
    condition     = aws_appautoscaling_policy.this["connections/Read"].target_tracking_scaling_policy_configuration[0].target_value == 70 && aws_appautoscaling_policy.this["connections/Read"].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "DynamoDBReadCapacityUtilization"
    error_message = "the capacity follows its use"
  }

  assert {
    condition     = output.names.connections == "deals-test-connections" && !contains(keys(aws_dynamodb_table.this), "connections")
    error_message = "the table is there once, under its name"
  }
}

# The two forms of a table are two resources, which must not part.
run "every_table_is_kept_alike_whether_it_is_scaled_or_not" {
  command = plan

  variables {
    provisioned_capacity        = { connections = { reads_min = 50, reads_max = 4000, writes_min = 20, writes_max = 2000, utilization_percent = 70 } }
    deletion_protection_enabled = true
    point_in_time_recovery_days = 9
    kms_key_arn                 = "arn:aws:kms:eu-west-1:123456789012:key/1"
    table_classes               = { connections = "STANDARD_INFREQUENT_ACCESS", revocations = "STANDARD_INFREQUENT_ACCESS" }
    table_tags                  = { connections = { Backup = "daily" }, revocations = { Backup = "daily" } }
    tags                        = { Team = "deals" }
  }

  assert {
    condition     = length(local.tables_made) == 6 && alltrue([for table in values(local.tables_made) : table.deletion_protection_enabled && table.point_in_time_recovery[0].enabled && table.point_in_time_recovery[0].recovery_period_in_days == 9 && table.server_side_encryption[0].enabled && table.server_side_encryption[0].kms_key_arn == var.kms_key_arn && table.ttl[0].enabled && table.ttl[0].attribute_name == "expires_at"])
    error_message = "protection, recovery, encryption and expiry must be the same of each"
  }

  assert {
    condition     = alltrue([for name in ["connections", "revocations"] : local.tables_made[name].table_class == "STANDARD_INFREQUENT_ACCESS" && local.tables_made[name].tags == tomap({ Team = "deals", Backup = "daily" })])
    error_message = "class and tags must be the same of a table that is scaled and one that is not"
  }
}

run "table_without_an_index_keeps_its_address_when_its_capacity_is_provisioned" {
  command = plan

  variables {
    provisioned_capacity = { history = { reads_min = 5, reads_max = 400, writes_min = 5, writes_max = 200, utilization_percent = 70 } }
  }

  assert {
    condition     = aws_dynamodb_table.this["history"].billing_mode == "PROVISIONED" && aws_dynamodb_table.this["limits"].billing_mode == "PAY_PER_REQUEST" && length(aws_dynamodb_table.autoscaled) == 0
    error_message = "only the named table changes, in its place"
  }

  assert {
    condition     = keys(aws_appautoscaling_target.this) == ["history/Read", "history/Write"]
    error_message = "it must be scaled"
  }
}

run "tags_of_one_table" {
  command = plan

  variables {
    tags       = { Team = "deals" }
    table_tags = { messages = { Backup = "daily" } }
  }

  assert {
    condition     = aws_dynamodb_table.this["messages"].tags == tomap({ Team = "deals", Backup = "daily" }) && aws_dynamodb_table.this["limits"].tags == tomap({ Team = "deals" })
    error_message = "a backup plan must find the named table alone"
  }
}

run "refuses_capacity_that_cannot_be_or_two_kinds_of_it" {
  command = plan

  variables {
    provisioned_capacity = { history = { reads_min = 5, reads_max = 4, writes_min = 0, writes_max = 1.5, utilization_percent = 95 } }
    throughput_maximums  = { history = { reads = 10, writes = 10 } }
    table_tags           = { inbox = {} }
  }

  expect_failures = [var.provisioned_capacity, var.table_tags]
}
