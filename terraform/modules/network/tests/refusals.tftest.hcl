# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "deals-test"
}

run "refuses_a_name_too_long_for_the_flow_logs_role" {
  command = plan

  variables {
    name = "a-name-of-thirty-nine-characters-too-lon"
  }

  expect_failures = [var.name]
}

run "refuses_a_name_in_capitals" {
  command = plan

  variables {
    name = "Deals"
  }

  expect_failures = [var.name]
}

run "refuses_an_invalid_cidr_block" {
  command = plan

  variables {
    cidr_block = "10.84.0.0"
  }

  expect_failures = [var.cidr_block]
}

run "refuses_a_block_too_small_for_four_subnets" {
  command = plan

  variables {
    cidr_block = "10.84.0.0/27"
  }

  expect_failures = [var.cidr_block]
}

run "refuses_a_block_larger_than_a_vpc" {
  command = plan

  variables {
    cidr_block = "10.0.0.0/8"
  }

  expect_failures = [var.cidr_block]
}

run "refuses_a_cidr_block_with_host_bits" {
  command = plan

  variables {
    cidr_block = "10.84.0.7/24"
  }

  expect_failures = [var.cidr_block]
}

run "refuses_a_single_availability_zone" {
  command = plan

  variables {
    availability_zones = ["eu-west-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_a_duplicate_availability_zone" {
  command = plan

  variables {
    availability_zones = ["eu-west-1a", "eu-west-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_availability_zones_with_existing_subnets" {
  command = plan

  variables {
    existing_vpc       = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
    availability_zones = ["eu-west-1a", "eu-west-1b"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_a_single_subnet" {
  command = plan

  variables {
    existing_vpc = { id = "vpc-1", subnet_ids = ["subnet-1"] }
  }

  expect_failures = [var.existing_vpc]
}

run "refuses_security_groups_with_a_new_vpc" {
  command = plan

  variables {
    existing_security_groups = { ids = ["sg-1"] }
  }

  expect_failures = [var.existing_security_groups]
}

run "refuses_too_many_security_groups" {
  command = plan

  variables {
    existing_vpc             = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
    existing_security_groups = { ids = ["sg-1", "sg-2", "sg-3", "sg-4", "sg-5"] }
  }

  expect_failures = [var.existing_security_groups]
}

run "refuses_internet_egress_with_a_new_vpc" {
  command = plan

  variables {
    internet_egress = true
  }

  expect_failures = [var.internet_egress]
}

run "refuses_an_endpoint_for_an_unknown_service" {
  command = plan

  variables {
    interface_endpoints = ["s3"]
  }

  expect_failures = [var.interface_endpoints]
}

run "refuses_resources_of_an_unknown_endpoint" {
  command = plan

  variables {
    endpoint_resources = { s3 = ["arn:aws:s3:::bucket"] }
  }

  expect_failures = [var.endpoint_resources]
}

run "refuses_an_unknown_traffic_type_of_flow_logs" {
  command = plan

  variables {
    flow_logs = { traffic_type = "SOME" }
  }

  expect_failures = [var.flow_logs]
}

run "refuses_a_zone_without_lambda_or_an_endpoint" {
  command = plan

  variables {
    availability_zones = ["eu-west-1a", "eu-west-1b"]
  }

  override_data {
    target = data.aws_vpc_endpoint_service.interface["sqs"]
    values = { availability_zones = ["eu-west-1b", "eu-west-1c"], service_name = "com.amazonaws.eu-west-1.sqs" }
  }

  expect_failures = [aws_vpc.this]
}

run "refuses_a_region_with_one_suitable_zone" {
  command = plan

  override_data {
    target = data.aws_vpc_endpoint_service.interface["sqs"]
    values = { availability_zones = ["eu-west-1b"], service_name = "com.amazonaws.eu-west-1.sqs" }
  }

  expect_failures = [aws_vpc.this]
}
