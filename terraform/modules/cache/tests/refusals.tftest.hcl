# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {}

variables {
  name       = "deals-test"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-1", "subnet-2"]
  users      = { reader = { user_id = "deals-test-reader", keys = ["deals:*"], commands = ["get"] } }
}

run "refuses_a_name_above_40_characters" {
  command = plan

  variables {
    name = "a-name-of-forty-one-characters-is-too-lon"
  }

  expect_failures = [var.name]
}

run "refuses_two_hyphens_in_a_row" {
  command = plan

  variables {
    name = "deals--test"
  }

  expect_failures = [var.name]
}

run "refuses_a_hyphen_at_the_end" {
  command = plan

  variables {
    name = "deals-"
  }

  expect_failures = [var.name]
}

run "refuses_an_empty_description" {
  command = plan

  variables {
    description = ""
  }

  expect_failures = [var.description]
}

run "refuses_memcached" {
  command = plan

  variables {
    engine = "memcached"
  }

  expect_failures = [var.engine]
}

run "refuses_a_version_of_the_other_engine" {
  command = plan

  variables {
    engine_version = "7.1"
  }

  expect_failures = [var.engine_version]
}

run "refuses_a_version_with_a_patch_level" {
  command = plan

  variables {
    engine_version = "8.1.2"
  }

  expect_failures = [var.engine_version]
}

run "refuses_a_node_type_of_ec2" {
  command = plan

  variables {
    node_type = "t4g.micro"
  }

  expect_failures = [var.node_type]
}

run "refuses_a_node_without_encryption" {
  command = plan

  variables {
    node_type = "cache.m3.medium"
  }

  expect_failures = [var.node_type]
}

run "refuses_a_privileged_port" {
  command = plan

  variables {
    port = 443
  }

  expect_failures = [var.port]
}

run "refuses_six_replicas" {
  command = plan

  variables {
    replicas = 6
  }

  expect_failures = [var.replicas]
}

run "refuses_failover_without_a_replica" {
  command = plan

  variables {
    replicas                   = 0
    automatic_failover_enabled = true
  }

  expect_failures = [var.automatic_failover_enabled]
}

run "refuses_several_availability_zones_for_one_node" {
  command = plan

  variables {
    replicas         = 0
    multi_az_enabled = true
  }

  expect_failures = [var.multi_az_enabled]
}

run "refuses_several_availability_zones_without_failover" {
  command = plan

  variables {
    automatic_failover_enabled = false
  }

  expect_failures = [var.multi_az_enabled]
}

run "refuses_a_fractional_snapshot_retention" {
  command = plan

  variables {
    snapshot_retention_days = 0.5
  }

  expect_failures = [var.snapshot_retention_days]
}

run "refuses_a_malformed_snapshot_window" {
  command = plan

  variables {
    snapshot_window = "at night"
  }

  expect_failures = [var.snapshot_window]
}

run "refuses_a_snapshot_window_without_snapshots" {
  command = plan

  variables {
    snapshot_retention_days = 0
    snapshot_window         = "03:00-04:00"
  }

  expect_failures = [var.snapshot_window]
}

run "refuses_a_maintenance_window_without_a_day" {
  command = plan

  variables {
    maintenance_window = "03:00-04:00"
  }

  expect_failures = [var.maintenance_window]
}

run "refuses_multi_az_with_one_subnet" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_an_unknown_authentication" {
  command = plan

  variables {
    authentication = "none"
  }

  expect_failures = [var.authentication]
}

run "refuses_iam_users_with_redis_6" {
  command = plan

  variables {
    engine         = "redis"
    engine_version = "6.2"
  }

  expect_failures = [var.authentication]
}

run "refuses_an_empty_set_of_users" {
  command = plan

  variables {
    users = {}
  }

  expect_failures = [var.users]
}

run "refuses_users_with_an_auth_token" {
  command = plan

  variables {
    authentication = "auth_token"
    auth_token     = "a-token-of-at-least-sixteen-characters"
  }

  expect_failures = [var.users]
}

run "refuses_a_user_id_above_40_characters" {
  command = plan

  variables {
    users = { reader = { user_id = "a-user-id-of-forty-one-characters-too-lon", keys = ["deals:*"], commands = ["get"] } }
  }

  expect_failures = [var.users]
}

run "refuses_the_user_id_default" {
  command = plan

  variables {
    users = { reader = { user_id = "default", keys = ["deals:*"], commands = ["get"] } }
  }

  expect_failures = [var.users]
}

run "refuses_two_users_with_one_id" {
  command = plan

  variables {
    users = { a = { user_id = "same", commands = ["get"] }, b = { user_id = "same", commands = ["set"] } }
  }

  expect_failures = [var.users]
}

run "refuses_a_category_of_commands" {
  command = plan

  variables {
    users = { reader = { user_id = "reader", keys = ["deals:*"], commands = ["@all"] } }
  }

  expect_failures = [var.users]
}

run "refuses_all_keys" {
  command = plan

  variables {
    users = { reader = { user_id = "reader", keys = ["*"], commands = ["get"] } }
  }

  expect_failures = [var.users]
}

run "refuses_all_keys_for_reading" {
  command = plan

  variables {
    users = { reader = { user_id = "reader", keys = ["%R~*"], commands = ["get"] } }
  }

  expect_failures = [var.users]
}

run "refuses_all_channels" {
  command = plan

  variables {
    users = { reader = { user_id = "reader", channels = ["*"], commands = ["psubscribe"] } }
  }

  expect_failures = [var.users]
}

run "refuses_a_key_pattern_with_a_tilde" {
  command = plan

  variables {
    users = { reader = { user_id = "reader", keys = ["~deals:*"], commands = ["get"] } }
  }

  expect_failures = [var.users]
}

run "refuses_token_authentication_without_a_token" {
  command = plan

  variables {
    authentication = "auth_token"
    users          = {}
  }

  expect_failures = [var.auth_token]
}

run "refuses_a_token_with_iam_users" {
  command = plan

  variables {
    auth_token = "a-token-of-at-least-sixteen-characters"
  }

  expect_failures = [var.auth_token]
}

run "refuses_a_short_token" {
  command = plan

  variables {
    authentication = "auth_token"
    users          = {}
    auth_token     = "too-short"
  }

  expect_failures = [var.auth_token]
}

run "refuses_a_token_with_invalid_characters" {
  command = plan

  variables {
    authentication = "auth_token"
    users          = {}
    auth_token     = "with/slash@and-space of sixteen"
  }

  expect_failures = [var.auth_token]
}

run "refuses_to_remove_the_token" {
  command = plan

  variables {
    auth_token_update_strategy = "DELETE"
  }

  expect_failures = [var.auth_token_update_strategy]
}

run "refuses_a_recovery_window_of_one_day" {
  command = plan

  variables {
    auth_token_recovery_window_days = 1
  }

  expect_failures = [var.auth_token_recovery_window_days]
}

run "refuses_an_alias_for_a_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:alias/deals"
  }

  expect_failures = [var.kms_key_arn]
}
