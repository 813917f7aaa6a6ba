################################################################################
# Names
################################################################################

variable "name" {
  description = "Stem of every resource's name"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,37}$", var.name))
    error_message = "name: use up to 38 lower-case letters, digits and hyphens, beginning with a letter; the role of the flow logs adds the Region and stops at 64."
  }
}

variable "tags" {
  description = "Tags of every resource, besides Name"
  type        = map(string)
  default     = {}
}

################################################################################
# A VPC that is made
################################################################################

variable "cidr_block" {
  description = "IPv4 addresses of the created VPC, a /16 to a /26. Choose others if it will be peered"
  type        = string
  default     = "10.84.0.0/24"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr_block)) && try(tonumber(split("/", var.cidr_block)[1]) >= 16 && tonumber(split("/", var.cidr_block)[1]) <= 26, false)
    error_message = "cidr_block: give IPv4 addresses from /16 to /26, for example 10.84.0.0/24; a quarter of them is a subnet, and a VPC takes no subnet below /28."
  }

  validation {
    condition     = try(cidrhost(var.cidr_block, 0) == split("/", var.cidr_block)[0], true)
    error_message = "cidr_block: the address is not the first of its block; write ${try(cidrhost(var.cidr_block, 0), "it")}/${try(split("/", var.cidr_block)[1], "24")}."
  }
}

variable "availability_zones" {
  description = "Availability Zones of the created subnets, two to four; null for the first two that have Lambda and all of the endpoints. An endpoint is charged in each"
  type        = list(string)
  default     = null

  validation {
    condition     = var.availability_zones == null || try(length(distinct(var.availability_zones)) == length(var.availability_zones) && length(var.availability_zones) >= 2 && length(var.availability_zones) <= 4, false)
    error_message = "availability_zones: name two to four different ones, so that the loss of one is no outage."
  }

  validation {
    condition     = var.availability_zones == null || var.existing_vpc == null
    error_message = "availability_zones: the subnets of existing_vpc have theirs; leave it out, or leave existing_vpc out to create a VPC."
  }
}

################################################################################
# An existing VPC
################################################################################

variable "existing_vpc" {
  description = "Id of an existing VPC to use, and of private subnets of it in two Availability Zones or more; null to create a VPC"
  type = object({
    id         = string
    subnet_ids = list(string)
  })
  default = null

  validation {
    condition     = var.existing_vpc == null || try(length(distinct(var.existing_vpc.subnet_ids)) >= 2, false)
    error_message = "existing_vpc: give at least two subnet_ids, in different Availability Zones, so that the loss of one is no outage."
  }
}

variable "existing_security_groups" {
  description = "Ids of existing security groups for the functions, which must let them out by HTTPS; null to create one"
  type = object({
    ids = list(string)
  })
  default = null

  validation {
    condition     = var.existing_security_groups == null || var.existing_vpc != null
    error_message = "existing_security_groups: a security group belongs to a VPC that exists; set existing_vpc too, or leave it out."
  }

  validation {
    condition     = var.existing_security_groups == null || try(contains(range(1, 5), length(var.existing_security_groups.ids)), false)
    error_message = "existing_security_groups: a network interface takes five security groups, of which the cache's is one; give one to four ids, or leave it out."
  }
}

variable "internet_egress" {
  description = "Whether the existing subnets reach the internet by a NAT gateway"
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.internet_egress || var.existing_vpc != null
    error_message = "internet_egress: the created VPC has no NAT gateway; bring one that has by existing_vpc, or leave it out."
  }
}

################################################################################
# Endpoints
################################################################################

variable "interface_endpoints" {
  description = "AWS services that the created VPC reaches by interface endpoints, in addition to DynamoDB by a gateway endpoint: some of lambda, logs, secretsmanager, sqs. Each is charged in each Availability Zone"
  type        = list(string)
  default     = ["lambda", "logs", "secretsmanager", "sqs"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.interface_endpoints, ["lambda", "logs", "secretsmanager", "sqs"])) == 0
    error_message = "interface_endpoints: name some of lambda, logs, secretsmanager and sqs; DynamoDB has a gateway endpoint, which is free."
  }
}

variable "endpoint_resources" {
  description = <<-EOT
    ARNs that may be reached through the endpoints, by service: dynamodb, lambda, logs, secretsmanager, sqs. A service
    that is left out: everything of this account.
  EOT
  type        = map(list(string))
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.endpoint_resources), ["dynamodb", "lambda", "logs", "secretsmanager", "sqs"])) == 0
    error_message = "endpoint_resources: its keys are some of dynamodb, lambda, logs, secretsmanager and sqs."
  }
}

################################################################################
# Flow logs
################################################################################

variable "flow_logs" {
  description = <<-EOT
    Records of the VPC's connections in CloudWatch Logs (charged by size); null for none.

    `traffic_type`: ALL, ACCEPT or REJECT.
    `retention_days`: days that they are kept.
  EOT
  type = object({
    traffic_type   = optional(string, "REJECT")
    retention_days = optional(number, 30)
  })
  default = null

  validation {
    condition     = try(contains(["ALL", "ACCEPT", "REJECT"], var.flow_logs.traffic_type), var.flow_logs == null)
    error_message = "flow_logs: traffic_type is ALL, ACCEPT or REJECT."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key of the flow logs, whose policy must let CloudWatch Logs use it; null for the key that AWS owns"
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the role of the flow logs, where the organisation asks for one"
  type        = string
  default     = null
}
