mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_elasticache_user" {
    defaults = { arn = "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-reader" }
  }

  mock_resource "aws_secretsmanager_secret_version" {
    defaults = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf" }
  }

  override_resource {
    target = aws_security_group.cache
    values = { id = "sg-cache" }
  }

  override_resource {
    target = aws_security_group.clients
    values = { id = "sg-clients" }
  }
}

variables {
  name       = "deals-test"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-1", "subnet-2"]
  users = {
    reader = { user_id = "deals-test-reader", keys = ["%R~deals:*"], commands = ["get", "smembers"] }
    relay  = { user_id = "deals-test-relay", keys = ["deals:*", "%W~log:*"], channels = ["deals:*"], commands = ["psubscribe", "xgroup|create"] }
  }
}

run "it_is_valkey_8_with_a_replica_in_another_zone_unless_told_otherwise" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.this.engine == "valkey" && aws_elasticache_replication_group.this.engine_version == "8.1" && aws_elasticache_parameter_group.this.family == "valkey8"
    error_message = "engine, version and family go together"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 2 && aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "the loss of a node, or of a zone, is survived"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.snapshot_retention_limit == 1
    error_message = "a day's snapshot is free"
  }
}

run "one_node_is_enough_where_an_outage_costs_only_speed" {
  command = plan

  variables {
    replicas = 0
  }

  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 1 && !aws_elasticache_replication_group.this.automatic_failover_enabled && !aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "what needs a replica is off without one"
  }

  assert {
    condition     = output.node_count == 1
    error_message = "alarms are made for as many nodes as there are"
  }
}

run "redis_7_has_a_family_of_its_own" {
  command = plan

  variables {
    engine = "redis"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.engine_version == "7.1" && aws_elasticache_parameter_group.this.family == "redis7"
    error_message = "engine, version and family go together"
  }
}

run "everything_is_encrypted_on_disk_and_on_the_way" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required" && tobool(aws_elasticache_replication_group.this.at_rest_encryption_enabled)
    error_message = "there is no switch for either"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.kms_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1"
    error_message = "by the key that was given"
  }

  assert {
    condition     = output.url == "rediss://master.deals-test.abc123.euw1.cache.amazonaws.com:6379"
    error_message = "clients are told to speak TLS, and get no credentials by the address"
  }
}

run "a_full_cache_refuses_instead_of_forgetting" {
  command = plan

  assert {
    condition     = { for parameter in aws_elasticache_parameter_group.this.parameter : parameter.name => parameter.value } == { maxmemory-policy = "noeviction" }
    error_message = "an index that loses members without a word is worse than none"
  }
}

run "users_connect_by_iam_and_no_secret_exists" {
  assert {
    condition     = alltrue([for user in aws_elasticache_user.this : user.authentication_mode[0].type == "iam" && user.user_id == user.user_name])
    error_message = "by IAM, for which the id is the name"
  }

  assert {
    condition     = length(aws_secretsmanager_secret.auth_token) == 0 && aws_elasticache_replication_group.this.auth_token == null && output.auth_token_secret_arn == null
    error_message = "what is not there cannot leak"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.user_group_ids == toset(["deals-test"]) && aws_elasticache_user_group.this[0].user_ids == toset(["deals-test-reader", "deals-test-relay"])
    error_message = "these users and nobody by the name of default"
  }

  assert {
    condition     = output.users == { reader = "deals-test-reader", relay = "deals-test-relay" } && output.connect_resources.reader == ["arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:deals-test", "arn:aws:elasticache:eu-west-1:123456789012:user:deals-test-reader"]
    error_message = "a role's policy needs both ARNs"
  }
}

run "a_user_may_do_what_is_named_on_what_is_named" {
  command = plan

  assert {
    condition = { for user, resource in aws_elasticache_user.this : user => resource.access_string } == {
      reader = "on %R~deals:* resetchannels -@all +get +smembers"
      relay  = "on ~deals:* %W~log:* resetchannels &deals:* -@all +psubscribe +xgroup|create"
    }
    error_message = "first nothing, then keys, channels and commands one by one"
  }
}

run "redis_has_a_default_user_that_may_do_nothing" {
  command = plan

  variables {
    engine = "redis"
  }

  assert {
    condition     = aws_elasticache_user.default[0].user_name == "default" && aws_elasticache_user.default[0].access_string == "off resetchannels -@all"
    error_message = "a group of Redis must have it, so it is switched off"
  }

  assert {
    condition     = contains(aws_elasticache_user_group.this[0].user_ids, "deals-test-off")
    error_message = "in the place of AWS's own, which may do everything"
  }
}

run "an_auth_token_goes_to_the_cache_and_to_a_secret" {
  variables {
    authentication = "auth_token"
    users          = {}
    auth_token     = "a-token-of-at-least-sixteen-characters"
  }

  assert {
    condition     = nonsensitive(aws_elasticache_replication_group.this.auth_token) == "a-token-of-at-least-sixteen-characters" && length(aws_elasticache_user_group.this) == 0
    error_message = "the token instead of users"
  }

  assert {
    condition     = aws_secretsmanager_secret_version.auth_token[0].secret_string == null && output.auth_token_secret_arn == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:deals-test-redis-auth-token-AbCdEf"
    error_message = "the secret is written by the write-only argument, and found by its ARN"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.auth_token_update_strategy == "ROTATE"
    error_message = "a new token lets the old one in until every client has it"
  }
}

run "a_new_auth_token_is_written_to_the_secret_by_itself" {
  variables {
    authentication = "auth_token"
    users          = {}
    auth_token     = "another-token-of-sixteen-characters"
  }

  assert {
    condition     = nonsensitive(aws_secretsmanager_secret_version.auth_token[0].secret_string_wo_version) == parseint(substr(sha256("another-token-of-sixteen-characters"), 0, 7), 16)
    error_message = "a cache that has a token which the functions have not would lock them out"
  }
}

run "only_clients_get_in_and_nothing_gets_out" {
  variables {
    client_security_group_ids = ["sg-theirs"]
    port                      = 7000
  }

  assert {
    condition     = "${aws_vpc_security_group_ingress_rule.clients.referenced_security_group_id} ${aws_vpc_security_group_ingress_rule.clients.ip_protocol} ${aws_vpc_security_group_ingress_rule.clients.from_port}-${aws_vpc_security_group_ingress_rule.clients.to_port}" == "sg-clients tcp 7000-7000"
    error_message = "who carries the clients' group"
  }

  assert {
    condition     = { for name, rule in aws_vpc_security_group_ingress_rule.others : name => "${rule.referenced_security_group_id} ${rule.from_port}-${rule.to_port}" } == { "0" = "sg-theirs 7000-7000" }
    error_message = "and who was named"
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.clients.security_group_id == "sg-clients" && aws_vpc_security_group_egress_rule.clients.referenced_security_group_id == "sg-cache"
    error_message = "clients get out to the cache; the cache gets out to nothing"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.security_group_ids == toset(["sg-cache"])
    error_message = "the nodes carry the group with these rules"
  }
}

run "slow_commands_are_logged_where_wanted" {
  variables {
    slow_log_enabled   = true
    log_retention_days = 7
  }

  assert {
    condition     = one(aws_elasticache_replication_group.this.log_delivery_configuration).destination == "/aws/vendedlogs/elasticache/deals-test/slow" && aws_cloudwatch_log_group.slow[0].retention_in_days == 7
    error_message = "to a group with an end"
  }
}

run "without_a_slow_log_there_is_no_group_for_it" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_log_group.slow) == 0 && length(aws_elasticache_replication_group.this.log_delivery_configuration) == 0
    error_message = "nothing is made that nobody asked for"
  }
}

run "nodes_are_told_in_an_order_that_stays" {
  assert {
    condition     = join(" ", output.cluster_ids) == "deals-test-001 deals-test-002"
    error_message = "an alarm must not move from node to node"
  }
}
