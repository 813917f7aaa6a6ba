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
    error_message = "a key that differs from the code's fails every call"
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : alltrue([for attribute in resource.attribute : attribute.type == (contains(["position", "due_at", "revoked_at"], attribute.name) ? "N" : "S")])])
    error_message = "what is ranged over is a number, all other keys are strings"
  }

  assert {
    condition     = output.names == var.names
    error_message = "the functions are told these names"
  }
}

run "connections_are_found_by_user_and_by_when_something_is_due" {
  assert {
    condition = { for index in aws_dynamodb_table.this["connections"].global_secondary_index : index.name => join(" ", compact([index.hash_key, index.range_key])) } == {
      DueIndex    = "sweep due_at"
      UserIdIndex = "user_id"
    }
    error_message = "the code asks UserIdIndex by user_id, and DueIndex by sweep up to a due_at"
  }

  assert {
    condition = { for index in aws_dynamodb_table.this["connections"].global_secondary_index : index.name => join(" ", sort(index.non_key_attributes)) } == {
      DueIndex    = "connected_at handed_over token_exp warned_exp"
      UserIdIndex = "expires_at token_exp"
    }
    error_message = "each query needs these and no read of the table"
  }

  assert {
    condition     = sum([for resource in aws_dynamodb_table.this : length(resource.global_secondary_index)]) == 3
    error_message = "there are no more indexes, since each costs a write more"
  }
}

run "revocations_are_found_by_when_they_were_said" {
  assert {
    condition     = one([for index in aws_dynamodb_table.this["revocations"].global_secondary_index : "${index.name} ${index.hash_key} ${index.range_key} ${join(" ", sort(index.non_key_attributes))}"]) == "RecentIndex kind revoked_at before token_id user_id"
    error_message = "the code asks RecentIndex for all of a kind since a moment, and reads all of it there"
  }
}

run "every_table_is_on_demand_encrypted_protected_and_expires" {
  command = plan

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.billing_mode == "PAY_PER_REQUEST"])
    error_message = "on demand: nobody plans capacity for a crowd"
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.ttl[0].enabled && resource.ttl[0].attribute_name == "expires_at"])
    error_message = "items carry their end in expires_at"
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.server_side_encryption[0].enabled])
    error_message = "encrypted, by AWS's key where no other is given"
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.point_in_time_recovery[0].enabled && resource.deletion_protection_enabled])
    error_message = "protection is on unless it is switched off"
  }
}

run "a_given_key_encrypts_and_protection_can_be_switched_off" {
  command = plan

  variables {
    kms_key_arn                    = "arn:aws:kms:eu-west-1:123456789012:key/1"
    point_in_time_recovery_enabled = false
    deletion_protection_enabled    = false
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.server_side_encryption[0].kms_key_arn == "arn:aws:kms:eu-west-1:123456789012:key/1"])
    error_message = "every table uses the given key"
  }

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : !resource.point_in_time_recovery[0].enabled && !resource.deletion_protection_enabled])
    error_message = "a table that is made to be thrown away can be"
  }
}

run "policies_get_the_arn_of_the_index_itself" {
  assert {
    condition     = output.user_id_index_arn == "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-connections/index/UserIdIndex"
    error_message = "a right on the table is none on its index"
  }

  assert {
    condition     = output.due_index_arn == "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-connections/index/DueIndex"
    error_message = "and each index has its own"
  }
}

run "refuses_a_table_name_that_dynamodb_does_not_take" {
  command = plan

  variables {
    names = { connections = "my connections", subscriptions = "subscriptions", messages = "messages", history = "history", limits = "limits", revocations = "revocations" }
  }

  expect_failures = [var.names]
}

run "refuses_two_tables_of_one_name" {
  command = plan

  variables {
    names = { connections = "deals", subscriptions = "deals", messages = "messages", history = "history", limits = "limits", revocations = "revocations" }
  }

  expect_failures = [var.names]
}

run "no_table_has_a_stream_that_nobody_reads" {
  command = plan

  assert {
    condition     = alltrue([for resource in aws_dynamodb_table.this : resource.stream_enabled != true]) && output.subscriptions_stream_arn == null
    error_message = "an index elsewhere is switched on, not there by itself"
  }
}

run "the_subscriptions_tell_what_they_were_and_what_they_are_where_an_index_follows_them" {
  variables {
    subscriptions_stream_enabled = true
  }

  assert {
    condition     = toset([for table, resource in aws_dynamodb_table.this : table if resource.stream_enabled == true]) == toset(["subscriptions"])
    error_message = "that table alone"
  }

  assert {
    condition     = aws_dynamodb_table.this["subscriptions"].stream_view_type == "NEW_AND_OLD_IMAGES" && output.subscriptions_stream_arn == aws_dynamodb_table.this["subscriptions"].stream_arn
    error_message = "what was taken away is needed as much as what was added"
  }
}
