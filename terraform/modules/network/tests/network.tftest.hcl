mock_provider "aws" {
  source = "../../mocks"

  mock_data "aws_ec2_managed_prefix_list" {
    defaults = { id = "pl-dynamodb" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/deals-test-flow-logs" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/deals-test/flow-logs" }
  }

  override_resource {
    target = aws_security_group.functions[0]
    values = { id = "sg-functions" }
  }

  override_resource {
    target = aws_security_group.endpoints[0]
    values = { id = "sg-endpoints" }
  }
}

variables {
  name = "deals-test"
}

run "a_small_vpc_is_made_in_two_availability_zones" {
  assert {
    condition     = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == { eu-west-1a = "10.84.0.0/26", eu-west-1b = "10.84.0.64/26" }
    error_message = "the Region's first two, in the same order each time"
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "nothing in it has a public address"
  }

  assert {
    condition     = aws_vpc.this[0].enable_dns_support && aws_vpc.this[0].enable_dns_hostnames
    error_message = "the endpoints' private names need both"
  }

  assert {
    condition     = length(aws_route_table.private[0].route) == 0
    error_message = "no way to the internet, and none from it"
  }
}

run "the_default_security_group_lets_nothing_through" {
  assert {
    condition     = length(aws_default_security_group.this[0].ingress) == 0 && length(aws_default_security_group.this[0].egress) == 0
    error_message = "who forgets to name a group must not be open to all others who did"
  }
}

run "aws_is_reached_by_endpoints_with_the_usual_names" {
  assert {
    condition     = { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.service_name } == { for service in ["lambda", "logs", "secretsmanager", "sqs"] : service => "com.amazonaws.eu-west-1.${service}" }
    error_message = "the services that functions in a VPC may call"
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled && endpoint.security_group_ids == toset(["sg-endpoints"]) && length(endpoint.subnet_ids) == 2])
    error_message = "by AWS's own names, in each Availability Zone, and only from where the group admits"
  }

  assert {
    condition     = aws_vpc_endpoint.dynamodb[0].vpc_endpoint_type == "Gateway" && length(aws_vpc_endpoint.dynamodb[0].route_table_ids) == 1
    error_message = "DynamoDB by a gateway endpoint, which costs nothing"
  }
}

run "the_functions_get_out_to_aws_by_https_and_in_comes_nothing" {
  assert {
    condition = toset([for rule in aws_security_group.functions[0].egress : "${rule.protocol} ${rule.from_port}-${rule.to_port} ${join(" ", concat(tolist(coalesce(rule.security_groups, [])), coalesce(rule.prefix_list_ids, []), coalesce(rule.cidr_blocks, [])))}"]) == toset([
      "tcp 443-443 pl-dynamodb",
      "tcp 443-443 sg-endpoints",
    ])
    error_message = "to the endpoints and DynamoDB's addresses, not to the world"
  }

  assert {
    condition     = length(aws_security_group.functions[0].ingress) == 0
    error_message = "nobody calls a function by its address"
  }

  assert {
    condition     = { for name, rule in aws_vpc_security_group_ingress_rule.endpoints : name => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port} ${rule.referenced_security_group_id}" } == { "0" = "tcp 443-443 sg-functions" }
    error_message = "the endpoints admit the functions alone"
  }
}

run "an_endpoint_leads_to_what_is_named_by_callers_of_this_account" {
  variables {
    interface_endpoints = ["sqs"]
    endpoint_resources  = { sqs = ["arn:aws:sqs:eu-west-1:123456789012:deliveries"] }
  }

  assert {
    condition = jsondecode(output.endpoint_policies.sqs).Statement == [{
      Sid       = "OwnThingsByOwnCallers"
      Effect    = "Allow"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = ["arn:aws:sqs:eu-west-1:123456789012:deliveries"]
      Condition = { StringEquals = { "aws:PrincipalAccount" = "123456789012", "aws:ResourceAccount" = "123456789012" } }
    }]
    error_message = "code that was broken into cannot send the data to somebody else's queue"
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["sqs"]) && jsondecode(output.endpoint_policies.dynamodb).Statement[0].Resource == ["*"]
    error_message = "what is not named is this account's, and what is not asked for is not there"
  }
}

run "an_existing_vpc_gets_security_groups_and_nothing_else" {
  variables {
    vpc_id     = "vpc-1"
    subnet_ids = ["subnet-1", "subnet-2"]
  }

  assert {
    condition     = length(aws_vpc.this) + length(aws_subnet.private) + length(aws_route_table.private) + length(aws_default_security_group.this) + length(aws_vpc_endpoint.interface) + length(aws_vpc_endpoint.dynamodb) + length(aws_security_group.endpoints) == 0
    error_message = "others use it too: an endpoint's name and policy would be theirs as well"
  }

  assert {
    condition     = output.vpc_id == "vpc-1" && join(" ", output.subnet_ids) == "subnet-1 subnet-2" && one(output.security_group_ids) == "sg-functions"
    error_message = "the functions go where they were told"
  }

  assert {
    condition     = toset(flatten([for rule in aws_security_group.functions[0].egress : concat(coalesce(rule.prefix_list_ids, []), coalesce(rule.cidr_blocks, []))])) == toset(["pl-dynamodb", "10.20.0.0/16"])
    error_message = "to the endpoints that the VPC has, wherever in it they are"
  }
}

run "a_nat_gateway_lets_the_functions_out_by_https" {
  variables {
    vpc_id          = "vpc-1"
    subnet_ids      = ["subnet-1", "subnet-2"]
    internet_egress = true
  }

  assert {
    condition     = [for rule in aws_security_group.functions[0].egress : "${rule.protocol} ${rule.from_port}-${rule.to_port}" if contains(coalesce(rule.cidr_blocks, []), "0.0.0.0/0")] == ["tcp 443-443"]
    error_message = "AWS's addresses are anywhere, and HTTPS is all that is spoken to them"
  }
}

run "given_security_groups_are_used_as_they_are" {
  variables {
    vpc_id             = "vpc-1"
    subnet_ids         = ["subnet-1", "subnet-2"]
    security_group_ids = ["sg-theirs"]
  }

  assert {
    condition     = one(output.security_group_ids) == "sg-theirs" && length(aws_security_group.functions) == 0
    error_message = "whoever brings a group decides what it lets out"
  }
}

run "flow_logs_are_written_by_a_role_that_can_write_nothing_else" {
  variables {
    flow_logs = {}
  }

  assert {
    condition     = aws_flow_log.this[0].traffic_type == "REJECT" && aws_cloudwatch_log_group.flow_logs[0].retention_in_days == 30
    error_message = "what was refused is what is looked for, and it does not stay for ever"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.flow_logs[0].policy).Statement[0].Resource == ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/deals-test/flow-logs:*"]
    error_message = "to its own group only"
  }

  assert {
    condition     = jsondecode(aws_iam_role.flow_logs[0].assume_role_policy).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    error_message = "the service acts for this account alone"
  }
}

run "without_flow_logs_there_is_no_role_for_them" {
  command = plan

  assert {
    condition     = length(aws_flow_log.this) + length(aws_iam_role.flow_logs) + length(aws_cloudwatch_log_group.flow_logs) == 0
    error_message = "nothing is made that nobody asked for"
  }
}
