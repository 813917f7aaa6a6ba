################################################################################
# Names
################################################################################

variable "name" {
  description = "Id of the replication group; also the stem of every other resource's name"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,39}$", var.name)) && !strcontains(var.name, "--") && !endswith(var.name, "-")
    error_message = "name: ElastiCache takes 1 to 40 lower-case letters, digits and single hyphens, beginning with a letter and not ending in a hyphen; shorten or correct the name."
  }
}

variable "description" {
  description = "What the cache is for, as the console shows it"
  type        = string
  default     = "Fan-out index and message broker"

  validation {
    condition     = length(var.description) > 0 && length(var.description) <= 255
    error_message = "description: ElastiCache takes 1 to 255 characters."
  }
}

variable "tags" {
  description = "Tags of every resource"
  type        = map(string)
  default     = {}
}

################################################################################
# Engine
################################################################################

variable "engine" {
  description = "valkey or redis. Valkey costs a fifth less and stays open source"
  type        = string
  default     = "valkey"
  nullable    = false

  validation {
    condition     = contains(["valkey", "redis"], var.engine)
    error_message = "engine: use valkey or redis; Memcached has neither streams nor sets."
  }
}

variable "engine_version" {
  description = "Version MAJOR.MINOR of the engine; null for 8.1 of Valkey and 7.1 of Redis"
  type        = string
  default     = null

  validation {
    condition     = var.engine_version == null || (var.engine == "valkey" ? can(regex("^(7\\.2|[89]\\.[0-9])$", var.engine_version)) : can(regex("^(6\\.2|7\\.[01])$", var.engine_version)))
    error_message = "engine_version: ElastiCache has Valkey 7.2, 8.x and 9.x, and Redis 6.2, 7.0 and 7.1; correct the version, or leave it out."
  }
}

variable "node_type" {
  description = "Node type. cache.t4g.micro holds 0.5 GB; an index of 100,000 members takes 3 to 14 MB of it"
  type        = string
  default     = "cache.t4g.micro"
  nullable    = false

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "node_type: give an ElastiCache node type, for example cache.t4g.small."
  }

  validation {
    condition     = !can(regex("^cache\\.(t1|m1|m2|m3|c1|r3)\\.", var.node_type))
    error_message = "node_type: these older nodes have no encryption; use cache.t4g, cache.m7g or cache.r7g."
  }
}

variable "port" {
  description = "Port of the nodes"
  type        = number
  default     = 6379
  nullable    = false

  validation {
    condition     = var.port >= 1024 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "port: use a whole number from 1024 to 65535; Redis listens on 6379."
  }
}

################################################################################
# Availability
################################################################################

variable "replicas" {
  description = "Read replicas in addition to the primary, 0 to 5. With none, a failed node is an outage of minutes"
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = contains(range(0, 6), var.replicas)
    error_message = "replicas: ElastiCache takes a whole number from 0 to 5."
  }
}

variable "automatic_failover_enabled" {
  description = "Whether a replica takes over when the primary fails; null for whenever there is a replica"
  type        = bool
  default     = null

  validation {
    condition     = var.automatic_failover_enabled != true || var.replicas >= 1
    error_message = "automatic_failover_enabled: nothing can take over without a replica; set replicas to 1 or more, or leave it out."
  }
}

variable "multi_az_enabled" {
  description = "Whether primary and replicas are in different Availability Zones; null for whenever there is a replica"
  type        = bool
  default     = null

  validation {
    condition     = var.multi_az_enabled != true || var.replicas >= 1
    error_message = "multi_az_enabled: one node is in one Availability Zone; set replicas to 1 or more, or leave it out."
  }

  validation {
    condition     = coalesce(var.multi_az_enabled, var.replicas > 0) == false || coalesce(var.automatic_failover_enabled, var.replicas > 0)
    error_message = "multi_az_enabled: several Availability Zones need automatic failover; leave automatic_failover_enabled out, or set multi_az_enabled to false."
  }
}

variable "snapshot_retention_days" {
  description = "Days that daily snapshots are kept, 0 (none) to 35. The first is free; what they hold can be rebuilt, but for unread stream entries"
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = contains(range(0, 36), var.snapshot_retention_days)
    error_message = "snapshot_retention_days: ElastiCache takes a whole number from 0 to 35."
  }
}

variable "snapshot_window" {
  description = "Daily hour or more of the snapshots (UTC), for example 03:00-04:00; null for AWS's choice"
  type        = string
  default     = null

  validation {
    condition     = var.snapshot_window == null || can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", var.snapshot_window))
    error_message = "snapshot_window: give it as hh:mm-hh:mm in UTC, an hour or more."
  }

  validation {
    condition     = var.snapshot_window == null || var.snapshot_retention_days > 0
    error_message = "snapshot_window: there are no snapshots; set snapshot_retention_days to 1 or more, or leave it out."
  }
}

variable "maintenance_window" {
  description = "Weekly hour or more for changes and patches (UTC), for example sun:04:00-sun:05:00; null for AWS's choice"
  type        = string
  default     = null

  validation {
    condition     = var.maintenance_window == null || can(regex("^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$", var.maintenance_window))
    error_message = "maintenance_window: give it as ddd:hh:mm-ddd:hh:mm in UTC, an hour or more, in lower case."
  }
}

variable "apply_immediately" {
  description = "Whether changes take effect at once, not in the maintenance window"
  type        = bool
  default     = false
  nullable    = false
}

################################################################################
# Network
################################################################################

variable "vpc_id" {
  description = "Id of the VPC"
  type        = string
}

variable "subnet_ids" {
  description = "Ids of private subnets, in two Availability Zones or more where `multi_az_enabled`"
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= (coalesce(var.multi_az_enabled, var.replicas > 0) ? 2 : 1)
    error_message = "subnet_ids: several Availability Zones need a subnet in each; give two or more, or set multi_az_enabled to false."
  }
}

variable "client_security_group" {
  description = "Id of a security group without rules that the clients carry, to be given those of a client; null to create one. One that is given can outlive the cache, which functions need that leave its VPC"
  type = object({
    id = string
  })
  default = null
}

variable "other_client_security_groups" {
  description = "Ids of security groups that are let in, beside the clients' own that the module makes, by a name of your choice"
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.other_client_security_groups) : can(regex("^[a-zA-Z0-9 ._-]{1,100}$", name))])
    error_message = "other_client_security_groups: a name stands in the description of a rule; use up to 100 letters, digits, spaces, dots, hyphens and underscores."
  }
}

################################################################################
# Logs
################################################################################

variable "slow_log_enabled" {
  description = "Whether commands that take longer than 10 ms are logged to CloudWatch (charged by size)"
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the slow log"
  type        = number
  default     = 30
  nullable    = false
}
