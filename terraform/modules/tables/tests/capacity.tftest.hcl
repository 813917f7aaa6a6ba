mock_provider "aws" {}

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

run "ceiling_holds_for_a_table_and_its_indexes_and_no_other" {
  command = plan

  variables {
    throughput_maximums = { connections = { reads = 4000, writes = 2000 } }
  }

  assert {
    condition     = aws_dynamodb_table.this["connections"].on_demand_throughput[0].max_read_request_units == 4000 && aws_dynamodb_table.this["connections"].on_demand_throughput[0].max_write_request_units == 2000
    error_message = "the table must have its ceiling"
  }

  assert {
    condition     = alltrue([for index in aws_dynamodb_table.this["connections"].global_secondary_index : index.on_demand_throughput[0].max_write_request_units == 2000])
    error_message = "an index without a ceiling would still be billed without one"
  }

  assert {
    condition     = alltrue([for table, resource in aws_dynamodb_table.this : length(resource.on_demand_throughput) == 0 if table != "connections"])
    error_message = "tables that are not named must have no ceiling"
  }
}

run "class_of_one_table_and_days_of_recovery" {
  command = plan

  variables {
    table_classes               = { messages = "STANDARD_INFREQUENT_ACCESS" }
    point_in_time_recovery_days = 7
  }

  assert {
    condition     = aws_dynamodb_table.this["messages"].table_class == "STANDARD_INFREQUENT_ACCESS" && aws_dynamodb_table.this["history"].table_class == "STANDARD"
    error_message = "only the named table may change its class"
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.point_in_time_recovery[0].recovery_period_in_days == 7])
    error_message = "every table must be restorable for as long"
  }
}

run "refuses_tables_classes_ceilings_and_days_that_there_are_not" {
  command = plan

  variables {
    throughput_maximums         = { inbox = { reads = 0, writes = 1.5 } }
    table_classes               = { inbox = "COLD" }
    point_in_time_recovery_days = 36
  }

  expect_failures = [var.throughput_maximums, var.table_classes, var.point_in_time_recovery_days]
}
