################################################################################
# Network
################################################################################

variable "network_retained" {
  description = "Whether the network stays while `redis_enabled` is false: a step on the way out of it, until no version of a function has an interface in it (docs/operations.md)"
  type        = bool
  default     = false
  nullable    = false
}

variable "vpc_functions" {
  description = "Functions that are in the VPC though they use no Redis, where the organisation asks for it: `authorizer` and `broadcast`, which then queues everything. The others post to connections, or call other Regions, which no VPC reaches without the internet (docs/operations.md)"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.vpc_functions, ["authorizer", "broadcast"])) == 0
    error_message = "vpc_functions: ${join(", ", setsubtract(var.vpc_functions, ["authorizer", "broadcast"]))} cannot be in a VPC: no VPC endpoint serves the connections of a WebSocket API, nor another Region. Name authorizer, broadcast, or both."
  }
}

variable "existing_vpc" {
  description = "Where Redis, its functions and `vpc_functions` are: id of an existing VPC, and of private subnets of it in two Availability Zones or more. It brings its own endpoints, or a NAT gateway. Null to create a small VPC, without a way to the internet"
  type = object({
    id         = string
    subnet_ids = list(string)
  })
  default = null

  validation {
    condition     = var.existing_vpc == null || var.redis_enabled || var.network_retained || length(var.vpc_functions) > 0
    error_message = "existing_vpc: nothing is in it; set redis_enabled to true, name vpc_functions, or leave it out."
  }
}

variable "existing_security_groups" {
  description = "Ids of existing security groups for the functions in `existing_vpc`, which must let them out by HTTPS; null to create one"
  type = object({
    ids = list(string)
  })
  default = null

  validation {
    condition     = var.existing_security_groups == null || var.existing_vpc != null
    error_message = "existing_security_groups: they belong to an existing VPC; set existing_vpc too, or leave them out."
  }
}

variable "internet_egress" {
  description = "Whether the subnets of `existing_vpc` reach the internet by a NAT gateway"
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.internet_egress || var.existing_vpc != null
    error_message = "internet_egress: the VPC that is made has no NAT gateway; name an existing_vpc that has one, or leave it out."
  }

  validation {
    condition     = !contains(var.vpc_functions, "authorizer") || var.jwt_jwks_url == null || var.internet_egress
    error_message = "internet_egress: authorizer in vpc_functions fetches the issuer's keys from jwt_jwks_url, which is on the internet; set it where the subnets of existing_vpc have a NAT gateway, or leave authorizer out."
  }
}

variable "network_cidr_block" {
  description = "IPv4 addresses of the VPC that is made, a /16 to a /26; null for 10.84.0.0/24. Choose others if it will be peered"
  type        = string
  default     = null

  validation {
    condition     = var.network_cidr_block == null || var.existing_vpc == null
    error_message = "network_cidr_block: existing_vpc has its own addresses; leave one of the two out."
  }
}

variable "network_availability_zones" {
  description = "Availability Zones of the VPC that is made, two to four; null for the Region's first two that have Lambda and the endpoints"
  type        = list(string)
  default     = null

  validation {
    condition     = var.network_availability_zones == null || var.existing_vpc == null
    error_message = "network_availability_zones: the subnets of existing_vpc have theirs; leave one of the two out."
  }
}

variable "network_interface_endpoints" {
  description = "Services that the VPC that is made reaches, of lambda, logs, secretsmanager and sqs; null for what the functions call"
  type        = list(string)
  default     = null

  validation {
    condition     = var.network_interface_endpoints == null || var.existing_vpc == null
    error_message = "network_interface_endpoints: existing_vpc brings its own; leave one of the two out."
  }

  validation {
    condition     = var.network_interface_endpoints == null || var.internet_egress || length(setsubtract(local.called_endpoints, coalesce(var.network_interface_endpoints, []))) == 0
    error_message = "network_interface_endpoints: the functions in the VPC call ${join(", ", local.called_endpoints)}; add what is missing, or leave it out."
  }
}

variable "network_flow_logs" {
  description = "Records of the VPC's connections (charged by size): which, as ALL, ACCEPT or REJECT, and for how many days they are kept; null for none"
  type = object({
    traffic_type   = string
    retention_days = number
  })
  default = null
}
