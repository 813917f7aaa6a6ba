mock_provider "aws" {}

override_resource {
  target = aws_dynamodb_table.this["connections"]
  values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-connections" }
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

run "tables_have_the_keys_that_the_code_reads_and_writes" {
  command = plan

  assert {
    condition = { for table, resource in aws_dynamodb_table.this : table => join(" ", compact([resource.hash_key, resource.range_key])) } == {
      connections   = "connection_id"
      history       = "pk position"
      limits        = "bucket"
      messages      = "user_id sk"
      revocations   = "subject"
      subscriptions = "pk sk"
    }
    error_message = "keys must be those that the code uses, or every call fails"
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : alltrue([for attribute in resource.attribute : attribute.type == (contains(["position", "due_at", "revoked_at"], attribute.name) ? "N" : "S")])])
    error_message = "sort keys that are compared must be numbers, all other keys strings"
  }

  assert {
    condition     = output.names == var.names
    error_message = "output names must be the given names"
  }
}

run "connections_have_indexes_by_user_and_by_due_time" {
  assert {
    condition = { for index in aws_dynamodb_table.this["connections"].global_secondary_index : index.name => join(" ", compact([index.hash_key, index.range_key])) } == {
      DueIndex    = "sweep due_at"
      UserIdIndex = "user_id"
    }
    error_message = "the code queries UserIdIndex by user_id, and DueIndex by sweep up to a due_at"
  }

  assert {
    condition = { for index in aws_dynamodb_table.this["connections"].global_secondary_index : index.name => join(" ", sort(index.non_key_attributes)) } == {
      DueIndex    = "connected_at handed_over token_exp warned_exp"
      UserIdIndex = "expires_at token_exp"
    }
    error_message = "each query reads these attributes from the index alone"
  }

  assert {
    condition     = sum([for resource in aws_dynamodb_table.this : length(resource.global_secondary_index)]) == 3
    error_message = "every further index costs another write"
  }
}

run "revocations_have_an_index_by_time" {
  assert {
    condition     = one([for index in aws_dynamodb_table.this["revocations"].global_secondary_index : "${index.name} ${index.hash_key} ${index.range_key} ${join(" ", sort(index.non_key_attributes))}"]) == "RecentIndex kind revoked_at before token_id user_id"
    error_message = "the code queries RecentIndex for a kind since a time, and reads whole items from it"
  }
}

run "every_table_is_on_demand_encrypted_protected_and_expires" {
  command = plan

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.billing_mode == "PAY_PER_REQUEST"])
    error_message = "tables must be on demand, because the load is not predictable"
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.ttl[0].enabled && resource.ttl[0].attribute_name == "expires_at"])
    error_message = "items expire by expires_at"
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.server_side_encryption[0].enabled])
    error_message = "tables must be encrypted, with the key that AWS owns by default"
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.point_in_time_recovery[0].enabled && resource.deletion_protection_enabled])
    error_message = "deletion protection and recovery must be on by default"
  }
}

run "given_key_encrypts_and_protection_can_be_switched_off" {
  command = plan

  variables {
    kms_key_arn                    = "arn:aws:kms:eu-west-1:123456789012:key/1"
    point_in_time_recovery_enabled = false
    deletion_protection_enabled    = false
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.server_side_encryption[0].kms_key_arn == "arn:aws:kms:eu-west-1:123456789012:key/1"])
    error_message = "every table must use the given key"
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : !resource.point_in_time_recovery[0].enabled && !resource.deletion_protection_enabled])
    error_message = "protection must be off where it is switched off"
  }
}

run "output_has_the_arn_of_each_index" {
  assert {
    condition     = output.user_id_index_arn == "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-connections/index/UserIdIndex"
    error_message = "a permission on a table does not include its index"
  }

  assert {
    condition     = output.due_index_arn == "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-connections/index/DueIndex"
    error_message = "each index must have its own ARN"
  }
}

run "refuses_an_invalid_table_name" {
  command = plan

  variables {
    names = { connections = "my connections", subscriptions = "subscriptions", messages = "messages", history = "history", limits = "limits", revocations = "revocations" }
  }

  expect_failures = [var.names]
}

run "refuses_two_tables_with_one_name" {
  command = plan

  variables {
    names = { connections = "deals", subscriptions = "deals", messages = "messages", history = "history", limits = "limits", revocations = "revocations" }
  }

  expect_failures = [var.names]
}

run "tables_have_no_stream_by_default" {
  command = plan

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.stream_enabled != true]) && output.subscriptions_stream_arn == null
    error_message = "streams must be off by default"
  }
}

run "subscriptions_stream_old_and_new_images_for_an_index" {
  variables {
    subscriptions_stream_enabled = true
  }

  assert {
    condition     = toset([for table, resource in aws_dynamodb_table.this : table if resource.stream_enabled == true]) == toset(["subscriptions"])
    error_message = "only the subscriptions table has a stream"
  }

  assert {
    condition     = aws_dynamodb_table.this["subscriptions"].stream_view_type == "NEW_AND_OLD_IMAGES" && output.subscriptions_stream_arn == aws_dynamodb_table.this["subscriptions"].stream_arn
    error_message = "the stream must hold the old and the new images"
  }
}
